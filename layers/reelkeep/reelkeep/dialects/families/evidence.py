"""What a provider's list proves of a call whose answer was lost. No clock but ours is believed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.domain.observation import Absent, Uncertain
from reelkeep.domain.schedule import LISTED_IN_ORDER_AFTER
from reelkeep.domain.task import DispatchStatus, Task
from reelkeep.domain.wire import Json, OtherTask

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
    """A task of ours that a list shows. The row is known by its id, and our own clock timed its call, whatever the
    provider's clock says."""

    row: Row
    task: Task
    dispatched_at: datetime


def witnesses(rows: Iterable[Row], task: Task, other: OtherTask) -> list[Witness]:
    """The tasks of ours that the list shows, the latest first. None at all unless one was sent well before the call
    of `task` and another one well after it: had that call been accepted, it would stand between these two.

    With the later one alone, the list may be cut off before that place.
    """
    named = sorted((row for row in rows if row.id), key=lambda row: row.created_at or _LONG_AGO)
    half = _MOST_LOOKED_UP // 2
    known = ((row, other(row.id)) for row in (named if len(named) <= 2 * half else named[:half] + named[-half:]))
    ours = [
        Witness(row, each, each.dispatch.started_at)
        for row, each in known
        if each
        and each.dispatch.started_at
        and each.dispatch.status is DispatchStatus.ACCEPTED
        and each.dispatch.is_of(task.dispatch.account)
    ]
    ours.sort(key=lambda each: each.dispatched_at, reverse=True)
    is_late = bool(ours) and ours[0].dispatched_at >= task.dispatched_at + LISTED_IN_ORDER_AFTER
    is_long = bool(ours) and ours[-1].dispatched_at <= task.dispatched_at - LISTED_IN_ORDER_AFTER
    return ours if is_late and is_long else []


def strangers(rows: Iterable[Row], task: Task, other: OtherTask) -> list[Row]:
    """Those that are not known to be other tasks of ours; first those whose time is nearest to the call of `task`.

    No time rules a row out: a clock may be wrong by any amount, and be set right in between.
    """
    nearest = sorted(rows, key=lambda row: abs((row.created_at or _LONG_AGO) - task.dispatched_at))
    return [row for n, row in enumerate(nearest) if not row.id or n >= _MOST_LOOKED_UP or other(row.id) is None]


def is_near(row: Row, task: Task) -> bool:
    """Whether the row is of the time of the call, if the provider's clock is right. A hint, and nothing more."""
    return row.created_at is None or abs(row.created_at - task.dispatched_at) <= _NEAR


def absence(
    rows: Collection[Row],
    task: Task,
    other: OtherTask,
    *,
    shown: Callable[[Row], Json],
    sent: Callable[[Task], Json],
) -> Absent | Uncertain:
    """What a whole list proves of a task whose mark is in none of its rows. `shown` is the mark of a row, `sent` that
    of a task; None if it has none.

    Another mark excludes a row only if the tasks of ours that the list shows have their own there: who stands between
    us and the provider may alter marks, or drop them. A row without a mark may be ours even then: not every task need
    have taken the same way.
    """
    ours = witnesses(rows, task, other)
    marked = [(shown(each.row), sent(each.task)) for each in ours if sent(each.task) is not None]
    is_shown = sent(task) is not None and bool(marked) and all(mark == own for mark, own in marked)
    if strangers((row for row in rows if not is_shown or shown(row) is None), task, other):
        return DOUBTFUL if is_shown or not ours else ALTERED
    return Absent() if ours else UNPROVEN


UNPROVEN = Uncertain(
    "the provider lists no tasks of ours from before and after the call, so its list may be too old or cut short"
)
DOUBTFUL = Uncertain("the provider lists a task that may be this one")
ALTERED = Uncertain("the provider does not show what its tasks were sent with, so any of them may be this one")
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
