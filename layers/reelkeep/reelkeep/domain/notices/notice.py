"""Notifications as CloudEvents 1.0: of a change of a task's state, and of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from reelkeep.domain.delivered import differences
from reelkeep.domain.links import Links
from reelkeep.domain.money import amount, as_number
from reelkeep.domain.task import ArchivedFile, Creation, Task

if TYPE_CHECKING:
    from reelkeep.domain.budgets import BudgetWarning
    from reelkeep.domain.notices.webhooks import Webhook

SOURCE = "/reelkeep"


class News(StrEnum):
    """What an owner may ask for beside the states of its tasks."""

    DIFFERS = "differs"  # a task that succeeded, and is not what was ordered
    BUDGET = "budget"  # how much of the money for a day or a month is used


def cloud_event(kind: str, event_id: str, subject: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """Format: CloudEvents 1.0, JSON, structured mode."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": kind,
        "subject": subject,
        "time": timestamp(at),
        "datacontenttype": "application/json",
        "data": data,
    }


def timestamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


def notice(task: Task, links: Links) -> dict[str, Any]:
    """The event of a task's state. Its id is the same at every repetition, so that a subscriber can drop repeats.

    It holds permanent links, and no prompt, payload or provider's link.
    """
    creations = [_creation(creation, links) for creation in task.creations] if task.state.terminal else []
    data = task_data(
        task,
        state=task.state,
        tags=list(task.request.tags),
        created_at=timestamp(task.created_at),
        credits=as_number(task.credits),
        failure=_failure(task),
        adopted=_adopted(task),
        creations=creations,  # a reader takes them for all that there are, and for archived
        differs=_differs(task) if creations else [],
        **_eta(task),
    )
    kind = f"reelkeep.task.{task.state}"
    return cloud_event(kind, f"{task.id}.{task.state}", task.id, task.finished_at or task.updated_at, data)


UPDATED = "reelkeep.task.updated"


def updated(task: Task, links: Links) -> dict[str, Any]:
    """That files of a task came into the archive after its success: the notice once more, as it would read now."""
    again = {"id": f"{task.id}.updated-{task.archived_files}", "type": UPDATED, "time": timestamp(task.updated_at)}
    return notice(task, links) | again


def updated_attributes(task: Task) -> dict[str, str | list[str]]:
    """Subscriptions to successes get it, too."""
    return attributes(task) | {"type": UPDATED}


DIFFERS = "reelkeep.task.differs"


def differs(task: Task) -> dict[str, Any]:
    """That a video is not what was ordered, or what its provider claims."""
    data = task_data(
        task,
        provider_task_id=task.provider_task_id or None,
        state=task.state,
        tags=list(task.request.tags),
        differs=_differs(task),
    )
    return cloud_event(DIFFERS, f"{task.id}.differs", task.id, task.finished_at or task.updated_at, data)


def differs_attributes(task: Task) -> dict[str, str | list[str]]:
    """Who asks for it, or for no state in particular, hears of it."""
    return attributes(task) | {"type": DIFFERS, "owner_state": f"{task.owner}#{News.DIFFERS}"}


POSSIBLE_REPEAT = "reelkeep.task.possible-repeat"


def possible_repeat(task: Task, now: datetime) -> dict[str, Any]:
    """That the same owner asked for the same shortly before: its SDK may have repeated the request by itself."""
    data = task_data(task, tags=list(task.request.tags), possible_repeat=task.possible_repeat)
    return cloud_event(POSSIBLE_REPEAT, f"{task.id}.possible-repeat", task.id, now, data)


def possible_repeat_attributes(task: Task) -> dict[str, str | list[str]]:
    """As of a state, but without one: a subscription to certain states does not get it."""
    about_states = {"owner_state", "state"}
    return {name: value for name, value in attributes(task).items() if name not in about_states} | {
        "type": POSSIBLE_REPEAT
    }


BUDGET_WARNING = "reelkeep.budget.warning"


def budget_event(warning: BudgetWarning, now: datetime) -> dict[str, Any]:
    """That an owner's money for a day or a month is used to so many percent."""
    data = {
        "owner": warning.owner,
        "limit": warning.limit,
        "period": warning.period,
        "percent": warning.percent,
        "spent": amount(warning.spent),
        "most": amount(warning.most),
        "currency": warning.currency,
    }
    return cloud_event(BUDGET_WARNING, warning.id, warning.owner, now, data)


