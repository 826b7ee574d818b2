"""Limits that cannot be, and when they open again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.domain import counts, limits, refusals
from reelkeep.domain.errors import (
    InvalidRequest,
    OverBudget,
)
from reelkeep.domain.limits import Limits


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"tasks_at_once": 0}, ["tasks_at_once"]),
        ({"videos_a_day": -1, "submissions_a_minute": 1_000_001}, ["submissions_a_minute", "videos_a_day"]),
        ({"money_a_day": Decimal(-1), "currency": "USD"}, ["money_a_day"]),
        ({"money_a_day": Decimal("NaN"), "currency": "USD"}, ["money_a_day"]),
        ({"money_a_day": Decimal("0.0000001"), "currency": "USD"}, ["money_a_day"]),
        ({"money_a_month": Decimal("1e10"), "currency": "USD"}, ["money_a_month"]),
        ({"money_a_month": Decimal(1)}, ["currency"]),
        ({"currency": "usd"}, ["currency"]),
        ({"money_a_day": Decimal(2), "money_a_month": Decimal(1), "currency": "USD"}, ["money_a_day"]),
        ({"tasks_at_once": 5, "videos_a_day": 4}, ["tasks_at_once"]),
        ({"models": ("",)}, ["models"]),
    ],
)
def test_limits_that_cannot_be_are_refused_with_the_field_and_the_reason(
    wrong: dict[str, Any], fields: list[str]
) -> None:
    with pytest.raises(InvalidRequest) as no:
        limits.check(Limits(**wrong))
    assert [field for field, _ in no.value.wrong] == [f"limits.{name}" for name in fields]
    assert no.value.message.startswith(no.value.field)


def test_a_key_s_limits_are_at_most_its_owner_s() -> None:
    most = Limits(tasks_at_once=5, money_a_day=Decimal(5), currency="USD")
    limits.check(Limits(tasks_at_once=5, money_a_month=Decimal(9), currency="USD"), most)
    for wrong in (Limits(tasks_at_once=6), Limits(money_a_day=Decimal(1), currency="CNY")):
        with pytest.raises(InvalidRequest):
            limits.check(wrong, most)


def test_a_month_ends_with_its_year() -> None:
    last = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
    limit = Limits(money_a_month=Decimal(1), currency="USD")
    with pytest.raises(OverBudget, match="2027-01-01T00:00:00Z") as no:
        refusals.check_use(limit, counts.Use(), "this owner", Decimal(2), last)
    assert no.value.retry_after == 30
