"""What your tasks cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from cli.options import Connected, Json, day
from cli.output import Columns, print_json, print_rows


def usage(
    api: Connected,
    since: Annotated[str, typer.Option("--since", metavar="YYYY-MM-DD", help="The first day (UTC).")] = "",
    until: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help="The last day; today if absent.")] = "",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="WORD", help="Rows of day, tag, provider, model or key; repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what your tasks cost: what was charged, and what is reserved for tasks under way.

    Different units and currencies are never added up. A price that nobody configured is not known, which is not 0.
    """
    groups = by or ["day"]
    asked = [("from", day(since, "--since")), ("to", day(until, "--until")), *(("by", each) for each in groups)]
    found = api.get("/usage", [(name, str(value)) for name, value in asked if value])
    if json:
        print_json(found)
        return
    columns: Columns = {
        **{each.upper(): _field(each) for each in groups},
        "TASKS": "tasks",
        "UNITS": lambda row: f"{row['units_charged']} {row['unit']}",
        "CHARGED": partial(_money, name="charged"),
        "RESERVED": partial(_money, name="reserved"),
    }
    print_rows(found["rows"], columns, json=False)


def _money(row: dict[str, Any], name: str) -> str | None:
    return f"{row[name]} {row['currency']}" if row["currency"] else None


def _field(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda row: row.get(name)
