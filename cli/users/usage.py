"""What your tasks cost."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from cli.errors import Misused, WrongFields
from cli.options import Json, ProfileName, connected
from cli.output import print_json, print_table
from cli.users.requests import in_options

PANEL = "Videos"


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(usage)


def usage(
    ctx: typer.Context,
    since: Annotated[str, typer.Option("--since", metavar="YYYY-MM-DD", help="The first day (UTC).")] = "",
    until: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help="The last day; today if absent.")] = "",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="WORD", help="Rows of day, tag, provider, model or key; repeatable."),
    ] = None,
    profile: ProfileName = "",
    json: Json = False,
) -> None:
    """Show what your tasks cost: what was charged, and what is reserved for tasks under way.

    Different units and currencies are never added up. A price that nobody configured is not known, which is not 0.
    """
    groups = by or ["day"]
    asked = [("from", _day(since, "--since")), ("to", _day(until, "--until")), *(("by", each) for each in groups)]
    try:
        found: dict[str, Any] = connected(ctx, profile).get("/usage", [each for each in asked if each[1]])
    except WrongFields as error:
        raise in_options(error) from error
    if json:
        print_json(found)
        return
    rows = found["rows"]
    print_table(
        {
            **{each.upper(): [row.get(each) for row in rows] for each in groups},
            "TASKS": [row["tasks"] for row in rows],
            "UNITS": [f"{row['units_charged']} {row['unit']}" for row in rows],
            "CHARGED": [_money(row, "charged") for row in rows],
            "RESERVED": [_money(row, "reserved") for row in rows],
        }
    )


def _day(text: str, option: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise Misused(f"{option}: {text!r} is not a day, such as 2026-11-21") from None


def _money(row: dict[str, Any], name: str) -> str | None:
    return f"{row[name]} {row['currency']}" if row["currency"] else None
