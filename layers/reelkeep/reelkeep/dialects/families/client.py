"""A dialect as a provider's client speaks it: what most of them have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from urllib.parse import quote

from reelkeep.dialects.families.lists import Lists
from reelkeep.domain.observation import ListedPage
from reelkeep.domain.task import Request, Task
from reelkeep.domain.wire import Callbacks, Json, OtherTask, ProviderRequest, ProviderResponse, Search

_OURS = frozenset({"callback_url", "provider"})  # meant for us, so not for the provider


class Client(Lists):
    """Submits tasks at one path, and polls each below it. What more a format can do, its own client says."""

    path: str  # of submissions; one task is at `{path}/{id}`
    authorization = "Bearer {key}"
    callbacks: Callbacks | None = None

    def credential(self, key: str, now: datetime) -> str:
        return key

    def write(self, request: Request) -> dict[str, Json]:
        """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
        from reelkeep.dialects.translate import write  # and the models of bodies, which a poll does not need

        return write(request, import_module(f"reelkeep.dialects.{self.name}.wire").BODIES)

    def forwarded_body(self, request: Request) -> dict[str, Json]:
        """The body that a client sent in this very dialect, without nulls: they stand for what was left out."""
        return {name: value for name, value in _without_nulls(request.body).items() if name not in _OURS}

    def body(self, task: Task) -> dict[str, Json]:
        request = task.request
        return self.forwarded_body(request) if request.dialect == self.name and request.body else self.write(request)

    def dispatch(self, task: Task) -> ProviderRequest:
        return ProviderRequest(method="POST", path=self.path, body=self.body(task))

    def observe(self, task: Task) -> ProviderRequest:
        return ProviderRequest(method="GET", path=f"{self.path}/{segment(task.provider_task_id)}")

    # It lists nothing, cancels nothing, and echoes nothing that a lost task could be known by.

    def list_successes(self, since: datetime, page: str) -> ProviderRequest | None:
        return None

    def read_successes(self, answer: ProviderResponse, since: datetime, page: str) -> ListedPage | None:
        return None

    def cancel(self, task: Task) -> ProviderRequest | None:
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
