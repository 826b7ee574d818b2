"""The options that many commands share, and what they stand for.

A parameter of a command may stand for several options: `Options` in its annotation names the function that makes its
value, and the parameters of that function are the options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from inspect import Parameter, Signature, getdoc, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.errors import Misused
from cli.profiles import chosen
from cli.world import World, world_of
from reelkeep.domain.task import FailureClass, Kind, State

if TYPE_CHECKING:
    from cli.api import Api


@dataclass(frozen=True)
class Options:
    """Those of `read`, but for some. What it returns is the value of the parameter that is annotated so."""

    read: Callable[..., Any]
    without: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Parameter]:
        return {name: each for name, each in _parameters(self.read).items() if name not in self.without}

    def __call__(self, given: Mapping[str, Any]) -> Any:
        return self.read(**{name: given[name] for name in self.parameters()})


class Commands(typer.Typer):
    """Commands whose parameters may stand for several options."""

    def command(self, *name: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # type: ignore[override]  # the rest goes on as it is
        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            paragraphs = (getdoc(function) or "").split("\n\n")  # whose lines typer would keep
            text = "\n\n".join(" ".join(each.split()) for each in paragraphs).replace("[", "\\[")  # no markup
            return super(Commands, self).command(*name, help=text, **settings)(_with_options(function))

        return add


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with each option as a parameter: its own ones first, and --json last."""
    own, shared = _parameters(function), dict[str, Parameter]()
    readers: dict[str, Options] = {}
    for name, parameter in list(own.items()):
        for options in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(options, Options):
                del own[name]
                readers[name] = options
                shared |= options.parameters()
    json = {"json": own.pop("json")}
    every = own | shared | json

    @wraps(function)
    def run(**given: Any) -> Any:
        read = {name: options(given) for name, options in readers.items()}  # one after the other, as they are written
        return function(**read, **{name: given[name] for name in (*own, "json")})

    del run.__wrapped__  # whose parameters typer would see
    run.__annotations__ = {name: each.annotation for name, each in every.items()}
    run.__signature__ = Signature([*every.values()])  # type: ignore[attr-defined]  # inspect knows it
    return run


def _parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    """By name, with what the words of their annotations mean."""
    scope = function.__globals__
    found = signature(function).parameters.values()
    return {
        each.name: each.replace(kind=Parameter.KEYWORD_ONLY, annotation=eval(each.annotation, scope))  # noqa: S307  # our own words
        for each in found
    }


Here = Annotated[World, Options(world_of)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="The stack to use, of those that `login` knows.")
]
TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id.", show_default=False)]


def _filter(*names: str, metavar: str | None = None, help: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=help, show_default=False, rich_help_panel="Filters")


def connected(ctx: typer.Context, profile: ProfileName = "") -> Any:
    from cli.api import Api  # with httpx, which operators' commands do not wait for

    world = world_of(ctx)
    api = Api(chosen(world, profile), transport=world.transport, sleep=world.sleep)
    ctx.call_on_close(api.close)
    return api


Connected = Annotated["Api", Options(connected)]


def filters(
    *,
    state: Annotated[
        list[State] | None,
        _filter("--state", metavar="STATE", help=f"In this state, one of {', '.join(State)}; repeatable."),
    ] = None,
    model: Annotated[
        list[str] | None, _filter("--model", metavar="MODEL", help="For this model; repeatable.")
    ] = None,
    provider: Annotated[
        list[str] | None, _filter("--provider", metavar="NAME", help="At this provider; repeatable.")
    ] = None,
    kind: Annotated[
        list[Kind] | None, _filter("--kind", metavar="KIND", help="Of this kind, as img2video; repeatable.")
    ] = None,
    tag: Annotated[list[str] | None, _filter("--tag", metavar="TAG", help="With this tag; repeatable.")] = None,
    starred: Annotated[bool | None, _filter("--starred/--not-starred", help="Starred, or not.")] = None,
    search: Annotated[str, _filter("--search", "-s", metavar="WORDS", help="All of these in its prompt.")] = "",
    resolution: Annotated[
        list[str] | None, _filter("--resolution", metavar="WORD", help="Such as 720p; repeatable.")
    ] = None,
    template: Annotated[
        list[str] | None, _filter("--template", metavar="NAME", help="With this template; repeatable.")
    ] = None,
    since: Annotated[
        str, _filter("--since", metavar="WHEN", help="Submitted since 2026-11-21, or 90m, 12h, 7d.")
    ] = "",
    until: Annotated[str, _filter("--until", metavar="WHEN", help="Submitted up to then; a day is included.")] = "",
    unfinished: Annotated[bool | None, _filter("--unfinished/--ended", help="Still to end, or not.")] = None,
    failure: Annotated[
        list[FailureClass] | None,
        _filter("--failure", metavar="REASON", help="Ended for this reason, as lost; repeatable."),
    ] = None,
    differs: Annotated[
        bool | None, _filter("--differs/--as-ordered", help="What was delivered is not what was ordered, or it is.")
    ] = None,
    hidden: Annotated[bool, _filter("--hidden", help="Only what was hidden.")] = False,
) -> Sequence[tuple[str, str]]:
    """As the API takes them."""
    lists = {
        "state": state,
        "model": model,
        "provider": provider,
        "kind": kind,
        "tag": tag,
        "resolution": resolution,
        "template": template,
        "failure": failure,
    }
    flags = {"starred": starred, "unfinished": unfinished, "differs": differs, "hidden": hidden or None}
    found = [(name, str(value)) for name, values in lists.items() for value in values or ()]
    found += [(name, str(flag).lower()) for name, flag in flags.items() if flag is not None]
    if search:
        found.append(("q", search))
    if since:
        found.append(("created_from", moment(since, "--since").isoformat()))
    if until:
        found.append(("created_to", moment(until, "--until", end=True).isoformat()))
    return found


Filters = Annotated[Sequence[tuple[str, str]], Options(filters)]


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


def day(text: str, named: str) -> date | None:
    """None if there is none. Raises Misused."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Misused(f"{named}: {text!r} is not a day, such as 2026-11-21") from None