def budget_attributes(warning: BudgetWarning) -> dict[str, str]:
    return {
        "type": BUDGET_WARNING,
        "owner": warning.owner,
        "owner_state": f"{warning.owner}#{News.BUDGET}",
        "percent": f"{warning.percent}",
    }


def test_event(delivery_id: str, webhook: Webhook, now: datetime) -> dict[str, Any]:
    """Sent to a webhook when its owner tests it."""
    data = {"webhook_id": webhook.id, "owner": webhook.owner}
    return cloud_event("reelkeep.webhook.test", delivery_id, webhook.id, now, data)


def health_event(webhook: Webhook, now: datetime) -> dict[str, Any]:
    """A webhook takes nothing, or was paused. The event goes to the topic, since the webhook itself gets nothing."""
    what, reason = ("paused", {"reason": webhook.paused}) if webhook.paused else ("failing", {})
    failing_since = {"failing_since": timestamp(webhook.failing_since)}
    data = {"webhook_id": webhook.id, "owner": webhook.owner, **reason, **failing_since}
    event_id = f"{webhook.id}.{what}.{webhook.version}"
    return cloud_event(f"reelkeep.webhook.{what}", event_id, webhook.id, now, data)


def webhook_attributes(event: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that subscriptions filter an event about a webhook by."""
    return {"type": event["type"], "owner": event["data"]["owner"]}


def attributes(task: Task) -> dict[str, str | list[str]]:
    """The attributes that subscriptions filter by. SNS takes no empty value.

    `owner_state` combines two, because a filter of SNS names five attributes at most.
    """
    values: dict[str, str | list[str]] = {
        "type": f"reelkeep.task.{task.state}",
        "owner": task.owner,
        "owner_state": f"{task.owner}#{task.state}",
        "provider": task.provider,
        "model": task.request.model,
        "kind": task.request.kind.value,
        "state": task.state.value,
        "tags": list(task.request.tags),
    }
    return {name: value for name, value in values.items() if value}


def task_data(task: Task, **more: Any) -> dict[str, Any]:
    request = task.request
    common = {"task_id": task.id, "owner": task.owner, "provider": task.provider}
    return {**common, "model": request.model, "kind": request.kind, **more}


def _eta(task: Task) -> dict[str, Any]:
    """Until the provider is done."""
    return {"eta": {"p50": timestamp(task.eta.p50), "p90": timestamp(task.eta.p90)}} if task.eta else {}


def _differs(task: Task) -> list[dict[str, Any]]:
    return [
        {
            "creation": each.creation,
            "what": each.what,
            "ordered": each.ordered or None,
            "claimed": each.claimed or None,
            "delivered": each.delivered,
        }
        for each in differences(task)
    ]


def _failure(task: Task) -> dict[str, Any] | None:
    if task.failure is None:
        return None
    failure = task.failure
    words = {"reason": failure.reason, "code": failure.code}
    return {**words, "message": failure.message, "retryable": failure.retryable}


def _adopted(task: Task) -> dict[str, Any] | None:
    if task.adopted is None:
        return None
    return {"provider_task_id": task.provider_task_id, "lost_task": task.adopted.lost_task or None}


def _creation(creation: Creation, links: Links) -> dict[str, Any]:
    files = {asset.name: _file(asset.archived, links) for asset in creation.assets if asset.archived}
    lost = {asset.name: asset.lost for asset in creation.assets if asset.lost}
    pending = {asset.name: asset.last_error for asset in creation.assets if asset.open}
    return {"id": creation.id, "files": files, "lost": lost, "pending": pending}


def _file(kept: ArchivedFile, links: Links) -> dict[str, Any]:
    return {
        "url": links(kept),
        "content_type": kept.content_type,
        "bytes": kept.bytes,
        "sha256": kept.sha256 or None,
        "crc32": kept.crc32 or None,
        "duration": kept.duration,
        "fps": kept.fps,
        "width": kept.width,
        "height": kept.height,
        "codec": kept.codec or None,
        "sound": kept.sound,
    }
