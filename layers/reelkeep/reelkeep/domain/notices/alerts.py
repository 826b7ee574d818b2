"""What operators are told, as CloudEvents on the same topic: answers are not understood, files cannot be fetched, or
are lost.

The attributes of these events name no owner, so that no owner's subscription can match them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reelkeep.domain.notices.notice import SOURCE
from reelkeep.domain.task import FailureClass, Task

LINKS_EXPIRING = "reelkeep.task.links-expiring"
LOST = "reelkeep.task.lost"
DELAYED = "reelkeep.task.delayed"
NOT_UNDERSTOOD = "reelkeep.task.not-understood"
ALERTS = frozenset({DELAYED, LINKS_EXPIRING, LOST, NOT_UNDERSTOOD})

Alert = dict[str, Any]


def not_understood(task: Task, now: datetime) -> Alert:
    """A provider answers about a task in words that have no meaning here; the task ends without a result by then."""
    data = {
        "reason": task.last_error,
        "since": _time(task.polling.not_understood_since),
        "deadline": _time(task.deadline),
    }
    return _event(NOT_UNDERSTOOD, task, now, data)


def delayed(task: Task, now: datetime) -> Alert:
    """Files that the provider has made cannot be fetched; nothing is lost yet."""
    files = [
        {
            "creation": creation.id,
            "file": asset.name,
            "last_error": asset.last_error,
            "consecutive_errors": asset.consecutive_errors,
            "quarantined": asset.quarantined.key if asset.quarantined else None,
            "dies_at": _time(asset.expires_at),
        }
        for creation in task.creations
        for asset in creation.assets
        if asset.open and asset.last_error
    ]
    return _event(DELAYED, task, now, {"files": files})


def links_expiring(task: Task, now: datetime) -> Alert:
    """Links die soon to files that are not in the archive yet."""
    files = [
        {"creation": creation.id, "file": asset.name, "dies_at": _time(asset.expires_at)}
        for creation in task.creations
        for asset in creation.assets
        if asset.open
    ]
    return _event(LINKS_EXPIRING, task, now, {"last_error": task.last_error or None, "files": files})


def lost(task: Task, now: datetime) -> Alert | None:
    """What was given up, and why; None if nothing was. After the end of the task, each further loss is an event."""
    files = [
        {
            "creation": creation.id,
            "file": asset.name,
            "reason": asset.lost,
            "quarantined": asset.quarantined.key if asset.quarantined else None,
        }
        for creation in task.creations
        for asset in creation.assets
        if asset.lost
    ]
    whole = task.failure.message if task.failure and task.failure.reason is FailureClass.LOST else None
    if not files and whole is None:
        return None
    if task.announcements.announced_at is None:
        return _event(LOST, task, task.finished_at or now, {"reason": whole, "files": files})
    return _event(LOST, task, now, {"reason": whole, "files": files}, f"-{len(files)}")


def attributes(task: Task, event: Alert) -> dict[str, str]:
    """What operators can filter on. SNS takes no empty value."""
    request = task.request
    values = {"type": event["type"], "provider": task.provider, "model": request.model, "kind": request.kind.value}
    return {name: value for name, value in values.items() if value}


def _event(kind: str, task: Task, now: datetime, data: dict[str, Any], suffix: str = "") -> Alert:
    return {
        "specversion": "1.0",
        "id": f"{task.id}.{kind.rpartition('.')[2]}{suffix}",
        "source": SOURCE,
        "type": kind,
        "subject": task.id,
        "time": _time(now),
        "datacontenttype": "application/json",
        "data": {
            "task_id": task.id,
            "owner": task.owner,
            "provider": task.provider,
            "provider_task_id": task.provider_task_id or None,
            "model": task.request.model,
            "kind": task.request.kind,
            "state": task.state,
            **data,
        },
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
