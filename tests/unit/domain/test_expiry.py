from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.expiry import link_expiry
from tests.for_each import for_each


@pytest.mark.parametrize(
    ("link", "expiry"),
    [
        (
            "https://b.s3.amazonaws.com/v.mp4?X-Amz-Date=20260106T080000Z&X-Amz-Expires=86400",
            datetime(2026, 1, 7, 8, tzinfo=UTC),
        ),
        (
            "https://b.s3.amazonaws.com/c.jpeg?X-Amz-Expires=3600&X-Amz-Date=20260106T080000Z&X-Amz-Signature=ab",
            datetime(2026, 1, 6, 9, tzinfo=UTC),
        ),
        (
            "https://ark.tos.example.com/v.mp4?X-Tos-Date=20260106T080000Z&X-Tos-Expires=86400",
            datetime(2026, 1, 7, 8, tzinfo=UTC),
        ),
        (
            "https://d1.cloudfront.net/v.mp4?Expires=1722528820&Signature=x&Key-Pair-Id=K",
            datetime(2024, 8, 1, 16, 13, 40, tzinfo=UTC),
        ),
        (
            "https://d1.cloudfront.net/v.mp4?X-Amz-Date=20260106T080000Z&Expires=1722528820&Expires=1",
            datetime(2024, 8, 1, 16, 13, 40, tzinfo=UTC),
        ),
        (
            "https://d1.cloudfront.net/v.mp4?X-Amz-Expires=3600&Expires=1722528820",
            datetime(2024, 8, 1, 16, 13, 40, tzinfo=UTC),
        ),
        ("https://b.oss.example.com/v.mp4?OSSAccessKeyId=k&expires=1767686400&Signature=s",
         datetime(2026, 1, 6, 8, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_signed_link_says_when_it_dies(link: str, expiry: datetime) -> None:
    assert link_expiry(link) == expiry


def with_policy(document: object) -> str:
    text = json.dumps(document, separators=(",", ":")).encode()
    policy = base64.b64encode(text).decode().translate(str.maketrans("+=/", "-_~"))
    return f"https://d1.cloudfront.net/v.mp4?Policy={policy}&Signature=x&Key-Pair-Id=K"


def policy(epoch: object) -> object:
    resource = "https://d1.cloudfront.net/v.mp4?~~~>>>"  # which makes letters that CloudFront writes otherwise
    return {"Statement": [{"Resource": resource, "Condition": {"DateLessThan": {"AWS:EpochTime": epoch}}}]}


def test_cloudfronts_policy_says_when_a_link_dies() -> None:
    link = with_policy(policy(1722528820))
    assert "~" in link or "-" in link
    assert link_expiry(link) == datetime(2024, 8, 1, 16, 13, 40, tzinfo=UTC)


@pytest.mark.parametrize("document", [{}, [], 7, None, {"Statement": []}, policy("soon"), policy(None), policy([1])])
def test_a_policy_that_cannot_be_read_has_no_end(document: object) -> None:
    assert link_expiry(with_policy(document)) is None


def test_a_policy_that_is_nested_beyond_all_sense_says_nothing() -> None:
    nested = base64.b64encode(b"[" * 100_000).decode()
    assert link_expiry(f"https://d1.cloudfront.net/v.mp4?Policy={nested}") is None


@for_each(
    "link",
    [
        "https://media.example.com/v.mp4",
        "https://media.example.com/v.mp4?Policy=%%%",
        "https://media.example.com/v.mp4?Policy=",
        "https://media.example.com/v.mp4?X-Amz-Date=20260106T080000Z",
        "https://media.example.com/v.mp4?X-Amz-Date=today&X-Amz-Expires=86400",
        "https://media.example.com/v.mp4?X-Amz-Date=20260106T080000Z&X-Amz-Expires=99999999999999999999",
        "https://media.example.com/v.mp4?Expires=soon",
        "https://media.example.com/v.mp4?Expires=99999999999999999999",
        "https://[not-an-address/v.mp4?Expires=1767686400",
        "",
    ],
)
def test_a_link_that_cannot_be_read_has_no_end(link: str) -> None:
    assert link_expiry(link) is None


@given(st.text(), st.text(), st.text())
def test_no_link_is_a_fault(date: str, seconds: str, expires: str) -> None:
    link_expiry(f"https://media.example.com/?X-Amz-Date={date}&X-Amz-Expires={seconds}")
    link_expiry(f"https://media.example.com/?Expires={expires}")
    link_expiry(f"https://media.example.com/?Policy={expires}")


letters = st.characters(exclude_categories=["Cs"])
whole_seconds = st.integers(0, 4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
others = st.lists(
    st.tuples(st.sampled_from(["a", "x-tos-process", "Signature", "X-Amz-Signature"]), st.text(letters))
)


def with_query(path: str, pairs: list[tuple[str, str]]) -> str:
    return f"https://media.test/{quote(path)}?{urlencode(pairs)}"


@given(
    st.sampled_from(["X-Amz", "X-Tos", "x-goog", "x-oss", "X-AMZ"]),
    whole_seconds,
    st.integers(0, 604_800),
    st.text(letters),
    others,
    st.randoms(use_true_random=False),
)
def test_a_signed_link_dies_so_long_after_it_was_signed(
    signer: str, signed_at: datetime, lives: int, path: str, others: list[tuple[str, str]], order: random.Random
) -> None:
    pairs = [*others, (f"{signer}-Date", f"{signed_at:%Y%m%dT%H%M%SZ}"), (f"{signer}-Expires", str(lives))]
    order.shuffle(pairs)
    assert link_expiry(with_query(path, pairs)) == signed_at + timedelta(seconds=lives)


@given(
    st.integers(0, 4_000_000_000), st.sampled_from(["Expires", "expires"]), st.text(letters), others, st.booleans()
)
def test_a_link_with_a_moment_dies_then(
    moment: int, name: str, path: str, others: list[tuple[str, str]], last: bool
) -> None:
    pairs = [*others, (name, str(moment))] if last else [(name, str(moment)), *others]
    assert link_expiry(with_query(path, pairs)) == datetime.fromtimestamp(moment, UTC)


@given(st.integers(0, 4_000_000_000))
def test_a_policy_dies_when_it_says(moment: int) -> None:
    assert link_expiry(with_policy(policy(moment))) == datetime.fromtimestamp(moment, UTC)
    assert link_expiry(with_policy(policy(str(moment)))) == datetime.fromtimestamp(moment, UTC)


@given(
    st.text(), st.lists(st.tuples(st.sampled_from(["Policy", "Expires", "X-Amz-Date", "X-Amz-Expires"]), st.text()))
)
def test_no_address_whatsoever_is_a_fault(text: str, pairs: list[tuple[str, str]]) -> None:
    link_expiry(text)
    link_expiry(f"https://{text}")
    link_expiry("https://media.test/?" + "&".join(f"{name}={value}" for name, value in pairs))
