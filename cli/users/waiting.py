"""Waiting for tasks, without asking more often than it helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cli.api import ENDED, Api, Task
from cli.errors import Unsuccessful
from cli.output import Progress, ago

_SHOWN_SINGLY: Final = 10  # tasks at most that are asked for one by one, for their place in line
_FIRST, _LONGEST, _GROWTH = 1.0, 10.0, 1.3  # seconds between two questions


def rounds(api: Api, task_ids: Sequence[str], sleep: Callable[[float], None]) -> Iterator[list[Task]]:
    """The tasks as they are, again and again, until all of them have ended. Raises NothingFound."""
    tasks = {each["id"]: each for each in api.some(task_ids)}
    pause = _FIRST
    while True:
        waiting = [each for each in tasks.values() if each["state"] in ("created", "queueing")]
        for each in waiting[: _SHOWN_SINGLY if len(tasks) > 1 else 0]:
            tasks[each["id"]] = api.task(each["id"])
        yield list(tasks.values())
        left = [each["id"] for each in tasks.values() if each["state"] not in ENDED]
        if not left:
            return
        sleep(pause)
        pause = min(_LONGEST, pause * _GROWTH)
        tasks |= {each["id"]: each for each in api.some(left)}


def wait_for(api: Api, task_ids: Sequence[str], sleep: Callable[[float], None]) -> list[Task]:
    """The tasks once they have ended; on a terminal, what they do meanwhile."""
    found: list[Task] = []
    with Progress() as progress:
        for found in rounds(api, task_ids, sleep):
            now = datetime.now(UTC)
            progress.show("; ".join(f"{in_words(each)}{expected(each, now)}" for each in found[:3]))
    return found


def in_words(task: Task) -> str:
    """Its state, and what is known about the rest of the way."""
    place = task.get("waiting")
    if place:
        return f"{task['state']}, number {place['position']} in line"
    return str(task["state"])


def expected(task: Task, now: datetime) -> str:
    """When it is as likely to end sooner as later, and when nine of ten have ended; empty if nobody knows."""
    eta = task.get("eta")
    if not eta:
        return ""
    half, most = (datetime.fromisoformat(eta[name]) for name in ("p50", "p90"))
    if half > now:
        return f", in {ago(now, half)} ({ago(now, most)})"
    return f", within {ago(now, most)}" if most > now else ", later than usual"


def require_success(tasks: Sequence[Task]) -> None:
    """Raises Unsuccessful, with the reason of the first one that has another end."""
    others = [each for each in tasks if each["state"] != "success"]
    if others:
        raise Unsuccessful("; ".join(f"{each['id']} is {each['state']}{reason(each)}" for each in others[:5]))


def reason(task: Task) -> str:
    failure: dict[str, Any] = task.get("failure") or {}
    said = failure.get("message") or failure.get("code") or failure.get("reason")
    return f": {said}" if said else ""
