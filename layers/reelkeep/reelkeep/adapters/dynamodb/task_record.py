"""A task as an item of the table: the document, and beside it what conditions and indexes need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reelkeep.adapters import documents
from reelkeep.domain import archiving, schedule
from reelkeep.domain.task import Task
from reelkeep.ports.tasks import Due

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

STARRED, HIDDEN = "starred", "hidden"  # the marks; what is hidden is in no other index of its owner's
_TIMES = ("overdue_at", "links_die_at")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_INDEXED_BYTES = 1024  # DynamoDB takes 2,048 in an index's key, and refuses the whole item beyond


def key(task_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"task#{task_id}"}, "sk": {"S": "task"}}


def to_item(task: Task, write_id: str) -> dict[str, AttributeValueTypeDef]:
    attributes = {
        "task_id": task.id,
        "state": _state(task),
        "write_id": write_id,
        **_listed(task),
        "provider_task": indexed(task.provider, task.provider_task_id),
        **(_due(task) if task.unfinished else {}),
        "document": documents.write(task),
    }
    return {
        **key(task.id),
        "version": {"N": str(task.version)},
        **{name: {"S": value} for name, value in attributes.items() if value},
    }


def _due(task: Task) -> dict[str, str]:
    """What the sweep reads of it."""
    return {
        "unfinished": task.id[-1],
        "overdue_at": schedule.overdue_at(task).isoformat(),
        "links_die_at": archiving.links_die_at(task).isoformat(),
    }


def due_from_item(item: Mapping[str, AttributeValueTypeDef]) -> Due:
    """Release 0.2.0 recorded no times."""
    overdue_at, links_die_at = (
        datetime.fromisoformat(item[name]["S"]) if name in item else _LONG_AGO for name in _TIMES
    )
    return Due(item["task_id"]["S"], overdue_at, links_die_at)


def _listed(task: Task) -> dict[str, str]:
    """Under what a listing finds it."""
    if task.removed_at:
        return {} if task.erased_at else {"owner_mark": indexed(task.owner, HIDDEN)}
    return {
        "owner": task.owner,
        "owner_state": indexed(task.owner, _state(task)),
        "owner_model": indexed(task.owner, task.request.model),
        "owner_resolution": indexed(task.owner, task.request.resolution),
        "owner_template": indexed(task.owner, task.request.template),
        "owner_tier": indexed(task.owner, tier(off_peak=task.request.off_peak)),
        "owner_mark": indexed(task.owner, STARRED) if task.starred else "",
    }


def _state(task: Task) -> str:
    """In the word of a newer release, if it is in a state that this one does not know."""
    return str(task.extra.get("state", task.state))


def tier(*, off_peak: bool) -> str:
    return "off-peak" if off_peak else "ordinary"


def from_item(item: Mapping[str, AttributeValueTypeDef]) -> Task:
    return documents.read(Task, item["document"]["S"])


def indexed(owner: str, value: str) -> str:
    """What an index knows an owner's (or a provider's) value by; empty, and so not in the index, if there is none.

    Clients choose the value, so one that is too long, or cannot be encoded, is cut rather than refused by the
    table. Whoever reads by an index compares the task itself.
    """
    if not value:
        return ""
    return f"{owner}#{value}".encode(errors="replace")[:_INDEXED_BYTES].decode(errors="ignore")


def is_certain(owner: str, value: str) -> bool:
    """Whether an index knows nothing else by the same name."""
    known = indexed(owner, value)
    return known == f"{owner}#{value}" and known.count("#") == 1
