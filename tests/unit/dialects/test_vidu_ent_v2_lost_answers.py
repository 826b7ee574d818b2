"""What Vidu's list proves of a submission whose answer was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.dialects.vidu_ent_v2.client import upstream
from reelkeep.domain.observation import (
    Absent,
    Finding,
    Found,
    Uncertain,
    Untraceable,
)
from reelkeep.domain.task import Dispatch, DispatchStatus, Task
from reelkeep.domain.wire import ProviderRequest, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import NOW, TASK_ID, answer, searched, task_of
from tests.unit.dialects.vidu_ent_v2_harness import (
    IMAGE_BODY,
    submit,
)

LOST = replace(task_of(submit("img2video", IMAGE_BODY)), dispatch=Dispatch(started_at=NOW + timedelta(hours=1)))


OURS = {"id": "885", "payload": TASK_ID}


ANOTHER = {"id": "886", "payload": "job-2"}


WITHOUT = {"id": "887"}


FULL = [{"id": str(number), "payload": "job-2"} for number in range(100)]


MORE = [{"id": str(number), "payload": "job-2"} for number in range(100, 103)]


LATER = {"id": "999", "payload": "later", "created_at": "2026-01-06T09:30:00.2Z"}


EARLIER = {"id": "111", "payload": "earlier", "created_at": "2026-01-06T08:00:00Z"}


def of_ours(minutes: float, **changes: Any) -> Task:
    """Another task of ours, dispatched so long after the lost one."""
    dispatch = Dispatch(status=DispatchStatus.ACCEPTED, started_at=LOST.dispatched_at + timedelta(minutes=minutes))
    return replace(LOST, **{"id": "later", "dispatch": dispatch, **changes})


BOTH = (LATER, EARLIER)


KNOWN = {"999": of_ours(30), "111": of_ours(-30, id="earlier")}


PROOF = answer(200, {"state": "success", "payload": "later"})  # that the provider shows payloads where tasks are


def list_call(name: str = "pager.page", value: str = "0", *, whole: bool = False) -> ProviderRequest:
    window = () if whole else (("created_at.from", "2026-01-06T08:55:00.123456Z"),)
    return ProviderRequest(
        method="GET", path="/ent/v2/tasks", query=(*window, (name, value), ("pager.pagesz", "100"))
    )


def poll_call(task_id: str) -> ProviderRequest:
    return ProviderRequest(method="GET", path=f"/ent/v2/tasks/{task_id}/creations")


def page_of(*tasks: object, token: str = "") -> ProviderResponse:
    return answer(200, {"next_page_token": token, "tasks": list(tasks)})


def found(*answers: ProviderResponse, known: dict[str, Task] | None = None) -> tuple[list[ProviderRequest], Finding]:
    return searched(upstream.find(LOST, (KNOWN if known is None else known).get), *answers)


def listing(*rows: object, polls: tuple[ProviderResponse, ...] = ()) -> list[ProviderResponse]:
    """A list of one page, which shows the same whatever the window is; then what the polls in between find."""
    return [page_of(*rows), page_of(), page_of(*rows), page_of(), *polls]


def test_a_lost_submission_is_searched_for_around_the_time_of_its_last_call_and_then_everywhere() -> None:
    calls, finding = found(*listing(*BOTH))
    assert finding == Absent()
    assert calls == [list_call(), list_call(value="1"), list_call(whole=True), list_call(value="1", whole=True)]


def test_tasks_of_ours_on_both_sides_prove_absence_whatever_the_times_say() -> None:
    for created_at in ("2026-01-06T17:30:00", "2020-01-01T00:00:00Z", "tomorrow", 1767691800000, None):
        assert found(*listing(LATER | {"created_at": created_at}, EARLIER))[1] == Absent()
        assert found(*listing(LATER, EARLIER | {"created_at": created_at}))[1] == Absent()


@for_each(
    "rows, known",
    [
        ([], {}),
        ([ANOTHER], {}),
        ([LATER], {}),  # somebody else's
        ([LATER | {"created_at": "2027-01-01T00:00:00Z"}], {}),
        ([LATER | {"created_at": 1767691800000}], {}),
        ([*BOTH], {**KNOWN, "999": of_ours(29)}),  # a list need not be in order within half an hour
        ([*BOTH], {**KNOWN, "111": of_ours(-29)}),
        ([*BOTH], {**KNOWN, "999": of_ours(30).with_dispatch(status=DispatchStatus.UNKNOWN)}),
        (
            [*BOTH],
            {**KNOWN, "999": of_ours(30).with_dispatch(started_at=None)},
        ),  # adopted: nobody knows when it was dispatched
        ([LATER], KNOWN),  # it may be cut off before the call
        ([EARLIER], KNOWN),  # it may be older than the call
    ],
)
def test_nothing_but_tasks_of_ours_on_both_sides_proves_anything(rows: list[object], known: dict[str, Task]) -> None:
    assert isinstance(found(*listing(*rows), known=known)[1], Uncertain)


@pytest.mark.parametrize(
    "created_at",
    [
        "2026-01-06T17:00:01",
        "2026-01-06T01:00:01",
        "2031-01-06T09:00:01Z",
        "soon",
        None,
        1767690001000,
        "1767690001000",
    ],
)
def test_what_has_our_payload_is_ours_whatever_its_time_is(created_at: object) -> None:
    rows = [LATER, OURS | {"created_at": created_at}]
    assert found(*listing(*rows))[1] == Found("885")
    window = page_of(LATER), page_of()  # by a clock that is hours late, it is not in the window
    assert found(*window, page_of(*rows))[1] == Found("885")


@pytest.mark.parametrize(("created_at", "later"), [("2026-01-06T17:00:01", "2026-01-06T17:30:00")])
def test_where_a_list_shows_no_payloads_a_clock_hours_off_hides_nothing(created_at: str, later: str) -> None:
    """Its list has local time without a zone, eight hours ahead: what seems younger than the call may be ours."""
    ours = {"id": "885", "prompt": LOST.request.prompt, "created_at": created_at}
    reworded = ours | {"prompt": ""}
    witness = {"id": "999", "created_at": later}
    poll = answer(200, {"state": "processing", "payload": TASK_ID})
    assert found(page_of(witness, ours), page_of(), poll)[1] == Found("885")
    assert found(*listing(witness, reworded, polls=(poll,)))[1] == Found("885")


@pytest.mark.parametrize(
    "row", [None, {}, {"id": "..", "payload": None}, {"id": {}, "created_at": "2026-01-06T09:00:09Z"}]
)
def test_a_bad_row_costs_that_row_only(row: object) -> None:
    assert found(*listing(row, OURS))[1] == Found("885")
    assert isinstance(found(*listing(row, *BOTH))[1], Uncertain)  # it may be ours
    assert found(*listing({"id": "..", "payload": "job-2"}, *BOTH))[1] == Absent()
    old = {"created_at": "2026-01-05T09:00:09Z"}  # by its provider's clock
    assert isinstance(found(*listing(old, *BOTH))[1], Uncertain)


@pytest.mark.parametrize(
    ("listed", "finding"),
    [
        (page_of(ANOTHER, OURS), Found("885")),
        (page_of(OURS | {"id": 885}, token="more"), Found("885")),
        (answer(200, {}), Uncertain("the provider answered 200 when it was asked for its list")),
        (answer(200, b"<html>"), Uncertain("the provider answered 200 when it was asked for its list")),
        (answer(500, {"tasks": []}), Uncertain("the provider answered 500 when it was asked for its list")),
    ],
)
def test_a_lost_placement_is_found_by_our_id(listed: ProviderResponse, finding: Finding) -> None:
    assert found(listed) == ([list_call()], finding)


def test_a_lost_submission_is_searched_for_to_the_last_page() -> None:
    pages = (page_of(*FULL), page_of(*MORE), page_of(OURS))  # of 100 that were asked for: it has a limit of its own
    expected = [list_call(), list_call(value="1"), list_call(value="2")]
    assert found(*pages) == (expected, Found("885"))


@pytest.mark.parametrize(
    ("rows", "last", "finding"),
    [
        (BOTH, page_of(), Absent()),
        (BOTH, page_of(*MORE), Absent()),
        ([LATER], page_of(), Uncertain),  # it may be cut off
        ([LATER], page_of(*MORE), Uncertain),  # there may be no way to get at what is on its other pages
    ],
)
def test_a_list_is_read_to_its_end(
    rows: Sequence[object], last: ProviderResponse, finding: Finding | type[Finding]
) -> None:
    pages = (page_of(*rows, *FULL[2:]), page_of(*MORE), last)
    _, concluded = found(*pages, *pages)
    assert concluded == finding or isinstance(concluded, finding if isinstance(finding, type) else ())


def test_a_token_leads_on_wherever_there_is_one() -> None:
    pages = (page_of(ANOTHER, token="t1"), page_of(ANOTHER, token="t2"), page_of(OURS))
    expected = [list_call(), list_call("pager.page_token", "t1"), list_call("pager.page_token", "t2")]
    assert found(*pages) == (expected, Found("885"))


def test_a_page_that_fails_in_between_leaves_it_uncertain() -> None:
    _, finding = found(page_of(*FULL), answer(503, b""))
    assert isinstance(finding, Uncertain)


def test_where_a_list_shows_no_payloads_its_tasks_are_polled_those_in_our_words_first() -> None:
    words = LOST.request.prompt
    rows = [{"id": "1", "prompt": "other"}, {"id": "2", "prompt": words, "payload": ""}, {"id": "3", "prompt": words}]
    another, ours = ({"state": "success", "payload": payload} for payload in ("job-2", TASK_ID))
    calls, finding = found(page_of(*rows), page_of(), answer(200, another), answer(200, ours))
    assert (calls[2:], finding) == ([poll_call("2"), poll_call("3")], Found("3"))
    polls = [answer(200, another)] * 3
    calls, finding = found(page_of(*rows), page_of(), *polls, page_of(*rows, *BOTH), page_of(), PROOF)
    assert (calls[2:5], calls[7:], finding) == (
        [poll_call("2"), poll_call("3"), poll_call("1")],
        [poll_call("999")],
        Absent(),
    )


ALTERED_PAYLOADS = ["", None, "later ", '"later"', "LATER", "la", {"id": "later"}, "job-9", 7]


@for_each("altered", ALTERED_PAYLOADS)
@for_each("odd", [[LATER], [EARLIER], [LATER, EARLIER]])
def test_where_payloads_are_altered_any_task_may_be_ours(odd: list[dict[str, object]], altered: object) -> None:
    rows = [*(row | {"payload": altered} if row in odd else row for row in BOTH), ANOTHER]
    another, spoilt = ({"state": "success", "payload": payload} for payload in ("job-2", altered))
    pages = (page_of(*rows), page_of())
    assert found(*pages, answer(200, another), *pages, PROOF)[1] == Absent()  # they are shown where the tasks are
    calls, finding = found(*pages, answer(200, another), *pages, answer(200, spoilt))
    assert [call for call in calls if call.path != "/ent/v2/tasks"] == [poll_call("886"), poll_call("999")]
    assert isinstance(finding, Uncertain)
    ours = {"state": "success", "payload": TASK_ID}
    assert found(*pages, answer(200, ours))[1] == Found("886")


@pytest.mark.parametrize("payload", ["", None])
def test_an_empty_payload_identifies_nothing(payload: object) -> None:
    poll = answer(200, {"state": "success", "payload": payload})
    pages = (page_of(WITHOUT | {"payload": payload}, *BOTH), page_of())
    assert isinstance(found(*pages, poll, *pages, PROOF)[1], Uncertain)


def test_what_is_known_to_be_another_task_of_ours_is_not_polled() -> None:
    rows = [WITHOUT | {"created_at": "2026-01-06T09:00:01Z"}, *BOTH]
    calls, finding = found(*listing(*rows), known={**KNOWN, "887": of_ours(0.1)})
    assert (len(calls), finding) == (4, Absent())


@pytest.mark.parametrize(
    ("poll", "kind"),
    [
        (answer(404, {"reason": "TaskNotFound"}), Uncertain),
        (answer(200, b"<html>"), Uncertain),
        (answer(200, {"state": "success"}), Untraceable),
    ],
)
def test_a_task_that_is_not_shown_or_without_its_payload_leaves_it_open(
    poll: ProviderResponse, kind: type[Finding]
) -> None:
    _, finding = found(page_of(WITHOUT), page_of(), poll, page_of(WITHOUT, LATER), page_of())
    assert isinstance(finding, kind)
