"""The functions' logs, of the local cloud or of a deployed stack."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cli.errors import CommandError, Misused
from cli.operators.stack import Local, StackName, session
from cli.options import Json, moment
from cli.output import print_json_line, printable
from cli.world import world_of

_PAUSE: Final = 1.0  # seconds between two looks, with --follow
_DEFAULT: Final = "reelkeep"


def logs(
    ctx: typer.Context,
    function: Annotated[
        str, typer.Argument(metavar="FUNCTION", help="Such as submit or finalize; all if absent.", show_default=False)
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="As 10m or 2026-11-21; of a deployed stack.")
    ] = "10m",
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="The last ones of each log, of the local cloud.")
    ] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    stack: StackName = "",
    local: Local = False,
    json: Json = False,
) -> None:
    """Show what the functions log: what happened to a task is found by its id.

    Without --stack, those of the local cloud, if this checkout has one.
    """
    folder = world_of(ctx).stack_file.with_name("logs")
    if local and stack:
        raise Misused("--stack and --local name two stacks: give one of them")
    if local or (not stack and folder.is_dir()):
        found = _of_files(folder, function, lines, follow=follow)
    else:
        found = _of_cloudwatch(stack or _DEFAULT, function, moment(since, "--since"), follow=follow)
    for name, line in found:
        if json:
            print_json_line({"function": name, "line": line})
        else:
            print(f"{name:<18} {printable(line)}", flush=True)


def _of_files(folder: Path, function: str, lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
    """What is there, and, with `follow`, what comes."""
    paths = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if function:
        if function not in (known := {name.removeprefix("reelkeep-"): path for name, path in paths.items()}):
            raise Misused(f"there is no log {function!r}; there are {', '.join(known) or 'none yet'}")
        paths = {function: known[function]}
    if not paths:
        raise CommandError(f"there are no logs in {folder}: start the local cloud with `reelkeep up`")
    ends: dict[str, int] = {}
    for name, path in paths.items():
        content = path.read_bytes()
        ends[name] = len(content)
        yield from ((name, line) for line in content.decode(errors="replace").splitlines()[-lines:])
    while follow:
        time.sleep(_PAUSE)
        for name, path in paths.items():
            with path.open("rb") as file:
                file.seek(ends[name])
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            ends[name] += len(whole)
            yield from ((name, line) for line in whole.decode(errors="replace").splitlines())


def _of_cloudwatch(stack: str, function: str, since: datetime, *, follow: bool) -> Iterator[tuple[str, str]]:
    """Of each function's log group. With `follow`, an event that is shown once is not shown again."""
    client: Any = session().create_client("logs")
    prefix = f"/aws/lambda/{stack}-{function}"
    groups = [each["logGroupName"] for each in client.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]]
    if not groups:
        raise CommandError(f"there is no log group that begins with {prefix}")
    seen: set[str] = set()
    while True:
        now = datetime.now(UTC)
        for group in groups:
            for event in _events(client, group, since):
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    yield group.removeprefix(f"/aws/lambda/{stack}-"), event["message"].rstrip()
        if not follow:
            return
        since = now - timedelta(minutes=1)  # CloudWatch shows an event a little after it happened
        time.sleep(_PAUSE)


def _events(client: Any, group: str, since: datetime) -> Iterator[Any]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000)
    )
    for page in pages:
        yield from page["events"]
