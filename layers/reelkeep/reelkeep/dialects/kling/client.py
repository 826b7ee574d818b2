"""Kling's videos, as a provider's client speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from reelkeep.dialects.families.client import segment
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.families.marked import MarkedClient
from reelkeep.dialects.families.tokens import hs256
from reelkeep.dialects.families.vocabulary import Codes
from reelkeep.dialects.kling import LARGEST_PAGE, MOST_PAGES, NAME, PATH, SEGMENTS
from reelkeep.domain.task import FailureClass, Kind, Task
from reelkeep.domain.wire import Callbacks, ProviderRequest


class _Client(MarkedClient):
    name = NAME
    callbacks: Callbacks | None = Callbacks(field="callback_url")  # unsigned
    lists: ClassVar[Mapping[str, Kind]] = {word: kind for kind, word in reversed(SEGMENTS.items())}
    most_pages = MOST_PAGES
    cost = "final_unit_deduction"
    absences = frozenset({"1203"})
    codes: ClassVar[Codes] = {
        FailureClass.POLICY: "^130[01]$",
        FailureClass.THROTTLED: "^130[23]$",  # too fast, and too many at once
        FailureClass.CREDIT: "^110[0-2]$",
        FailureClass.PROVIDER: "^(100[0-4]|1103|1304)$",
    }

    def credential(self, key: str, now: datetime) -> str:
        """Older keys are pairs, ACCESS:SECRET, of which a token is made for half an hour."""
        access, is_pair, secret = key.partition(":")
        seconds = int(now.timestamp())
        return hs256({"iss": access, "exp": seconds + 1800, "nbf": seconds - 5}, secret) if is_pair else key

    def dispatch(self, task: Task) -> ProviderRequest:
        body, source = self.body(task), {"video_id": task.source_creation} if task.source_creation else {}
        body |= {"input": {**body["input"], **source}} if task.request.kind is Kind.LIP_SYNC else source
        body["external_task_id"] = task.id  # what a lost answer is found by; the client's own we echo ourselves
        return ProviderRequest(method="POST", path=f"{PATH}/{self.list_of(task)}", body=body)

    def observe(self, task: Task) -> ProviderRequest:
        return ProviderRequest(method="GET", path=f"{PATH}/{self.list_of(task)}/{segment(task.provider_task_id)}")

    def list_of(self, task: Task) -> str:
        return SEGMENTS.get(task.request.kind, task.request.kind)

    def page(self, name: str, number: int) -> ProviderRequest:
        query = (("pageNum", str(number)), ("pageSize", str(LARGEST_PAGE)))
        return ProviderRequest(method="GET", path=f"{PATH}/{name}", query=query)

    def mark(self, task: JsonObject) -> str:
        return task.object("task_info").text("external_task_id")


upstream = _Client()
