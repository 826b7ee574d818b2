"""The fields of a log line about a task: who, where, and how it ended; never what was asked for."""

from __future__ import annotations

from datetime import datetime

from reelkeep.domain.money import as_number
from reelkeep.domain.task import Task

_MOST_CHARACTERS = 100  # clients and providers may make a word up

LogFields = dict[str, str | int | float | None]


def log_fields(task: Task) -> LogFields:
    """The same names in every function's lines, so that they can be searched and counted together.

    Times are in seconds: `seconds` from the submission to the end, `archive_seconds` from the provider's success on.
    A provider's message is left out: it may quote the prompt or hold a link.
    """
    failure = task.failure
    return {
        "task_id": task.id,
        "owner": task.owner,
        "provider": task.provider,
        "model": task.request.model[:_MOST_CHARACTERS],
        "dialect": task.request.dialect,
        "state": task.state,
        "reason": failure.reason if failure else "",
        "code": failure.code[:_MOST_CHARACTERS] if failure else "",
        "credits": as_number(task.credits),
        "seconds": _between(task.created_at, task.finished_at),
        "archive_seconds": _between(task.succeeded_at, task.finished_at),
    }


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 1) if start and end else None
