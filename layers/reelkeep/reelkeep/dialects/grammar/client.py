"""A dialect as a provider's client speaks it: what most of them have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta

from reelkeep.domain.observation import ListedPage, Observation, Placement
from reelkeep.domain.task import Request, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, Search

_CLOCKS_DIFFER = timedelta(minutes=5)
_CALL_TAKES = timedelta(minutes=5)  # at most, until the provider has a task of it
_OURS = frozenset({"callback_url", "provider"})  # what is said to us does not travel


class Client(ABC):
    """Places tasks at one path, and looks at each below it. What more a format can do, its own client says."""

    name: str
    path: str  # of submissions; one task is at `{path}/{id}`
    authorization = "Bearer {key}"
    callbacks: Callbacks | None = None

    @abstractmethod
    def write(self, request: Request) -> dict[str, Json]:
        """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""

    @abstractmethod
    def read_placed(self, answer: Answer) -> Placement: ...

    @abstractmethod
    def read_observed(self, answer: Answer) -> Observation: ...

    def travelling(self, request: Request) -> dict[str, Json]:
        """The body that a client sent in this very dialect, without nulls: they stand for what was left out."""
        return {name: value for name, value in _without_nulls(request.body).items() if name not in _OURS}

    def body(self, task: Task) -> dict[str, Json]:
        request = task.request
        return self.travelling(request) if request.dialect == self.name and request.body else self.write(request)

    def place(self, task: Task) -> Call:
        return Call(method="POST", path=self.path, body=self.body(task))

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{self.path}/{task.provider_task_id}")

    # It lists nothing, cancels nothing, and echoes nothing that a lost task could be known by.

    def list_successes(self, since: datetime, page: str) -> Call | None:
        return None

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:
        return None

    def cancel(self, task: Task) -> Call | None:
        return None

    def read_cancelled(self, answer: Answer) -> bool:
        return False

    def find(self, task: Task) -> Search | None:
        return None


def _without_nulls(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def around_placing(task: Task) -> tuple[datetime, datetime]:
    """The earliest and the latest time at which the provider, by its own clock, may have made a lost task."""
    return task.lost_since - _CLOCKS_DIFFER, task.lost_since + _CALL_TAKES + _CLOCKS_DIFFER
