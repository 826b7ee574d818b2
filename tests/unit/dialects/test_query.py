from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reelkeep.dialects.grammar.query import Query
from reelkeep.domain.errors import InvalidRequest


@pytest.mark.parametrize(
    "pairs",
    [
        [("states", "success"), ("states", "failed")],
        [("states", "success,failed")],
        [("states", "success, failed,")],
        [("states[]", "success"), ("states[]", "failed")],
        [("states[0]", "success"), ("states[1]", "failed"), ("states", "")],
        [("states", "success"), ("states", "success,failed")],
    ],
)
def test_an_array_is_read_however_it_is_written(pairs: list[tuple[str, str]]) -> None:
    assert Query(pairs).words("states") == ("success", "failed")


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-06T08:00:00Z",
        "2026-01-06T16:00:00+08:00",
        "2026-01-06T16:00:00 08:00",
        "2026-01-06T08:00:00.000000000Z",
        "2026-01-06 08:00",
    ],
)
def test_a_time_is_read_in_utc(text: str) -> None:
    assert Query([("from", text)]).moment("from") == datetime(2026, 1, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "1767686400", "2026-13-01", "9999-12-31T23:59:59-23:59"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Query([("created_at.from", text)]).moment("created_at.from")
    assert refused.value.field == "created_at.from"


@pytest.mark.parametrize("text", ["ten", "1.5", "1e2", "９", "99999999999", "2147483648"])
def test_what_is_no_whole_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Query([("page", text)]).number("page", 0)
    assert refused.value.field == "page"


def test_a_value_too_long_for_a_key_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        Query([("templates", "a" * 257)]).words("templates")
    assert refused.value.field == "templates"
