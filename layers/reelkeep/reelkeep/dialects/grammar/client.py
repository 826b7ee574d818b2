"""A dialect as a provider's client speaks it: what most of them have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from reelkeep.dialects.grammar.answers import Answers
from reelkeep.domain.observation import ListedPage, Uncertain
from reelkeep.domain.schedule import LISTED_IN_ORDER_AFTER
from reelkeep.domain.task import Request, Submission, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, OtherTask, Search

_CALL_TAKES = timedelta(minutes=5)  # at most, until the provider has a task of it
_CLOCKS_DIFFER = timedelta(minutes=5)
_CLOCK_MAY_JUMP = timedelta(hours=1)  # to or from daylight saving time, between two tasks of the same list
_MOST_LOOKED_UP = 200  # rows of a list, some 10 ms each
_OURS = frozenset({"callback_url", "provider"})  # what is said to us does not travel


class Client(Answers, ABC):
    """Places tasks at one path, and looks at each below it. What more a format can do, its own client says."""

    path: str  # of submissions; one task is at `{path}/{id}`
    authorization = "Bearer {key}"
    callbacks: Callbacks | None = None

    @abstractmethod
    def write(self, request: Request) -> dict[str, Json]:
        """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""

    def travelling(self, request: Request) -> dict[str, Json]:
        """The body that a client sent in this very dialect, without nulls: they stand for what was left out."""
        return {name: value for name, value in _without_nulls(request.body).items() if name not in _OURS}

    def body(self, task: Task) -> dict[str, Json]:
        request = task.request
        return self.travelling(request) if request.dialect == self.name and request.body else self.write(request)

    def place(self, task: Task) -> Call:
        return Call(method="POST", path=self.path, body=self.body(task))

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{self.path}/{segment(task.provider_task_id)}")

    # It lists nothing, cancels nothing, and echoes nothing that a lost task could be known by.

    def list_successes(self, since: datetime, page: str) -> Call | None:
        return None

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:
        return None

    def cancel(self, task: Task) -> Call | None:
        return None

    def find(self, task: Task, other: OtherTask) -> Search | None:
        return None


def segment(task_id: str) -> str:
    """The id as one segment of a path, whatever its characters. A colon may stand there, and some servers insist."""
    return quote(task_id, safe=":")


def _without_nulls(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Row:
    """A task in a provider's list. Neither its id nor its time need make sense."""

    id: str
    created_at: datetime | None  # by the provider's clock, which may be hours off
    said: Mapping[str, Json] = field(default_factory=dict)


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
