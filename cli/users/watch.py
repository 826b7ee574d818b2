"""Watching tasks until they have ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from cli.api import ENDED, Task
from cli.options import Connected, Here, Json
from cli.output import ago, print_json_line, printable, table
from cli.users.tasks import created
from cli.users.waiting import expected, in_words, reason, require_success, rounds
from reelkeep.domain.task import State

_MOST: Final = 100  # tasks, without ids


def watch(
    world: Here,
    api: Connected,
    tasks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...", help="The tasks; without ids, all that have not ended.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Watch tasks until they have ended.

    On a terminal a table changes in its place; elsewhere, and with --json, there is a line for each change. The exit
    code is 3 if a task that you named ends without a video.
    """
    under_way = [("state", state.value) for state in State if not state.terminal]
    ids = tasks or [each["id"] for _, each in zip(range(_MOST), api.tasks(under_way), strict=False)]
    if not ids:
        if not json:
            print("No task is under way.", file=sys.stderr)
        return
    last: list[Task] = []
    with _shown(json=json) as shown:
        for last in rounds(api, ids, world.sleep):
            shown(last)
    if tasks:
        require_success(last)


@contextmanager
def _shown(*, json: bool) -> Iterator[Callable[[list[Task]], None]]:
    if sys.stdout.isatty() and not json:
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(), auto_refresh=False) as live:
            yield lambda tasks: live.update(table(columns(tasks, datetime.now(UTC))), refresh=True)
        return
    seen: dict[str, str] = {}

    def lines(tasks: Iterable[Task]) -> None:
        for each in tasks:
            words = f"{in_words(each)}{reason(each)}"
            if seen.get(each["id"]) != words:
                seen[each["id"]] = words
                if json:
                    print_json_line(each)
                else:
                    print(f"{each['id']}  {printable(words)}", flush=True)

    yield lines


def columns(tasks: list[Task], now: datetime) -> dict[str, list[str]]:
    """What the table shows."""
    return {
        "ID": [each["id"] for each in tasks],
        "STATE": [each["state"] for each in tasks],
        "PLACE": [str(place["position"]) if (place := each.get("waiting")) else "-" for each in tasks],
        "EXPECTED": [expected(each, now).removeprefix(", ") or "-" for each in tasks],
        "SINCE": [ago(created(each), _ended(each) or now) for each in tasks],
        "PROMPT": [_short(each["prompt"] or each["kind"]) for each in tasks],
    }


def _ended(task: Task) -> datetime | None:
    at = task["finished_at"]
    return datetime.fromisoformat(at) if at and task["state"] in ENDED else None


def _short(text: str, most: int = 60) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"
