from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain.expiry import link_expiry


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
def test_a_policy_that_nobody_can_read_says_nothing(document: object) -> None:
    assert link_expiry(with_policy(document)) is None


@pytest.mark.parametrize(
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
def test_a_link_that_nobody_can_read_says_nothing(link: str) -> None:
    assert link_expiry(link) is None


@given(st.text(), st.text(), st.text())
def test_no_link_is_a_fault(date: str, seconds: str, expires: str) -> None:
    link_expiry(f"https://media.example.com/?X-Amz-Date={date}&X-Amz-Expires={seconds}")
    link_expiry(f"https://media.example.com/?Expires={expires}")
    link_expiry(f"https://media.example.com/?Policy={expires}")
