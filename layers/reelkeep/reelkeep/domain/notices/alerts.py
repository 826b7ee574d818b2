"""Events for operators, as CloudEvents on the same topic: answers are not understood, files cannot be fetched, or
are lost.

The attributes of these events name no owner, so that no owner's subscription can match them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reelkeep.domain.money import amount
from reelkeep.domain.notices.notice import cloud_event, task_data, timestamp
from reelkeep.domain.task import Asset, FailureClass, Task

if TYPE_CHECKING:
    from reelkeep.domain.drift import Drift

LINKS_EXPIRING = "reelkeep.task.links-expiring"
LOST = "reelkeep.task.lost"
DELAYED = "reelkeep.task.delayed"
NOT_UNDERSTOOD = "reelkeep.task.not-understood"
DRIFT = "reelkeep.provider.drift"
ALERTS = frozenset({DELAYED, DRIFT, LINKS_EXPIRING, LOST, NOT_UNDERSTOOD})

Alert = dict[str, Any]

_OF_A_FILE: Mapping[str, Callable[[Asset], Any]] = {
    "last_error": lambda asset: asset.last_error,
    "consecutive_errors": lambda asset: asset.consecutive_errors,
    "reason": lambda asset: asset.lost,
    "quarantined": lambda asset: asset.quarantined.key if asset.quarantined else None,
    "dies_at": lambda asset: timestamp(asset.expires_at),
}


def not_understood(task: Task, now: datetime) -> Alert:
    """A provider answers about a task in words that have no meaning here; the task ends without a result by then."""
    since, deadline = timestamp(task.polling.not_understood_since), timestamp(task.deadline)
    return _event(NOT_UNDERSTOOD, task, now, reason=task.last_error, since=since, deadline=deadline)


def delayed(task: Task, now: datetime) -> Alert:
    """Files that the provider has made cannot be fetched; nothing is lost yet."""
    names = ("last_error", "consecutive_errors", "quarantined", "dies_at")
    return _event(DELAYED, task, now, files=_files(task, lambda asset: asset.open and asset.last_error, *names))


def links_expiring(task: Task, now: datetime) -> Alert:
    """Links die soon to files that are not in the archive yet."""
    files = _files(task, lambda asset: asset.open, "dies_at")
    return _event(LINKS_EXPIRING, task, now, last_error=task.last_error or None, files=files)


def lost(task: Task, now: datetime) -> Alert | None:
    """What was given up, and why; None if nothing was. After the end of the task, each further loss is an event."""
    files = _files(task, lambda asset: asset.lost, "reason", "quarantined")
    whole = task.failure.message if task.failure and task.failure.reason is FailureClass.LOST else None
    if not files and whole is None:
        return None
    if task.announcements.announced_at is None:
        return _event(LOST, task, task.finished_at or now, reason=whole, files=files)
    return _event(LOST, task, now, f"-{len(files)}", reason=whole, files=files)


def drift(provider: str, unit: str, found: Drift) -> Alert:
    """A provider's balance fell by more than the ledger has."""
    data = {
        "provider": provider,
        "unit": unit,
        "since": timestamp(found.since),
        "balance": amount(found.balance),
        "unexplained": amount(found.unexplained),
    }
    event_id = f"{provider}.drift.{found.since:%Y%m%dT%H%M%S}"
    return cloud_event(DRIFT, event_id, provider, found.until, data)


def provider_attributes(event: Alert) -> dict[str, str]:
    return {"type": event["type"], "provider": event["data"]["provider"]}


def attributes(task: Task, event: Alert) -> dict[str, str]:
    """What operators can filter on. SNS takes no empty value."""
    request = task.request
    values = {"type": event["type"], "provider": task.provider, "model": request.model, "kind": request.kind.value}
    return {name: value for name, value in values.items() if value}


def _files(task: Task, chosen: Callable[[Asset], Any], *names: str) -> list[dict[str, Any]]:
    return [
        {"creation": creation.id, "file": asset.name} | {name: _OF_A_FILE[name](asset) for name in names}
        for creation in task.creations
        for asset in creation.assets
        if chosen(asset)
    ]


def _event(kind: str, task: Task, now: datetime, suffix: str = "", **data: Any) -> Alert:
    event_id = f"{task.id}.{kind.rpartition('.')[2]}{suffix}"
    data = {"provider_task_id": task.provider_task_id or None, "state": task.state, **data}
    return cloud_event(kind, event_id, task.id, now, task_data(task, **data))
