"""A test of many values fails with any of them, and says with which."""

from __future__ import annotations

import inspect

import pytest

from tests.for_each import for_each


def test_each_value_is_tried_and_the_one_that_fails_is_named() -> None:
    tried: list[object] = []

    @for_each("left, right", [(1, 1), (2, 3), (4, 4)])
    @for_each("word", ["a", "b"])
    def equal(fixture: str, left: int, right: int, word: str) -> None:
        tried.append((fixture, left, word))
        assert left == right

    assert list(inspect.signature(equal).parameters) == ["fixture"]
    with pytest.raises(AssertionError) as failed:
        equal(fixture="f")
    assert tried == [("f", 1, "a"), ("f", 1, "b"), ("f", 2, "a")]
    assert failed.value.__notes__ == ["with {'word': 'a'}", "with {'left': 2, 'right': 3}"]
