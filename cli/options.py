"""The options that many commands share, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Misused
from cli.profiles import chosen
from cli.world import world_of
from reelkeep.domain.task import Kind, State

if TYPE_CHECKING:
    from cli.api import Api, Parameters

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="The stack to use, of those that `login` knows.")
]
TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id.", show_default=False)]

_FILTERS = "Filters"
States = Annotated[
    list[State] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help=f"In this state, one of {', '.join(State)}; repeatable.",
        rich_help_panel=_FILTERS,
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="MODEL", help="For this model; repeatable.", rich_help_panel=_FILTERS),
]
Resolutions = Annotated[
    list[str] | None,
    typer.Option("--resolution", metavar="WORD", help="As 720p; repeatable.", rich_help_panel=_FILTERS),
]
Templates = Annotated[
    list[str] | None,
    typer.Option("--template", metavar="NAME", help="With this template; repeatable.", rich_help_panel=_FILTERS),
]
ProviderNames = Annotated[
    list[str] | None,
    typer.Option("--provider", metavar="NAME", help="At this provider; repeatable.", rich_help_panel=_FILTERS),
]
Kinds = Annotated[
    list[Kind] | None,
    typer.Option("--kind", metavar="KIND", help="Of this kind, as img2video; repeatable.", rich_help_panel=_FILTERS),
]
TagNames = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="With this tag; repeatable.", rich_help_panel=_FILTERS),
]
Starred = Annotated[
    bool | None,
    typer.Option("--starred/--not-starred", help="Starred, or not.", show_default=False, rich_help_panel=_FILTERS),
]
Search = Annotated[
    str,
    typer.Option("--search", "-s", metavar="WORDS", help="All of these in its prompt.", rich_help_panel=_FILTERS),
]
Hidden = Annotated[bool, typer.Option("--hidden", help="Only what was hidden.", rich_help_panel=_FILTERS)]
Since = Annotated[
    str,
    typer.Option(
        "--since", metavar="WHEN", help="Submitted since 2026-11-21, or 90m, 12h, 7d.", rich_help_panel=_FILTERS
    ),
]
Until = Annotated[
    str,
    typer.Option(
        "--until", metavar="WHEN", help="Submitted up to then; a day is included.", rich_help_panel=_FILTERS
    ),
]


def connected(ctx: typer.Context, profile: str) -> Api:
    from cli.api import Api  # with httpx, which operators' commands do not wait for

    world = world_of(ctx)
    api = Api(chosen(world, profile), transport=world.transport, sleep=world.sleep)
    ctx.call_on_close(api.close)
    return api


def filters(
    *,
    state: Sequence[str] | None = None,
    model: Sequence[str] | None = None,
    provider: Sequence[str] | None = None,
    kind: Sequence[str] | None = None,
    tag: Sequence[str] | None = None,
    starred: bool | None = None,
    search: str = "",
    resolution: Sequence[str] | None = None,
    template: Sequence[str] | None = None,
    since: str = "",
    until: str = "",
    hidden: bool = False,
) -> Parameters:
    """As the API takes them."""
    lists = {
        "state": state,
        "model": model,
        "provider": provider,
        "kind": kind,
        "tag": tag,
        "resolution": resolution,
        "template": template,
    }
    found = [(name, str(value)) for name, values in lists.items() for value in values or ()]
    if starred is not None:
        found.append(("starred", str(starred).lower()))
    if search:
        found.append(("q", search))
    if hidden:
        found.append(("hidden", "true"))
    if since:
        found.append(("created_from", moment(since, "--since").isoformat()))
    if until:
        found.append(("created_to", moment(until, "--until", end=True).isoformat()))
    return found


def moment(text: str, named: str, *, end: bool = False) -> datetime:
    """A day, a time, or how long ago; of a day its beginning (UTC), or its end. Raises Misused."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        if text[-1:] in units and text[:-1].isdecimal():
            return datetime.now(UTC) - timedelta(**{units[text[-1]]: int(text[:-1])})
        if len(text) == len("2026-11-21"):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1) - timedelta(milliseconds=1) if end else day
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError):
        raise Misused(
            f"{named} {text!r} is neither a day, as 2026-11-21, nor a length of time, as 90m, 12h or 7d"
        ) from None
