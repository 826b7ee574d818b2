from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import jsonschema
import pytest

from reelkeep.dialects.dialect import Http, List
from reelkeep.dialects.volc_ark.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import State
from tests.unit.dialects.harness import (
    TASK_ID,
    finished,
    link_to,
)
from tests.unit.dialects.volc_ark_harness import SUBMISSION, ark


def list_route() -> List:
    return next(route for route in dialect.routes if isinstance(route, List))


def listing(query: str) -> Listing:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return list_route().parse(
        Http(method="GET", path=list_route().path, query=tuple((name, value) for name, _, value in pairs))
    )


@pytest.mark.parametrize(
    ("query", "understood"),
    [
        ("", Listing(size=20, counted=True)),
        (
            "page_size=3&filter.status=succeeded",
            Listing(size=3, filter=Filter(states=(State.SUCCESS,)), counted=True),
        ),
        (
            "page_num=4&page_size=500&filter.status=queued",
            Listing(size=500, skip=1500, filter=Filter(states=(State.CREATED, State.QUEUEING)), counted=True),
        ),
        (
            f"filter.task_ids={TASK_ID}&filter.task_ids=cgt-1&filter.model=ep-1",
            Listing(size=20, filter=Filter(task_ids=(TASK_ID, "cgt-1"), models=("ep-1",)), counted=True),
        ),
        ("filter.service_tier=flex", Listing(size=20, filter=Filter(off_peak=True), counted=True)),
        ("filter.service_tier=default", Listing(size=20, filter=Filter(off_peak=False), counted=True)),
        ("filter.service_tier=flex,default&filter.status=", Listing(size=20, counted=True)),
        (
            "filter.status=cancelled&filter.status=expired",
            Listing(size=20, filter=Filter(states=(State.CANCELLED, State.EXPIRED)), counted=True),
        ),
        ("unheard.of=1", Listing(size=20, counted=True)),
    ],
)
def test_a_listing_s_query_is_understood(query: str, understood: Listing) -> None:
    assert listing(query) == understood


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_num=0", "page_num"),
        ("page_num=501", "page_num"),
        ("page_num=one", "page_num"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=-1", "page_size"),
        ("filter.status=success", "filter.status"),
        ("filter.service_tier=turbo", "filter.service_tier"),
        ("filter.model=" + "m" * 257, "filter.model"),
    ],
)
def test_a_wrong_query_is_refused_by_its_name(query: str, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        listing(query)
    assert refused.value.field == field


def test_a_list_holds_the_tasks_and_how_many_there_are_in_all() -> None:
    task = finished(ark.parse(SUBMISSION))
    body = list_route().render(Page(tasks=(task,), total=731), link_to, Listing()).body
    assert body == {"items": [ark.shown(task)], "total": 731}
    ark.fits("VolcArkTaskList", body)
    assert list_route().render(Page(tasks=(), total=0), link_to, Listing()).body == {"items": [], "total": 0}


def test_the_seed_page_s_request_gets_an_answer_of_its_schema_whatever_state_the_tasks_are_in() -> None:
    asked = listing("page_size=3&filter.status=succeeded")
    assert (asked.size, asked.filter.states) == (3, (State.SUCCESS,))
    tasks = tuple(replace(finished(ark.parse(SUBMISSION)), state=state) for state in State)
    listed = list_route().render(Page(tasks=tasks, total=8), link_to, asked).body
    jsonschema.validate(listed, ark.golden("seed-list-schema"))


def test_a_list_reaches_seven_days_back() -> None:
    assert list_route().window == timedelta(days=7)
