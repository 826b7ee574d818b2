"""What Ark's list proves of a submission whose answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zlib import crc32

import pytest

from reelkeep.dialects.families.evidence import ALTERED
from reelkeep.dialects.volc_ark.client import upstream
from reelkeep.domain.observation import (
    Absent,
    Finding,
    Found,
    Uncertain,
    Untraceable,
)
from reelkeep.domain.task import (
    Dispatch,
    DispatchStatus,
    Task,
)
from reelkeep.domain.wire import Json, ProviderRequest, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import (
    NOW,
    TASK_ID,
    answer,
    searched,
    task_of,
)
from tests.unit.dialects.volc_ark_harness import CGT, MARK, TASKS, TEXT, ark

LOST = replace(
    task_of(ark.parse({"model": "m", "content": [TEXT]})), dispatch=Dispatch(started_at=NOW + timedelta(hours=1))
)


UNMARKED = replace(LOST, request=ark.parse({"model": "m", "content": [TEXT], "service_tier": "flex"}))


def item(minutes: float, mark: int | None = None, task_id: str = "") -> Json:
    """One that dates from so long after the call."""
    created = int((NOW + timedelta(hours=1, minutes=minutes)).timestamp())
    marked = {} if mark is None else {"execution_expires_after": mark}
    return {"id": task_id or f"cgt-{minutes}-{mark}", "created_at": created, **marked}


def page_of(*items: Json, total: int | None = None) -> ProviderResponse:
    return answer(200, {"items": list(items), "total": len(items) if total is None else total})


def page_call(number: int) -> ProviderRequest:
    return ProviderRequest(method="GET", path=TASKS, query=(("page_num", str(number)), ("page_size", "500")))


def mark_of(task_id: str) -> int:
    return 172_799 - crc32(task_id.encode()) % 86_400


def of_ours(minutes: float, **changes: Any) -> Task:
    """Another task of ours, dispatched so long after the lost one."""
    dispatch = Dispatch(status=DispatchStatus.ACCEPTED, started_at=LOST.dispatched_at + timedelta(minutes=minutes))
    return replace(LOST, **{"id": "later", "dispatch": dispatch, **changes})


OTHER = MARK - 1


OLD = [item(-60 - number / 10, OTHER) for number in range(600)]


EARLIER = item(-30, mark_of("earlier"), "cgt-earlier")


LATER = item(30, mark_of("later"), "cgt-later")


BOTH = (EARLIER, LATER)


KNOWN = {"cgt-earlier": of_ours(-30, id="earlier"), "cgt-later": of_ours(30)}


def found(
    *answers: ProviderResponse, task: Task = LOST, known: dict[str, Task] | None = None
) -> tuple[list[ProviderRequest], Finding]:
    return searched(upstream.find(task, (KNOWN if known is None else known).get), *answers)


@pytest.mark.parametrize(
    ("listed", "finding"),
    [
        (page_of(item(0, MARK, CGT)), Found(CGT)),
        (page_of({**item(0, MARK, CGT), "model": "m", "service_tier": "default"}), Found(CGT)),
        (page_of(item(-4, OTHER), item(9, MARK, CGT), item(1, 172_800)), Found(CGT)),
        (answer(200, {"code": 0, "data": {"items": [item(0, MARK, CGT)], "total": 1}}), Found(CGT)),
        (page_of(item(0, MARK, CGT), total=9000), Found(CGT)),
        (page_of(item(-60, MARK), item(0, MARK, CGT)), Found(CGT)),  # another one's, of another hour
        (page_of(item(0, OTHER), item(1, MARK - 2), *BOTH), Absent()),  # nobody alters marks: ours show their own
    ],
)
def test_a_lost_task_is_found_by_its_mark_or_certainly_not_there(listed: ProviderResponse, finding: Finding) -> None:
    assert found(listed) == ([page_call(1)], finding)


AT = int((NOW + timedelta(hours=1)).timestamp())


@pytest.mark.parametrize(
    "created_at",
    [AT + 8 * 3600, AT - 16 * 3600, AT * 1000, str(AT * 1000), AT + 10**9, "2026-01-06T17:00:00", "soon", None, {}],
)
def test_what_has_our_mark_is_ours_whatever_its_time_is(created_at: Json) -> None:
    rows = (LATER, item(0, 172_800), {**item(0, MARK, CGT), "created_at": created_at})
    assert found(page_of(*rows))[1] == Found(CGT)


@pytest.mark.parametrize("created_at", [AT + 8 * 3600, AT * 1000, AT - 10**8, "soon", None])
def test_tasks_of_ours_on_both_sides_prove_absence_whatever_the_times_say(created_at: Json) -> None:
    assert found(page_of(EARLIER, {**LATER, "created_at": created_at}))[1] == Absent()
    assert found(page_of({**EARLIER, "created_at": created_at}, LATER))[1] == Absent()


@for_each(
    "task, rows, known",
    [
        (LOST, [], {}),
        (LOST, [item(-60)], {}),
        (LOST, [item(-1, OTHER), item(9.9, OTHER)], {}),
        (LOST, [LATER, item(600), {**item(0, OTHER), "created_at": AT * 1000}], {}),  # all of them somebody else's
        (LOST, [*BOTH], {**KNOWN, "cgt-later": of_ours(29)}),  # a list need not be in order within half an hour
        (LOST, [*BOTH], {**KNOWN, "cgt-earlier": of_ours(-29)}),
        (LOST, [*BOTH], {**KNOWN, "cgt-later": of_ours(30).with_dispatch(started_at=None)}),  # adopted
        (LOST, [LATER], KNOWN),  # it may be cut off before the call
        (LOST, [EARLIER], KNOWN),  # it may be older than the call
        (UNMARKED, [], {}),
        (UNMARKED, [item(-60)], {}),
        (UNMARKED, [item(11)], {}),
    ],
)
def test_nothing_but_tasks_of_ours_on_both_sides_proves_anything(
    task: Task, rows: list[Json], known: dict[str, Task]
) -> None:
    assert isinstance(found(page_of(*rows), task=task, known=known)[1], Uncertain | Untraceable)


@for_each(
    "listed",
    [
        page_of({**item(0, MARK, CGT), "model": "another"}, *BOTH),  # a client's own, elsewhere in the account
        page_of({**item(0, MARK, CGT), "service_tier": "flex"}, *BOTH),
        page_of({"id": CGT}),
        page_of({"id": CGT}, *BOTH),  # with marks that are shown, one without is odd, and may be ours
        *(page_of(item(-60, default), *BOTH) for default in (172_800, 86_400, 3600, 7200)),  # as is a default
        page_of(item(0, MARK, CGT), item(1, MARK, "cgt-2")),
        page_of({"created_at": 1, "execution_expires_after": MARK}),
        page_of(None, *BOTH),
        page_of({}, *BOTH),
        answer(200, {"items": []}),
        answer(200, {"items": [{"id": CGT}]}),
        answer(200, {"items": None, "total": 0}),
        answer(200, b"<html>"),
        answer(500),
    ],
)
def test_what_may_be_ours_leaves_it_uncertain(listed: ProviderResponse) -> None:
    assert isinstance(found(listed)[1], Uncertain)


@for_each("echo", [None, 172_800, 3600, 0, 86_400, MARK, "172799s"])
@for_each("odd", [[EARLIER], [LATER], [EARLIER, LATER]])
def test_an_aggregator_between_us_and_ark_may_have_altered_the_mark(odd: list[Json], echo: Json) -> None:
    """Not so if the tasks of ours that it lists show their own."""
    suspect = item(8 * 60, OTHER)
    assert found(page_of(suspect, *BOTH))[1] == Absent()
    altered = page_of(suspect, *({**row, "execution_expires_after": echo} if row in odd else row for row in BOTH))
    assert isinstance(found(altered)[1], Uncertain)
    unless = Uncertain("the provider's list does not distinguish its tasks") if echo == MARK else Absent()
    assert found(altered, known={**KNOWN, suspect["id"]: of_ours(0.1, id="o")})[1] == unless


def test_where_no_task_of_ours_has_a_mark_none_excludes_a_row() -> None:
    known = {name: replace(each, request=UNMARKED.request) for name, each in KNOWN.items()}
    assert found(page_of(*BOTH), known=known)[1] == Absent()
    assert isinstance(found(page_of(item(0, 7200), *BOTH), known=known)[1], Uncertain)


@pytest.mark.parametrize("row", [item(0), item(0, 7200), None])
def test_what_is_known_to_be_another_task_of_ours_is_no_suspect(row: Json) -> None:
    known = {**KNOWN, row["id"]: of_ours(0.1, id="another", request=UNMARKED.request)} if row else KNOWN
    rows = [row, *BOTH] if row else BOTH
    assert found(page_of(*rows), known=known)[1] == Absent()
    assert found(page_of(*rows), task=UNMARKED, known=known)[1] == Absent()
    assert found(page_of(*rows, item(1, MARK, CGT)), known=known)[1] == Found(CGT)


def test_what_has_our_mark_and_the_id_of_another_task_may_be_ours() -> None:
    row, another = item(0, MARK, CGT), of_ours(-60, id="another")
    assert isinstance(found(page_of(row, *BOTH), known={**KNOWN, CGT: another})[1], Uncertain)
    by_chance = replace(another, id=TASK_ID)  # the other one has the same mark
    assert found(page_of(row, *BOTH), known={**KNOWN, CGT: by_chance})[1] == Absent()
    assert found(page_of(row, item(1, MARK, "cgt-2"), *BOTH), known={**KNOWN, CGT: another})[1] == Found("cgt-2")


def test_an_endpoint_is_listed_as_the_model_that_it_stands_for() -> None:
    asked = replace(LOST, request=ark.parse({"model": "ep-20260101-abcde", "content": [TEXT]}))
    listed = page_of({**item(0, MARK, CGT), "model": "doubao-seedance-1-0-pro-250528"})
    assert found(listed, task=asked)[1] == Found(CGT)


@pytest.mark.parametrize(
    ("last", "finding"),
    [([item(0, MARK, CGT)], Found(CGT)), (BOTH, Absent())],
)
def test_absence_is_certain_only_after_the_last_page(last: list[Json], finding: Finding) -> None:
    total = 600 + len(last)
    pages = (page_of(*OLD[:500], total=total), page_of(*OLD[500:], *last, total=total))
    assert found(*pages) == ([page_call(1), page_call(2)], finding)


@pytest.mark.parametrize(
    "second",
    [
        page_of(*OLD[499:], total=602),  # a new one came in front, and pushed the others on
        page_of(*OLD[501:], total=600),  # one was deleted, and another one was missed
        page_of(total=601),
        page_of(*OLD[:500], total=601),  # the first one once more
        answer(502),
    ],
)
def test_a_list_that_changes_while_it_is_read_leaves_it_uncertain(second: ProviderResponse) -> None:
    first = page_of(*OLD[:500], total=601)
    assert isinstance(found(first, second)[1], Uncertain)


@pytest.mark.parametrize(
    ("listed", "finding"),
    [
        (page_of(*BOTH), Absent()),
        (page_of(item(0, 7200), item(0, MARK), *BOTH), ALTERED),  # a provider may have a mind of its own
        (page_of(item(0, 172_800)), Untraceable()),
        (page_of(item(0)), Untraceable()),
        (page_of(item(0, 172_800), *BOTH), Untraceable()),
    ],
)
def test_a_task_without_a_mark_is_certainly_not_there_or_nobody_will_ever_know(
    listed: ProviderResponse, finding: Finding
) -> None:
    assert found(listed, task=UNMARKED) == ([page_call(1)], finding)


def test_a_request_too_big_for_its_record_has_a_mark_all_the_same() -> None:
    emptied = replace(LOST, request=replace(LOST.request, body={}))
    assert found(page_of(item(0, MARK)), task=emptied)[1] == Found(item(0, MARK)["id"])
