from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.wire import Json, ProviderResponse, parse_json, repair_json
from tests.for_each import for_each

fit_to_send = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | fit_to_send,
    lambda inner: st.lists(inner) | st.dictionaries(fit_to_send, inner),
    max_leaves=10,
)


def asked_to_wait(text: str) -> float | None:
    return ProviderResponse(status=429, headers={"retry-after": text}).retry_after


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_a_provider_can_make_us_wait_for_a_number_of_seconds_only(text: str) -> None:
    seconds = asked_to_wait(text)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.integers(0, 10**9))
def test_the_seconds_to_wait_are_read_as_they_are_written(seconds: int) -> None:
    assert asked_to_wait(f"{seconds}") == seconds
    assert asked_to_wait(f" {seconds} ") == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("Sat, 21 Nov 2026 12:00:30 GMT", 30), ("Sat, 21 Nov 2026 11:00:00 GMT", 0)]
)
def test_a_wait_until_a_date_is_counted_by_the_clock_of_who_says_it(text: str, seconds: float) -> None:
    headers = {"retry-after": text, "date": "Sat, 21 Nov 2026 12:00:00 GMT"}
    assert ProviderResponse(status=429, headers=headers).retry_after == seconds
    assert asked_to_wait(text) is None  # by a clock that nobody knows


@pytest.mark.parametrize("text", ["inf", "nan", "-inf", "Infinity", "1e999"])
def test_a_wait_without_an_end_is_none(text: str) -> None:
    assert asked_to_wait(text) is None


@given(values)
def test_json_is_read_as_it_was_written(value: Json) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary() | fit_to_send.map(str.encode) | values.map(lambda value: json.dumps(value).encode()[:-1]))
def test_what_is_read_can_be_sent_on(text: bytes) -> None:
    with suppress(ValueError):
        json.dumps(parse_json(text), ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("text", [b"NaN", b"[Infinity]", b'{"a": -Infinity}', b'"\\ud800"', b"[" * 100_000, b"\xff"])
def test_what_nobody_could_be_sent_again_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@for_each(
    "body, meant",
    [
        (b'"half a \\ud83d pair"', "half a \ufffd pair"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'{"\\udc00": ["\\ud800"]}', {"\ufffd": ["\ufffd"]}),
        (b'"caf\xe9"', "caf\ufffd"),
        (b"[NaN, Infinity, -Infinity, 1e999, 7]", [None, None, None, None, 7]),
        (b"[" + b"9" * 5000 + b"]", [None]),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('\ufeff{"a": "é"}'.encode("utf-16"), {"a": "é"}),
        (b'\xc2\xa0\r\n{"a": 1}\n\0', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (
            b'{"a": [nan, -infinity, Inf,], "b": None, "c": "nan, \\"NaN,]",}',
            {"a": [None] * 3, "b": None, "c": 'nan, "NaN,]'},
        ),
        (b'"two\nlines"', "two\nlines"),
    ],
)
def test_an_answer_is_repaired(body: bytes, meant: Json) -> None:
    assert ProviderResponse(status=200, body=body).json() == meant


@given(st.binary() | st.text().map(str.encode) | values.map(lambda value: json.dumps(value).encode()[:-1]))
def test_what_was_repaired_can_be_sent_on(body: bytes) -> None:
    with suppress(ValueError):
        json.dumps(repair_json(body), ensure_ascii=False, allow_nan=False).encode()


@given(st.text(st.characters()))
def test_any_text_is_repaired_to_characters(text: str) -> None:
    repaired = repair_json(json.dumps(text).encode())
    assert repaired.encode().decode() == repaired


@given(values)
def test_an_answer_without_faults_is_read_as_it_was_written(value: Json) -> None:
    assert repair_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 100_000, b"\xff"])
def test_an_answer_that_is_not_json_says_nothing(body: bytes) -> None:
    assert ProviderResponse(status=200, body=body).json() is None
