"""What lists with marks prove of a call whose answer was lost, and what is adopted from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.dialects.families.lenient import JsonObject
from reelkeep.dialects.kling.client import KlingClient
from reelkeep.domain.observation import Absent, Finding, Found, Uncertain
from reelkeep.domain.task import Dispatch, DispatchStatus, Kind, Request, Task
from reelkeep.domain.wire import Json, NoList, ProviderRequest, ProviderResponse
from tests.unit.dialects.harness import NOW, answer, listed, searched, task_of


class Pigeons(KlingClient):
    name = "pigeons"
    kinds = {"letters": Kind.TEXT2VIDEO, "photographs": Kind.IMG2VIDEO}  # noqa: RUF012
    most_pages = 3

    def page(self, name: str, number: int) -> ProviderRequest:
        return ProviderRequest(method="GET", path=f"/{name}", query=(("page", str(number)),))

    def list_of(self, task: Task) -> str:
        return next(name for name, kind in self.kinds.items() if kind is task.request.kind)

    def mark(self, task: JsonObject) -> str:
        return task.text("ring")


PIGEONS = Pigeons()
LOST = task_of(Request(dialect="other", kind=Kind.IMG2VIDEO), dispatch=Dispatch(started_at=NOW))
LATER = replace(
    LOST,
    id="later",
    provider_task_id="9",
    dispatch=Dispatch(status=DispatchStatus.ACCEPTED, started_at=NOW + timedelta(minutes=31)),
)
EARLIER = replace(LATER, id="earlier", provider_task_id="5").with_dispatch(started_at=NOW - timedelta(minutes=31))
OURS, NOT_OURS, NAMELESS, WITNESS, FIRST = (
    {"id": "7", "ring": LOST.id},
    {"id": "8", "ring": "x"},
    {"id": "6"},
    {"id": "9", "ring": "later"},
    {"id": "5", "ring": "earlier"},
)


def known(task_id: str) -> Task | None:
    return {"9": LATER, "5": EARLIER}.get(task_id)


def found(*pages: Json, status: int = 200) -> tuple[int, Finding]:
    calls, finding = searched(
        PIGEONS.find(LOST, known), *(answer(status, {"code": 0, "data": page}) for page in pages)
    )
    assert {call.path for call in calls} == {"/photographs"}
    return len(calls), finding


def test_the_row_with_our_mark_is_ours_on_whatever_page() -> None:
    assert found([NOT_OURS], [WITNESS, OURS]) == (2, Found("7"))


@pytest.mark.parametrize("row", [{"ring": LOST.id}, {"id": "", "ring": LOST.id}])
def test_it_is_no_use_without_an_id(row: dict[str, str]) -> None:
    assert isinstance(found([row])[1], Uncertain)


def test_it_is_absent_if_others_from_before_and_after_are_shown_and_the_list_was_read_to_its_end() -> None:
    assert found([NOT_OURS, WITNESS], [FIRST], []) == (3, Absent())
    ends: list[Json] = [[], None]
    for end in ends:
        for rows in ([NOT_OURS], [NOT_OURS, WITNESS], [NOT_OURS, FIRST]):
            assert isinstance(found(rows, end)[1], Uncertain)
        assert isinstance(found(end)[1], Uncertain)


@pytest.mark.parametrize("ring", ["", None, "later ", "LATER", "lat", {"id": "later"}, "g-9"])
def test_where_marks_are_dropped_or_altered_any_row_may_be_ours(ring: Json) -> None:
    altered = {"id": "9", "ring": ring}
    assert isinstance(found([altered, FIRST, NOT_OURS], [])[1], Uncertain)
    assert found([altered, FIRST], []) == (2, Absent())  # there is no other
    assert found([WITNESS, FIRST, NAMELESS], [])[1] == Uncertain("the provider lists a task that may be this one")


@pytest.mark.parametrize("pages", [([WITNESS], [WITNESS]), ([WITNESS], 7), ([WITNESS], [NAMELESS], [NOT_OURS])])
def test_a_list_that_is_not_read_to_its_end_proves_nothing(pages: tuple[Json, ...]) -> None:
    assert isinstance(found(*pages)[1], Uncertain)
    assert isinstance(found(*pages, status=404)[1], Uncertain)


def test_a_refusal_in_a_200_is_no_empty_list() -> None:
    refused = answer(200, {"code": 1302, "message": "too fast", "data": []})
    assert isinstance(searched(PIGEONS.find(LOST, known), refused)[1], Uncertain)
    with pytest.raises(NoList):
        listed(PIGEONS.successes(NOW), refused)


def successes(*answers: ProviderResponse) -> tuple[list[tuple[str, str]], list[Request]]:
    """Which lists are asked for which of their pages, and what was asked for there that is listed."""
    calls, pages = listed(PIGEONS.successes(NOW), *answers)
    found = [each.request for page in pages for each in page.successes]
    return [(call.path, dict(call.query)["page"]) for call in calls], found


def rows(*listed: Json) -> ProviderResponse:
    return answer(200, {"code": 0, "data": list(listed)})


def success(task_id: str) -> Json:
    return {"id": task_id, "status": "success", "url": "https://cdn.test/v.mp4", "created_at": "2026-01-06T09:00:00Z"}


def test_one_list_after_the_other_is_read_to_its_end_and_each_has_its_kind() -> None:
    letter, photograph = rows(success("1")), rows(success("2") | {"ring": "theirs"})
    read = [("/letters", "1"), ("/letters", "2"), ("/photographs", "1"), ("/photographs", "2"), ("/photographs", "3")]
    for end in (rows(), letter):  # or the page before once more
        calls, found = successes(letter, end, photograph, rows(success("3")), rows(success("4")))
        kinds = [(request.kind, request.payload) for request in found if request.payload != ""]
        assert (calls, kinds) == (read, [(Kind.IMG2VIDEO, "theirs")])
        assert found[0].kind is Kind.TEXT2VIDEO


@pytest.mark.parametrize("status", [404, 405])
def test_a_list_that_a_gateway_does_not_have_is_passed_over(status: int) -> None:
    refused = answer(status, {"code": 0, "data": []})
    assert successes(refused, refused)[0] == [("/letters", "1"), ("/photographs", "1")]
