"""Kling's videos, as a provider's client speaks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from reelkeep.dialects.families.client import Client, hs256, segment
from reelkeep.dialects.families.evidence import Row, absence
from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.families.vocabulary import Codes
from reelkeep.dialects.kling import LARGEST_PAGE, MOST_PAGES, NAME, PATH, SEGMENTS
from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.observation import Found, Observation, Uncertain
from reelkeep.domain.task import FailureClass, Kind, Request, Task
from reelkeep.domain.wire import (
    Callbacks,
    Json,
    NoList,
    OtherTask,
    Pages,
    ProviderRequest,
    ProviderResponse,
    Roll,
    Search,
)

_LATE = timedelta(hours=12)
_PAGES_A_ROLL = 2  # of 500 tasks each


class KlingClient(Client):
    """Kling has one list for each kind of task, with numbered pages and no count, which shows the mark that a task
    was submitted with. Whole lists are read: their order is not known, and nothing filters them."""

    name = NAME
    model_field = ""
    lists = True
    callbacks: Callbacks | None = Callbacks(field="callback_url")  # unsigned
    kinds: ClassVar[Mapping[str, Kind]] = {word: kind for kind, word in reversed(SEGMENTS.items())}
    most_pages = MOST_PAGES
    cost = "final_unit_deduction"
    absences = frozenset({"1203"})
    codes: ClassVar[Codes] = {
        FailureClass.POLICY: "^130[01]$",
        FailureClass.THROTTLED: "^130[23]$",  # too fast, and too many at once
        FailureClass.CREDIT: "^110[0-2]$",
        FailureClass.PROVIDER: "^(100[0-4]|1103|1304)$",
    }

    def ask_account(self, now: datetime) -> ProviderRequest | None:
        """Which packs there are is free to ask, once a second. Source: the API reference, Account Information
        Inquiry."""
        year = timedelta(days=365)  # how long a pack is good for
        window = (("start_time", _milliseconds(now - year)), ("end_time", _milliseconds(now)))
        return ProviderRequest(method="GET", path="/account/costs", query=window)

    def read_balance(self, answer: ProviderResponse) -> AccountBalance | None:
        """The units left in all packs in use, which come twelve hours late."""
        if not answer.ok:
            return None
        rows = JsonObject(answer.json()).object("data").fields.get("resource_pack_subscribe_infos")
        packs = [JsonObject(row) for row in rows] if isinstance(rows, list) else []
        left = {pack.id("resource_pack_id"): pack.number("remaining_quantity") for pack in packs if _is_in_use(pack)}
        units = [Decimal(str(each)) for each in left.values() if each is not None]
        if not units:
            return None
        return AccountBalance(left=sum(units, Decimal(0)), unit="units", late=_LATE, of=",".join(sorted(left)))

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
        """What a task in a list shows of its mark: our id for it."""
        return task.object("task_info").text("external_task_id")

    def kind(self, word: str) -> Kind | None:
        return self.kinds.get(word)

    def _request(self, task: JsonObject) -> Request:
        return replace(super()._request(task), payload=self.mark(task))

    def successes(self, since: datetime) -> Pages:
        """Each list to the page that is empty, or is the one before once more. Not everybody has all the lists."""
        for name in self.kinds:
            last = ""
            for number in range(1, self.most_pages + 1):
                answer = yield self.page(name, number)
                rows = [] if answer.status in (404, 405) else _rows(answer)
                typed = [{**row, "type": name} if isinstance(row, dict) else row for row in rows]
                yield self.successes_in(typed, since, "updated_at")
                before, last = last, self.task_id(self.last_row(rows))
                if not rows or (last and last == before):
                    break

    def observe_all(self, tasks: Sequence[Task]) -> Roll:
        """Nothing filters a list: each that is needed is read until it has shown these tasks."""
        observed = dict[str, Observation]()
        for name in dict.fromkeys(map(self.list_of, tasks)):
            asked = {task.provider_task_id for task in tasks if self.list_of(task) == name}
            for number in range(1, _PAGES_A_ROLL + 1):
                rows = _rows((yield self.page(name, number)))
                observed |= self.observed_in(rows)
                if not rows or asked <= observed.keys():
                    break
        return observed

    def find(self, task: Task, other: OtherTask) -> Search:
        """By our mark, in a list that is read until a page of it is empty."""
        rows = dict[str, Row]()
        for number in range(1, self.most_pages + 1):
            answer = yield self.page(self.list_of(task), number)
            listed, before = _rows(answer), len(rows)
            for row in map(self.row, listed):
                if self.mark(row.task) == task.id:
                    return Found(row.id) if row.id else Uncertain("the provider lists this task without an id")
                rows[row.key] = row
            if not listed:
                break
            if before == len(rows):
                return Uncertain("the provider's list shows the same page again")
        else:
            return Uncertain("the provider's list does not end")
        return absence(
            rows.values(), task, other, shown=lambda row: self.mark(row.task) or None, sent=lambda task: task.id
        )


def _is_in_use(pack: JsonObject) -> bool:
    return pack.text("status").lower() == "online"


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _rows(answer: ProviderResponse) -> list[Json]:
    """A refusal may come in a 200. Instead of an empty list there may be null. Raises NoList."""
    said = JsonObject(answer.json())
    code, rows = said.id("code"), said.fields.get("data")
    if answer.ok and code in ("", "0") and (isinstance(rows, list) or (rows is None and code)):
        return rows or []
    raise NoList(answer)


upstream = KlingClient()
