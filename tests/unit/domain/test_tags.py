from __future__ import annotations

import pytest

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.tags import check, from_header


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
