"""What every provider's client makes of a list of tasks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reelkeep.domain.wire import Json, NoList
from tests.for_each import for_each
from tests.unit.dialects.harness import NOW, answer, listed
from tests.unit.dialects.providers.kit import Format, of_every_list, unix


@of_every_list
def test_a_success_in_the_list_is_read(format: Format) -> None:
    page = format.listed(format.row(id="t-1"), format.row(id=885_000_000_000_000_001))
    assert [each.provider_task_id for each in page.successes] == ["t-1", "885000000000000001"]
    assert page.successes[0].created_at == datetime.fromtimestamp(unix(NOW), UTC)


ODD_ROWS: list[Json] = [None, 7, "t-9", [], {"status": 7, "state": 7}]


@of_every_list
@for_each("odd", ODD_ROWS)
def test_an_odd_row_costs_that_row_only(format: Format, odd: Json) -> None:
    page = format.listed(format.row(id="t-1"), odd, format.row(id="t-2"))
    assert [each.provider_task_id for each in page.successes] == ["t-1", "t-2"]
    assert page.unreadable == (0 if isinstance(odd, dict) else 1), f"{format.name} does not count {odd!r}"


@of_every_list
@for_each("odd", ODD_ROWS)
def test_an_odd_row_at_the_end_of_a_page_does_not_hide_the_next_one(format: Format, odd: Json) -> None:
    rows = [format.row(id="t-1"), format.row(id="t-2")]
    assert len(format.read(*rows)[0]) > 1, f"{format.name}: let the sample of its list lead on to a next page"
    assert len(format.read(*rows, odd)[0]) > 1, f"{format.name} does not read on after a row {odd!r}"


@of_every_list
@for_each("changes", [{"id": None}, {"id": ""}])
def test_a_success_in_the_list_without_an_id_is_counted(format: Format, changes: dict[str, Json]) -> None:
    page = format.listed(format.row(**changes), format.row(id="t-2"))
    assert ([each.provider_task_id for each in page.successes], page.unreadable) == (["t-2"], 1)


@of_every_list
@for_each("time", [None, "yesterday", {}])
def test_a_success_in_the_list_without_a_time_is_read(format: Format, time: Json) -> None:
    page = format.listed(format.row(time=time))
    assert ([each.created_at for each in page.successes], page.unreadable) == ([None], 0)


@of_every_list
@for_each("status, body", [(500, {}), (401, {}), (200, []), (200, {"data": 1}), (200, b"<html>")])
def test_what_is_no_list_is_not_taken_for_an_empty_one(format: Format, status: int, body: Json) -> None:
    with pytest.raises(NoList):
        listed(format.client.successes(NOW), answer(status, body))
