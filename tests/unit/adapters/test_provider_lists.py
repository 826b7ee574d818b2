"""Providers' lists: read to their end, by their own clocks, and searched for a lost task."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import count

import pytest

from reelkeep.adapters.http.outbound import AnswerLost
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import (
    Absent,
    Found,
    Uncertain,
    Untraceable,
)
from reelkeep.domain.task import Dispatch, DispatchStatus, Task
from reelkeep.domain.wire import ProviderResponse
from tests.unit.adapters.provider_harness import (
    KEY,
    NOON,
    TASK,
    VIDU,
    FakeOutbound,
    FakeSecret,
    nobody,
    providers,
)


def test_a_search_goes_on_to_the_last_page_with_the_providers_key() -> None:
    pages = [
        ProviderResponse(status=200, body=b'{"tasks": [{"id": "7", "payload": ""}], "next_page_token": "t1"}'),
        ProviderResponse(status=200, body=json.dumps({"tasks": [{"id": "8", "payload": TASK.id}]}).encode()),
    ]
    outbound = FakeOutbound(pages)
    assert providers(outbound, vidu=VIDU).get("vidu").find(TASK, nobody) == Found("8")
    assert [call["headers"] for call in outbound.calls] == [KEY, KEY]
    assert all(call["seconds"] <= 15 for call in outbound.calls)
    assert "pager.page_token=t1" in outbound.calls[1]["url"]


def test_a_search_says_what_is_certainly_not_there() -> None:
    def of_ours(name: str, minutes: int) -> Task:
        started_at = TASK.dispatched_at + timedelta(minutes=minutes)
        return replace(TASK, id=name, dispatch=Dispatch(status=DispatchStatus.ACCEPTED, started_at=started_at))

    known = {"9": of_ours("later", 30), "5": of_ours("earlier", -30)}
    listed = ProviderResponse(
        status=200, body=b'{"tasks": [{"id": "9", "payload": "later"}, {"id": "5", "payload": "earlier"}]}'
    )
    empty = ProviderResponse(status=200, body=b'{"tasks": []}')
    provider = providers(FakeOutbound([listed, empty] * 20), vidu=VIDU).get("vidu")
    assert provider.find(TASK, known.get) == Absent()
    ours = TASK.with_dispatch(account=provider.account)
    assert provider.find(ours, known.get) == Absent()
    # An operator changed the key meanwhile.
    assert isinstance(provider.find(TASK.with_dispatch(account="another"), known.get), Uncertain)
    known["5"] = known["5"].with_dispatch(account="another")  # and another account's task has this id there
    assert isinstance(provider.find(ours, known.get), Uncertain)


def test_a_lost_task_can_never_be_found_in_a_format_without_a_list() -> None:
    outbound = FakeOutbound()
    assert providers(outbound, one={**VIDU, "dialect": "vidu_v1"}).get("one").find(TASK, nobody) == Untraceable()
    assert outbound.calls == []


def test_a_list_that_goes_round_in_circles_ends_with_the_time_for_it() -> None:
    ticks = count(0, 5)
    outbound = FakeOutbound(
        ProviderResponse(status=200, body=b'{"tasks": [{"id": "7", "payload": ""}], "next_page_token": "t"}')
    )
    known = ConfiguredProviders(
        FakeSecret(json.dumps({"vidu": VIDU})), upstream, outbound, lambda: float(next(ticks))
    )
    assert known.get("vidu").find(TASK, nobody) == Uncertain("the provider's list is too long to be read in time")
    assert 2 < len(outbound.calls) < 10


ITEM = {"id": "1", "state": "success", "created_at": "2026-11-21T10:00:00Z", "creations": []}


def vidus_list(*ids: str, token: str = "") -> ProviderResponse:
    body = {"tasks": [{**ITEM, "id": id} for id in ids], "next_page_token": token}
    return ProviderResponse(status=200, body=json.dumps(body).encode())


def listing(*answers: ProviderResponse | BaseException) -> tuple[list[str], FakeOutbound]:
    outbound = FakeOutbound(list(answers))
    found = []
    try:
        for listed in providers(outbound, vidu=VIDU).get("vidu").successes(NOON, NOON):
            found.append(listed.provider_task_id)  # noqa: PERF401  it may end in the middle
    except TryLater as error:
        found.append(str(error))
    return found, outbound


def test_a_list_is_read_page_by_page_to_its_end() -> None:
    found, outbound = listing(vidus_list("1", "2", token="t"), vidus_list("3"), vidus_list())
    assert found == ["1", "2", "3"]
    assert ["page_token=t" in call["url"] for call in outbound.calls] == [False, True, False]


def test_a_list_that_breaks_off_says_so_after_what_could_be_read() -> None:
    assert listing(vidus_list("1", token="t"), AnswerLost("cut"))[0] == ["1", "cut"]
    found, _ = listing(vidus_list("1", token="t"), ProviderResponse(status=503))
    assert found == ["1", "the provider answered 503 when it was asked for its list"]


def test_a_list_that_goes_round_in_circles_ends() -> None:
    assert listing(vidus_list("1", token="t"), vidus_list("2", token="t"))[0] == ["1", "2"]
    found, outbound = listing(*(vidus_list("1", token=f"t{n}") for n in range(1001)))
    assert "does not end" in found[-1]
    assert len(outbound.calls) == 1000


@pytest.mark.parametrize(
    ("date", "since"),
    [
        ("Sat, 21 Nov 2026 12:04:00 GMT", ["2026-11-19T12%3A00%3A00Z"]),
        ("Sat, 21 Nov 2026 20:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "2026-11-19T20%3A00%3A00Z"]),
        ("Fri, 20 Nov 2026 12:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "2026-11-18T12%3A00%3A00Z"]),
        ("Mon, 23 Nov 2026 12:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "2026-11-21T12%3A00%3A00Z"]),
        ("Fri, 31 Dec 9999 22:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "9999-12-29T22%3A00%3A00Z"]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", ["2026-11-19T12%3A00%3A00Z", "1969-12-30T00%3A00%3A00Z"]),
        ("Mon, 01 Jan 0001 00:00:00 +0200", ["2026-11-19T12%3A00%3A00Z"]),
        ("just now", ["2026-11-19T12%3A00%3A00Z"]),
    ],
)
def test_a_list_is_asked_for_by_the_providers_own_clock(date: str, since: list[str]) -> None:
    page = replace(vidus_list("1"), headers={"date": date})
    found, outbound = listing(page, page, *[replace(vidus_list(), headers={"date": date})] * 2)
    assert set(found) == {"1"}
    asked = [call["url"] for call in outbound.calls]
    assert [url.partition("created_at.from=")[2].partition("&")[0] for url in asked[: len(since)]] == since


@pytest.mark.parametrize("days", [3, -400])
def test_a_clock_that_is_days_off_all_the_time_hides_nothing(days: int) -> None:
    def page(*made_at: datetime) -> ProviderResponse:
        rows = [{**ITEM, "id": str(n), "created_at": at.isoformat()} for n, at in enumerate(made_at)]
        date = format_datetime(NOON + timedelta(days=days), usegmt=True)
        return ProviderResponse(status=200, headers={"date": date}, body=json.dumps({"tasks": rows}).encode())

    by_its_clock = page(NOON + timedelta(days=days, minutes=-30), NOON + timedelta(days=days, hours=-999))
    answers: list[ProviderResponse | BaseException] = [page(), by_its_clock, page(), AnswerLost("cut")]
    found = list(providers(FakeOutbound(answers), vidu=VIDU).get("vidu").successes(NOON - timedelta(days=2), NOON))
    assert [(each.provider_task_id, each.created_at) for each in found] == [("0", NOON - timedelta(minutes=30))]


def test_a_date_that_is_no_clock_hides_nothing() -> None:
    page = replace(vidus_list("1"), headers={"date": "Thu, 01 Jan 1970 00:00:00 GMT"})
    assert listing(page, AnswerLost("cut"), replace(page, body=b'{"tasks": []}'))[0] == ["1", "cut"]


def test_successes_without_an_id_are_said_at_the_end() -> None:
    found, _ = listing(vidus_list("", "2", token="t"), vidus_list("3"), vidus_list())
    assert found == ["2", "3", "the provider lists 1 tasks that cannot be read"]
