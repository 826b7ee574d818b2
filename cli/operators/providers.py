"""Providers: check their configuration, stop one, start it again."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from json import loads
from pathlib import Path
from typing import Annotated

import typer

import reelkeep.dialects
from cli.operators.imports import probe
from cli.operators.stack import Local, NotFound, Place, Stack, StackName, find
from cli.options import Commands, Json
from cli.output import Columns, print_json, print_rows, say
from reelkeep.adapters.dynamodb.owners import TableOwners
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configuration import ProviderSettings, parse_providers
from reelkeep.adapters.providers.provider import HttpProvider
from reelkeep.domain.errors import Misconfigured
from reelkeep.domain.observation import Busy, Listed, Pending, Unreadable
from reelkeep.domain.task import Kind, Request, State, Task
from reelkeep.domain.wire import ProviderDialect

Known = Mapping[str, tuple[ProviderSettings, ProviderDialect]]

_NOBODY = "0" * 18  # the id of a task that no provider has
group = Commands(help=__doc__, no_args_is_help=True)


@group.callback()
def providers() -> None:
    """Providers: check their configuration, stop one, start it again."""


@group.command()
def check(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A file to check, instead of the secret.", show_default=False),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Also call the providers, without paying.")] = False,
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Say everything that is wrong with the configuration, or which providers there are, in their order.

    With --live, each provider is asked about a task that it does not have: that costs nothing, and shows whether it
    is reached and takes the key.
    """
    from reelkeep.dialects import upstream

    text = _text(file) if file is not None else find(ctx, stack, local=local).providers()
    try:
        known = parse_providers(text, upstream)
    except Misconfigured as error:
        raise Misconfigured(_with_suggestions(str(error))) from error
    if not known:
        raise Misconfigured("the providers' configuration is wrong: there is no provider in it")
    found = [(name, settings) for name, (settings, _) in known.items()]
    wrong = [*doubled_paths(known), *unreachable_models(known), *(refusals(known) if live else ())]
    if wrong:
        raise Misconfigured(f"the providers' configuration is wrong: {'; '.join(wrong)}")
    if json:
        print_json({name: settings.model_dump(exclude={"api_key"}) for name, settings in found})
        return
    columns: Columns = {
        "PROVIDER": lambda each: each[0],
        "DIALECT": lambda each: each[1].dialect,
        "BASE URL": lambda each: each[1].base_url,
        "MODELS": lambda each: " ".join(each[1].models),
        "DEFAULT": lambda each: "yes" if each[1].default else None,
        **({"LIVE": lambda _: "ok"} if live else {}),
    }
    print_rows(found, columns, json=False)


ProviderName = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="Its name in the configuration.", show_default=False)
]


@group.command()
def stop(place: Place, provider: ProviderName, json: Json = False) -> None:
    """Refuse submissions to a provider, at once. Tasks that are under way there are seen through."""
    if provider not in loads(place.providers()):
        raise NotFound(f"there is no provider {provider}")
    _say_stopped(place, provider, start=False, json=json)


@group.command()
def start(place: Place, provider: ProviderName, json: Json = False) -> None:
    """Take submissions to a provider again."""
    _say_stopped(place, provider, start=True, json=json)


def _say_stopped(stack: Stack, provider: str, *, start: bool, json: bool) -> None:
    stopped = sorted(TableOwners(stack.dynamodb(), stack.table).stop_provider(provider, start=start))
    sentence = f"stopped: {', '.join(stopped)}" if stopped else "No provider is stopped."
    say(sentence, {"stopped": stopped}, json=json)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotFound(f"{file} is not UTF-8") from error


def doubled_paths(known: Known) -> Iterator[str]:
    """A base URL that ends in what the dialect puts behind it: each call would have that twice."""
    for name, (settings, dialect) in known.items():
        path = dialect.observe(_asked_about(name)).path
        segments = path.strip("/").split("/")
        for number in range(len(segments), 0, -1):
            part = "/" + "/".join(segments[:number])
            if settings.base_url.endswith(part):
                yield f"{name}.base_url: it ends in {part}, which calls have anyway: leave it out"
                break


def unreachable_models(known: Known) -> Iterator[str]:
    """A pattern that an earlier provider of the same dialect has, too: no task comes that far."""
    first: dict[tuple[str, str], str] = {}
    for name, (settings, _) in known.items():
        for pattern in settings.models:
            before = first.setdefault((settings.dialect, pattern), name)
            if before != name:
                yield f"{name}.models: tasks for {pattern} go to {before}, which has it too and comes first"
    defaults = [name for name, (settings, _) in known.items() if settings.default]
    if len(defaults) > 1:
        yield f"{defaults[1]}.default: {defaults[0]} is the default already"


def refusals(known: Known) -> Iterator[str]:
    """Those that cannot be reached, or do not take the key."""
    outbound = Outbound()
    try:
        for name, (settings, dialect) in known.items():
            match HttpProvider(name, settings, dialect, outbound).observe(_asked_about(name)):
                case Busy(reason=reason) | Unreadable(reason=reason):
                    yield f"{name}: {reason}"
    finally:
        outbound.close()


def _asked_about(name: str) -> Task:
    listed = Listed(
        provider_task_id=_NOBODY,
        created_at=None,
        request=Request(dialect="", kind=Kind.TEXT2VIDEO),
        seen=Pending(State.PROCESSING),
    )
    return replace(probe(listed, name, "", datetime.now(UTC)), provider=name)


def _with_suggestions(sentence: str) -> str:
    """Names that are nearly right are mentioned with the right ones."""
    dialects = [each.name for each in pkgutil.iter_modules(reelkeep.dialects.__path__)]
    fields = list(ProviderSettings.model_fields)

    def suggested(found: re.Match[str]) -> str:
        close = get_close_matches(found["word"], dialects if "speaks" in found[0] else fields, 1)
        return f"{found[0]} (did you mean {close[0]}?)" if close else found[0]

    sentence = re.sub(r"no provider speaks '(?P<word>[^']*)'", suggested, sentence)
    return re.sub(r"\.(?P<word>\w+): Extra inputs are not permitted", suggested, sentence)
