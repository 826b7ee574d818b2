"""Providers whose clocks and lists are off, from the lost answer to the end: paid once, whatever they show."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from reelkeep.adapters.http.outbound import AnswerLost, Outbound
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.domain.task import DispatchStatus, FailureClass, State
from reelkeep.domain.wire import ProviderResponse
from tests.unit.services.harness import NOON, Harness, request

HOUR = 3600.0
Stamp = Callable[[datetime], Any]  # what a provider writes for a time
CHINA = timedelta(hours=8)


def local_time(moment: datetime) -> str:
    return (moment + CHINA).replace(tzinfo=None).isoformat()


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


STAMPS: list[Stamp] = [
    local_time,
    lambda moment: (moment - CHINA).isoformat(),
    lambda moment: seconds(moment) * 1000,
    lambda moment: seconds(moment + CHINA),
    lambda moment: seconds(moment - timedelta(days=400)),
    lambda moment: "yesterday",
    lambda moment: None,
    seconds,
]


@dataclass
class Account(Outbound):
    """At Vidu or at Ark. The second answer to a submission is lost, whether it was accepted or not."""

    dialect: str
    stamp: Stamp
    harness: Harness
    accepts_the_lost: bool
    shows_payloads: bool = True
    alter: Callable[[dict[str, Any]], dict[str, Any]] = dict  # what it shows of a task
    longest: int = 1000  # rows of a list
    out_of_order_until: datetime = NOON
    listed: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    made: int = 0

    def request(self, method: str, url: str, **sent: Any) -> ProviderResponse:
        if method == "POST":
            self.calls += 1
            if self.calls != 2 or self.accepts_the_lost:
                self.accept(json.loads(sent["body"]))
            if self.calls == 2:
                raise AnswerLost("cut")
            return self._said({"id": self.listed[0]["id"]})
        if self.harness.now < self.out_of_order_until:
            return ProviderResponse(status=503)
        page = "pager.page=0" in url or "page_num=1&" in url
        if "?" in url:
            listed = [self._row(self.alter(row)) for row in self.listed[: self.longest]]
            rows = listed if page else []
            return self._said({"tasks": rows, "items": rows, "total": len(listed)})
        row = self.alter(next(row for row in self.listed if f"/{row['id']}" in url))
        return self._said({**row, "state": "processing", "status": "running"})

    def accept(self, body: dict[str, Any]) -> str:
        echoed = ("payload", "execution_expires_after", "model", "prompt")
        row: dict[str, Any] = {name: body[name] for name in echoed if name in body}
        self.made += 1
        self.listed.insert(0, {"id": f"p-{self.made}", "created_at": self.stamp(self.harness.now), **row})
        return str(self.listed[0]["id"])

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        return row if self.shows_payloads else {name: said for name, said in row.items() if name != "payload"}

    def _said(self, body: object) -> ProviderResponse:
        return ProviderResponse(status=200, body=json.dumps(body).encode())


@dataclass
class Secret:
    dialect: str

    def value(self) -> str:
        account = {"dialect": self.dialect, "base_url": "https://api.test", "api_key": "key", "default": True}
        return json.dumps({"one": account})


@pytest.fixture(params=["vidu_ent_v2", "volc_ark"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def lost(dialect: str, stamp: Stamp, *, accepted: bool, **how: Any) -> tuple[Harness, Account, str]:
    harness = Harness()
    account = Account(dialect, stamp, harness, accepted, **how)
    harness.provider = ConfiguredProviders(Secret(dialect), upstream, account).get("one")  # type: ignore[assignment]
    harness.submit(request(prompt="an earlier boat"))
    harness.pass_(HOUR)
    return harness, account, harness.submit(request()).id


def until(harness: Harness, task_id: str, hours: float) -> None:
    end = harness.now + timedelta(hours=hours)
    while harness.now < end and not harness.task(task_id).state.terminal:
        harness.pass_(harness.poll(task_id).wait_seconds)


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("shows_payloads", [True, False])
def test_what_was_accepted_is_found_whatever_the_providers_clock_says(
    dialect: str, stamp: Stamp, shows_payloads: bool
) -> None:
    harness, account, task_id = lost(dialect, stamp, accepted=True, shows_payloads=shows_payloads)
    account.accept({"payload": "elsewhere", "execution_expires_after": 172_800, "model": "m"})
    until(harness, task_id, 1)
    assert (harness.task(task_id).dispatch.status, account.calls) == (DispatchStatus.ACCEPTED, 2)


@pytest.mark.parametrize("stamp", STAMPS)
def test_others_tasks_prove_nothing(dialect: str, stamp: Stamp) -> None:
    harness, account, task_id = lost(dialect, stamp, accepted=False)
    for _ in range(8):
        account.accept({"payload": "elsewhere", "execution_expires_after": 7200, "model": "m"})
        until(harness, task_id, 1)
    assert (harness.task(task_id).state, account.calls) == (State.FAILED, 2)


@pytest.mark.parametrize("stamp", STAMPS)
def test_what_was_not_accepted_is_dispatched_again_once_an_earlier_and_a_later_task_of_ours_are_listed(
    dialect: str, stamp: Stamp
) -> None:
    harness, account, task_id = lost(dialect, stamp, accepted=False)
    harness.pass_(0.4 * HOUR)
    harness.submit(request(prompt="another boat"))
    until(harness, task_id, 0.5)
    assert harness.task(task_id).dispatch.status is DispatchStatus.UNKNOWN  # it was not late enough
    harness.submit(request(prompt="a third boat"))
    until(harness, task_id, 0.5)
    assert (harness.task(task_id).dispatch.status, account.calls) == (DispatchStatus.ACCEPTED, 5)


@pytest.mark.parametrize("stamp", STAMPS)
def test_a_list_that_is_older_than_the_call_proves_nothing(dialect: str, stamp: Stamp) -> None:
    harness, account, task_id = lost(dialect, stamp, accepted=True)
    hidden = account.listed.pop(0)
    for _ in range(8):
        later = harness.submit(request()).id
        account.listed.clear()  # as it was long ago
        assert harness.task(later).dispatch.status is DispatchStatus.ACCEPTED
        until(harness, task_id, 0.5)
    assert account.calls == 2 + 8
    account.listed.append(hidden)
    until(harness, task_id, 1)
    assert (harness.task(task_id).provider_task_id, account.calls) == (hidden["id"], 2 + 8)


def test_a_clock_that_is_set_right_in_between_hides_nothing(dialect: str) -> None:
    """By the later task's time, the lost one seems to be hours younger."""
    harness, account, task_id = lost(dialect, local_time, accepted=True, shows_payloads=False)
    hidden = account.listed.pop(0)
    account.stamp = seconds
    harness.pass_(0.6 * HOUR)
    harness.submit(request(prompt="another boat"))
    account.listed.append({**hidden, "prompt": ""})
    until(harness, task_id, 0.5)
    assert (harness.task(task_id).dispatch.status, account.calls) == (DispatchStatus.ACCEPTED, 2 + 1)


