"""Vidu's v1, as a provider's client speaks it."""

from __future__ import annotations

from reelkeep.dialects.families.client import Client
from reelkeep.dialects.vidu_v1 import NAME, PATH
from reelkeep.domain.task import Task
from reelkeep.domain.wire import ProviderRequest


class _Client(Client):
    """Its history carries nothing of ours; and what DELETE does to a task under way is not known."""

    name = NAME
    path = PATH
    model_field = ""  # it is required

    def dispatch(self, task: Task) -> ProviderRequest:
        body = self.body(task)
        if task.source_creation:
            body["input"] = {**body["input"], "creation_id": task.source_creation}
        return ProviderRequest(method="POST", path=self.path, body=body)


upstream = _Client()
