"""What operators are told, as CloudEvents on the same topic: a task is about to lose what was made, or lost it.

Their attributes name no owner, so that no owner's subscription can fit them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reelkeep.domain.notices.notice import SOURCE
from reelkeep.domain.task import FailureClass, Task

LINKS_EXPIRING = "reelkeep.task.links-expiring"
LOST = "reelkeep.task.lost"
ALERTS = frozenset({LINKS_EXPIRING, LOST})


def links_expiring(task: Task, now: datetime) -> dict[str, Any]:
    """Links die soon to files that are not in the archive yet."""
    files = [
        {"creation": creation.id, "file": asset.name, "dies_at": _time(asset.expires_at)}
        for creation in task.creations
        for asset in creation.assets
        if asset.open
    ]
    return _event(LINKS_EXPIRING, task, now, {"trouble": task.trouble or None, "files": files})


def lost(task: Task, now: datetime) -> dict[str, Any] | None:
    """What cannot be had any more, and why; None if nothing was lost."""
    files = [
        {"creation": creation.id, "file": asset.name, "reason": asset.lost}
        for creation in task.creations
        for asset in creation.assets
        if asset.lost
    ]
    whole = task.failure.message if task.failure and task.failure.reason is FailureClass.LOST else None
    if not files and whole is None:
        return None
    return _event(LOST, task, task.finished_at or now, {"reason": whole, "files": files})


def attributes(task: Task, event: dict[str, Any]) -> dict[str, str]:
    """What operators can filter on. SNS takes no empty value."""
    request = task.request
    values = {"type": event["type"], "provider": task.provider, "model": request.model, "kind": request.kind.value}
    return {name: value for name, value in values.items() if value}


def _event(kind: str, task: Task, now: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{task.id}.{kind.rpartition('.')[2]}",
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