@pytest.mark.parametrize("default", [None, 3600, 86_400, 172_800])
def test_a_default_in_the_place_of_a_mark_may_be_the_lost_task(default: int | None) -> None:
    """One way to the provider may drop marks while the others show theirs. To repeat would be to pay twice."""
    harness, account, task_id = lost("volc_ark", seconds, accepted=True)
    account.listed[0]["execution_expires_after"] = default
    harness.pass_(0.6 * HOUR)
    harness.submit(request(prompt="another boat"))
    until(harness, task_id, 12)
    failure = harness.task(task_id).failure
    assert failure is not None
    assert (account.calls, failure.reason, failure.retryable) == (2 + 1, FailureClass.LOST, False)


def changed(field: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {**row, field: change(row[field])} if field in row else row


ALTERATIONS: dict[str, list[Callable[[Any], Any]]] = {
    "payload": [
        lambda _: "",
        lambda _: None,
        lambda payload: f"{payload} ",
        json.dumps,
        str.upper,
        lambda payload: payload[:16],
        lambda payload: {"id": payload},
        lambda payload: f"job-{payload[-8:]}",
    ],
    "execution_expires_after": [
        lambda mark: min(mark, 86_400),
        lambda mark: round(mark / 3600) * 3600,
        lambda _: 3600,
        lambda mark: mark * 1000,
        lambda _: 0,
        lambda mark: mark - 60,
        lambda _: None,
    ],
}


@pytest.mark.parametrize("alter", [changed(field, each) for field, some in ALTERATIONS.items() for each in some])
def test_a_provider_that_does_not_show_what_was_sent_proves_no_absence(
    dialect: str, alter: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Its list is out of order until a later task of ours is there."""
    harness, account, task_id = lost(dialect, seconds, accepted=True, alter=alter)
    hidden = account.listed[0]["id"]
    account.out_of_order_until = harness.now + timedelta(minutes=37)
    until(harness, task_id, 0.65)
    harness.submit(request(prompt="a later boat"))
    until(harness, task_id, 7)
    task = harness.task(task_id)
    assert account.calls == 3
    assert task.state is State.FAILED or task.provider_task_id == hidden  # what is altered may be of the other format


@pytest.mark.parametrize("longest", [1, 50, 100])
def test_a_list_that_is_cut_short_proves_no_absence(dialect: str, longest: int) -> None:
    harness, account, task_id = lost(dialect, seconds, accepted=True, longest=longest)
    account.out_of_order_until = harness.now + timedelta(minutes=37)
    until(harness, task_id, 0.65)
    for _ in range(200):
        account.accept({"payload": "elsewhere", "execution_expires_after": 7200, "model": "m"})
    harness.submit(request(prompt="a later boat"))
    until(harness, task_id, 7)
    assert (harness.task(task_id).state, account.calls) == (State.FAILED, 3)


def test_what_has_the_id_of_an_earlier_task_is_not_absent(dialect: str) -> None:
    harness, account, task_id = lost(dialect, seconds, accepted=True)
    account.listed[0]["id"] = account.listed[1]["id"]
    until(harness, task_id, 0.65)
    harness.submit(request(prompt="a later boat"))
    until(harness, task_id, 7)
    assert (harness.task(task_id).state, account.calls) == (State.FAILED, 3)
