from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.dialects.families import lenient
from reelkeep.dialects.families.client import segment
from reelkeep.domain.wire import Json
from tests.for_each import for_each


@for_each(
    "said, understood",
    [
        ("885000000000000001", "885000000000000001"),
        (885000000000000001, "885000000000000001"),
        ("grok:0b7c3a52-1f0e-4a54-9d0e-1a2b3c4d5e6f", "grok:0b7c3a52-1f0e-4a54-9d0e-1a2b3c4d5e6f"),
        (8.85e17, ""),
        (True, ""),
        (None, ""),
        ("", ""),
        (".", ""),
        ("..", ""),
        ("../../credits", "../../credits"),
        (" 1/cancel\n", "1/cancel"),
        ("ü" * 300, "ü" * 300),
        ("x" * 10_000, ""),
        (["1"], ""),
    ],
)
def test_an_id_stays_exact_or_is_none(said: Json, understood: str) -> None:
    assert lenient.identifier(said) == understood


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (24, 24.0),
        ("5.04", 5.04),
        (0, 0.0),
        (True, None),
        (-1, None),
        ("NaN", None),
        (10**400, None),
        ({}, None),
    ],
)
def test_a_number_may_be_a_string_but_must_be_one(said: Json, understood: float | None) -> None:
    assert lenient.number(said) == understood


@pytest.mark.parametrize(
    "said",
    ["ftp://media.example.com/v.mp4", "javascript:x", "https:///v.mp4", "soon", "n/a", "/", "GPU on fire", 7, None],
)
def test_only_a_web_address_or_a_path_is_a_link(said: Json) -> None:
    assert lenient.link(said) == ""


@pytest.mark.parametrize(
    ("said", "escaped"),
    [
        ("https://cdn.test/v.mp4?X-Signature=a%2Fb~c+d&n=1", "https://cdn.test/v.mp4?X-Signature=a%2Fb~c+d&n=1"),
        (" https://cdn.test/a film.mp4\n", "https://cdn.test/a%20film.mp4"),
        ("https://cdn.test/v\n.mp4", "https://cdn.test/v.mp4"),
        ("https://cdn.test/ü.mp4", "https://cdn.test/%C3%BC.mp4"),
        ("HTTPS://CDN.test/v.mp4", "https://CDN.test/v.mp4"),
        ("//cdn.test/v.mp4", "https://cdn.test/v.mp4"),
        ("/files/a film.mp4", "/files/a%20film.mp4"),
        ("./film.mp4", "./film.mp4"),
        ("files/film.mp4?part=1", "files/film.mp4?part=1"),
    ],
)
def test_a_link_is_escaped_as_browsers_do(said: str, escaped: str) -> None:
    assert lenient.link(said) == escaped
    assert lenient.link(escaped) == escaped


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())))
def test_nothing_said_is_a_fault(said: Json) -> None:
    for read in (
        lenient.fields,
        lenient.text,
        lenient.identifier,
        lenient.number,
        lenient.whole,
        lenient.link,
    ):
        read(said)


fit_to_send = st.characters(exclude_categories=["Cs"])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
nanoseconds = st.integers(0, 4_000_000_000 * 10**9)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def written(nanosecond: int, offset: timezone, digits: int, between: str = "T") -> str:
    """As RFC 3339 has it, with so many digits of the second's fraction."""
    second, fraction = divmod(nanosecond, 10**9)
    local = datetime.fromtimestamp(second, offset)
    zone = "Z" if offset.utcoffset(None) == timedelta() else f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:]
    return f"{local:%Y-%m-%d}{between}{local:%H:%M:%S}{f'.{fraction:09d}'[: digits + 1] if digits else ''}{zone}"


@given(nanoseconds, offsets, st.integers(0, 9), st.sampled_from("T t"))
def test_a_time_is_read_to_the_microsecond_whatever_its_offset_and_its_digits(
    nanosecond: int, offset: timezone, digits: int, between: str
) -> None:
    truncated = nanosecond // 10 ** (9 - min(digits, 6)) * 10 ** (9 - min(digits, 6))
    expected = EPOCH + timedelta(microseconds=truncated // 1000)
    moment = lenient.moment(written(nanosecond, offset, digits, between))
    assert moment == expected
    assert moment.utcoffset() == timedelta()


@given(st.integers(1, 4_000_000_000))
def test_seconds_since_1970_are_a_time_also_as_text(second: int) -> None:
    moment = EPOCH + timedelta(seconds=second)
    assert lenient.moment(second) == lenient.moment(str(second)) == moment


@given(st.integers(10**9, 4 * 10**9), st.sampled_from([10**3, 10**6, 10**9]))
def test_the_size_of_a_time_shows_what_it_is_counted_in(second: int, parts: int) -> None:
    assert lenient.moment(second * parts) == lenient.moment(str(second * parts)) == lenient.moment(second)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.lists(st.text())))
def test_no_time_is_a_fault_and_every_time_is_in_utc(said: Json) -> None:
    moment = lenient.moment(said)
    assert moment is None or moment.utcoffset() == timedelta()


@given(st.integers(0, 10**255 - 1))
def test_an_id_that_comes_as_a_number_keeps_every_digit(number: int) -> None:
    assert lenient.identifier(number) == str(number)


@given(st.text(fit_to_send) | st.text("a7:.@/?#% \\", min_size=1))
def test_whatever_is_taken_for_an_id_becomes_one_segment_of_a_path(said: str) -> None:
    found = lenient.identifier(said)
    assert found in ("", said.strip())
    assert not set(segment(found)) & set("/?#\\ ")
    assert unquote(segment(found)) == found
    assert found not in (".", "..")
