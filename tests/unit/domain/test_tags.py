from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.tags import FORM, MOST, check, from_header


def test_a_header_names_tags_with_commas_between_them() -> None:
    assert from_header(" campaign-7,summer , a:b/c@d+e=f_g.h") == ("campaign-7", "summer", "a:b/c@d+e=f_g.h")
    assert from_header("  ") == ()


def test_a_tag_that_is_repeated_counts_once() -> None:
    assert from_header("a, b, a") == ("a", "b")
    assert check(["a"] * 11, "tags") == ("a",)


@pytest.mark.parametrize("text", ["a,", ",", "a b", "a;b", "é", "x" * 65, "a\nb", ", ".join(map(str, range(11)))])
def test_other_tags_are_refused_by_the_header_s_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        from_header(text)
    assert refused.value.field == "Reelkeep-Tags"


@given(
    st.lists(st.from_regex(FORM, fullmatch=True), max_size=MOST, unique=True), st.sampled_from([",", ", ", " ,\t"])
)
def test_tags_are_read_as_they_were_written(tags: list[str], between: str) -> None:
    assert from_header(between.join(tags)) == check(tags, "tags") == tuple(tags)


@given(st.text() | st.text("ab:/, ;"))
def test_whatever_a_header_says_is_tags_or_refused(text: str) -> None:
    try:
        tags = from_header(text)
    except InvalidRequest:
        return
    assert len(tags) <= MOST
    assert all(re.fullmatch(r"[!-~]{1,64}", tag) and "," not in tag for tag in tags)
