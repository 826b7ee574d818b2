from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.dialects.grammar import lenient
from reelkeep.domain.wire import Json


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("885000000000000001", "885000000000000001"),
        (885000000000000001, "885000000000000001"),
        ("grok:0b7c3a52-1f0e-4a54-9d0e-1a2b3c4d5e6f", "grok:0b7c3a52-1f0e-4a54-9d0e-1a2b3c4d5e6f"),
        (8.85e17, ""),
        (True, ""),
        (None, ""),
        ("", ""),
        ("../../credits", ""),
        ("1/cancel", ""),
        (10**300, ""),
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


def test_text_can_always_be_stored() -> None:
    assert lenient.text("half a \ud83d pair") == "half a ? pair"


@pytest.mark.parametrize(
    "said", ["ftp://media.example.com/v.mp4", "javascript:x", "https:///v.mp4", "/v.mp4", 7, None]
)
def test_only_a_web_address_is_a_link(said: Json) -> None:
    assert lenient.link(said) == ""


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
