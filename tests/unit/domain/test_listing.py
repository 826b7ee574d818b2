from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reelkeep.domain.listing import Filter
from reelkeep.domain.task import Kind, Request, State, Task
from tests.for_each import for_each

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
REQUEST = Request(
    dialect="reelkeep",
    kind=Kind.TEXT2VIDEO,
    model="viduq2",
    prompt="Ein Weg AM FLUSS, 河边的小路",
    resolution="720p",
    template="hug",
    off_peak=True,
    tags=("campaign-7", "final"),
)
TASK = Task(
    id="1" * 32,
    owner="alice",
    key_id="k",
    provider="vidu",
    request=REQUEST,
    created_at=NOON,
    updated_at=NOON,
    deadline=NOON,
    state=State.SUCCESS,
    starred=True,
)
FITTING: dict[str, Any] = {
    "created_from": NOON,
    "created_to": NOON,
    "task_ids": ("0" * 32, TASK.id),
    "states": (State.FAILED, State.SUCCESS),
    "kinds": (Kind.IMG2VIDEO, Kind.TEXT2VIDEO),
    "models": ("viduq1", "viduq2"),
    "resolutions": ("360p", "720p"),
    "templates": ("kiss", "hug"),
    "off_peak": True,
    "providers": ("ark", "vidu"),
    "tags": ("draft", "final"),
    "starred": True,
    "words": ("fluss", "小路", "we"),
}
OTHERS: dict[str, Any] = {
    "created_from": NOON + A_MOMENT,
    "created_to": NOON - A_MOMENT,
    "task_ids": ("0" * 32,),
    "states": (State.FAILED,),
    "kinds": (Kind.IMG2VIDEO,),
    "models": ("viduq1",),
    "resolutions": ("360p",),
    "templates": ("kiss",),
    "off_peak": False,
    "providers": ("ark",),
    "tags": ("fin",),
    "starred": False,
    "words": ("fluss", "see"),
}


def test_a_filter_admits_either_what_is_hidden_or_what_is_not() -> None:
    hidden = replace(TASK, removed_at=NOON)
    assert [Filter().admits(task) for task in (TASK, hidden)] == [True, False]
    assert [Filter(hidden=True).admits(task) for task in (TASK, hidden)] == [False, True]


@for_each("field", FITTING)
def test_each_field_admits_what_fits_it_and_nothing_else(field: str) -> None:
    assert Filter(**{field: FITTING[field]}).admits(TASK)
    assert not Filter(**{field: OTHERS[field]}).admits(TASK)


@for_each("field", FITTING)
def test_all_fields_must_fit(field: str) -> None:
    assert Filter(**FITTING).admits(TASK)
    assert not Filter(**FITTING | {field: OTHERS[field]}).admits(TASK)
