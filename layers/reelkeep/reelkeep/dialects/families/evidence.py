"""What a provider's list proves of a call whose answer was lost. No clock but ours is believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.domain.observation import Uncertain
from reelkeep.domain.schedule import LISTED_IN_ORDER_AFTER
from reelkeep.domain.task import Submission, Task
from reelkeep.domain.wire import OtherTask

_NEAR = timedelta(minutes=10)
_MOST_LOOKED_UP = 500  # rows of a list, some 10 ms each


@dataclass(frozen=True, slots=True)
class Row:
    """A task in a provider's list. Neither its id nor its time need make sense."""

    id: str
    created_at: datetime | None  # by the provider's clock, which may be hours off
    task: JsonObject

    @property
    def key(self) -> str:
        """The same for the same row of another page."""
        return self.id or repr(self.task.fields)


@dataclass(frozen=True, slots=True)
class Witness:
    """A later task of ours that a list shows. Had an earlier call been accepted, the list would show that, too.

    This holds whatever the provider's clock says: the row is known by its id, and our own clock timed its call.
    """

    row: Row
    task: Task


def witness(rows: Iterable[Row], task: Task, other: OtherTask) -> Witness | None:
    """A row that proves that the list was made long after the call of `task` was over; None if no row does."""
    named = [row for row in rows if row.id]
    named.sort(key=lambda row: row.created_at or _LONG_AGO, reverse=True)  # only the order in which they are tried
    for row in named[:_MOST_LOOKED_UP]:
        later = other(row.id)
        if later is None or later.placing_at is None or later.submission is not Submission.PLACED:
            continue
        if later.placing_at >= task.lost_since + LISTED_IN_ORDER_AFTER:
            return Witness(row, later)
    return None


def shows_earlier(rows: Iterable[Row], task: Task, other: OtherTask) -> bool:
    """Whether the list reaches back to before the call of `task`: it shows a task of ours that was placed before."""
    named = [row for row in rows if row.id]
    named.sort(key=lambda row: row.created_at or _LONG_AGO)
    earlier = (other(row.id) for row in named[:_MOST_LOOKED_UP])
    return any(each and each.placing_at and each.placing_at < task.lost_since for each in earlier)


def strangers(rows: Iterable[Row], task: Task, other: OtherTask) -> list[Row]:
    """Those that are not known to be other tasks of ours; first those whose time is nearest to the call of `task`.

    No time rules a row out: a clock may be wrong by any amount, and be set right in between.
    """
    nearest = sorted(rows, key=lambda row: abs((row.created_at or _LONG_AGO) - task.lost_since))
    return [row for n, row in enumerate(nearest) if not row.id or n >= _MOST_LOOKED_UP or other(row.id) is None]


def is_near(row: Row, task: Task) -> bool:
    """Whether the row is of the time of the call, if the provider's clock is right. A hint, and nothing more."""
    return row.created_at is None or abs(row.created_at - task.lost_since) <= _NEAR


UNPROVEN = Uncertain("the provider lists no task of ours that was placed later, so its list may be too old")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
