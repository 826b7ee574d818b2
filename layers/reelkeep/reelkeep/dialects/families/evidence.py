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

_CALL_TAKES = timedelta(minutes=5)  # at most, until the provider has a task of it
_CLOCKS_DIFFER = timedelta(minutes=5)
_CLOCK_MAY_JUMP = timedelta(hours=1)  # to or from daylight saving time, between two tasks of the same list
_MOST_LOOKED_UP = 200  # rows of a list, some 10 ms each


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


def may_date_from(row: Row, task: Task, seen: Witness | None) -> bool:
    """Whether the row may be of the time of the task's call, as far as the provider's clock can be read.

    A witness shows how far that clock is off. A row without a time may be of any.
    """
    if row.created_at is None:
        return True
    first, last = task.lost_since - _CLOCKS_DIFFER, task.lost_since + _CALL_TAKES + _CLOCKS_DIFFER
    if seen is None:
        return first <= row.created_at <= last
    if seen.row.created_at is None or seen.task.placing_at is None:
        return True
    by_our_clock = seen.task.placing_at + (row.created_at - seen.row.created_at)
    return first - _CLOCK_MAY_JUMP <= by_our_clock <= last + _CLOCK_MAY_JUMP


UNPROVEN = Uncertain("the provider lists no task of ours that was placed later, so its list may be too old")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
