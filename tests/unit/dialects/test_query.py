from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.dialects.families.query import LARGEST_NUMBER, Cursor, Number, Parameter, Query, Time, Words
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
    assert Words("states", "").read(Query(pairs)) == ("success", "failed")


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
    assert Time("from", "").read(Query([("from", text)])) == datetime(2026, 1, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "1767686400", "2026-13-01", "9999-12-31T23:59:59-23:59"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Time("created_at.from", "").read(Query([("created_at.from", text)]))
    assert refused.value.field == "created_at.from"


@pytest.mark.parametrize("text", ["ten", "1.5", "1e2", "９", "99999999999", "2147483648"])
def test_what_is_no_whole_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Number("page", "", usual=0).read(Query([("page", text)]))
    assert refused.value.field == "page"


def test_a_value_too_long_for_a_key_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        Words("templates", "").read(Query([("templates", "a" * 257)]))
    assert refused.value.field == "templates"


words = st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), max_size=6, unique=True)


@given(words)
def test_words_are_the_same_in_every_way_of_writing_them(wanted: list[str]) -> None:
    ways = [
        [("states", word) for word in wanted],
        [("states", ",".join(wanted))],
        [("states", " , ".join([*wanted, ""]))],
        [("states[]", word) for word in wanted],
        [(f"states[{number}]", word) for number, word in enumerate(wanted)],
        [("states", word) for word in [*wanted, *wanted]],
    ]
    for pairs in ways:
        assert Words("states", "").read(Query(pairs)) == tuple(wanted)


@given(st.integers(0, 4_000_000_000_000_000), st.integers(-840, 840), st.booleans())
def test_a_time_is_the_same_with_any_offset(microsecond: int, minutes: int, escaped: bool) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microsecond)
    text = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert Time("from", "").read(Query([("from", text if escaped else text.replace("+", " "))])) == moment


@given(st.integers(-LARGEST_NUMBER, LARGEST_NUMBER))
def test_a_number_is_read_as_it_is_written(number: int) -> None:
    assert Number("page", "", usual=0, least=-LARGEST_NUMBER).read(Query([("page", str(number))])) == number


@given(st.lists(st.tuples(st.sampled_from(["a", "a[]", "a[0]", "a[", ""]), st.text(st.characters()))))
def test_whatever_a_query_says_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    for parameter in (Parameter("a", ""), Words("a", ""), Time("a", ""), Number("a", "", usual=7), Cursor("a", "")):
        with suppress(InvalidRequest):
            parameter.read(Query(pairs))
