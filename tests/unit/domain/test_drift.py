"""A balance that falls is compared with the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.adapters import documents
from reelkeep.domain.drift import AccountBalance, Reading, Spent, compared, days
from tests.unit.services.harness import NOON

# A reading: the balance, and what the ledger has of two days, charged and reserved.
Step = tuple[int, dict[str, tuple[int, int]]]
DAY, NEXT = "2026-11-21", "2026-11-22"


def told(*steps: Step, **of_balance: Any) -> list[int]:
    """The alerts after each reading."""
    reading: Reading | None = None
    heard = []
    for number, (balance, ledger) in enumerate(steps):
        spent = {
            day: Spent(day=day, charged=Decimal(charged), reserved=Decimal(reserved))
            for day, (charged, reserved) in ledger.items()
        }
        reading, drift = compared(
            reading, AccountBalance(left=Decimal(balance), **of_balance), spent, NOON + number * timedelta(hours=1)
        )
        assert documents.read(Reading, documents.write(reading)) == reading
        heard.append(int(drift.unexplained) if drift else 0)
    return heard


@pytest.mark.parametrize(
    ("steps", "heard"),
    [
        ([(10_000, {DAY: (500, 0)}), (9_000, {DAY: (1_500, 0)})], [0, 0]),
        ([(10_000, {DAY: (500, 0)}), (8_000, {DAY: (1_500, 0)}), (8_000, {DAY: (1_500, 0)})], [0, 1000, 0]),
        ([(10_000, {DAY: (0, 0)}), (9_000, {DAY: (0, 1_000)}), (10_000, {DAY: (0, 0)})], [0, 0, 0]),
        ([(10_000, {DAY: (0, 0)}), (9_500, {DAY: (0, 1_000)}), (9_000, {DAY: (1_000, 0)})], [0, 0, 0]),  # in flight
        ([(balance, {DAY: (0, 0)}) for balance in (10_000, 9_950, 9_900, 9_850)], [0, 0, 0, 150]),
        ([(1_000, {DAY: (0, 0)}), (51_000, {DAY: (0, 0)}), (50_500, {DAY: (500, 0)})], [0, 0, 0]),  # topped up
        ([(1_000, {DAY: (0, 0)}), (51_000, {DAY: (0, 0)}), (50_000, {DAY: (500, 0)})], [0, 0, 500]),
        ([(9_000, {DAY: (500, 500)}), (8_000, {DAY: (1_000, 0), NEXT: (1_000, 0)})], [0, 0]),  # over midnight
        ([(9_000, {DAY: (500, 500)}), (8_000, {NEXT: (1_000, 0)})], [0, 0]),  # and a day that is no longer read
    ],
)  # fmt: skip
def test_what_left_the_balance_and_is_not_in_the_ledger_is_told_once(steps: Sequence[Step], heard: list[int]) -> None:
    assert told(*steps) == heard


@pytest.mark.parametrize(
    ("steps", "heard"),
    [
        ([(900, {DAY: (0, 0)}), (900, {DAY: (400, 0)}), (200, {DAY: (700, 0)})], [0, 0, 0]),
        ([(900, {DAY: (400, 0)}), (500, {DAY: (400, 0)}), (500, {DAY: (400, 0)})], [0, 0, 0]),  # of before the first
        ([(900, {DAY: (400, 0)}), (300, {DAY: (400, 0)})], [0, 600]),
    ],
)
def test_what_a_balance_that_comes_late_may_lack_is_no_drift(steps: Sequence[Step], heard: list[int]) -> None:
    assert told(*steps, unit="units", late=timedelta(hours=12)) == heard


def test_other_packs_are_a_new_beginning() -> None:
    spent = {DAY: Spent(day=DAY)}
    first, _ = compared(None, AccountBalance(left=Decimal(9000), of="a"), spent, NOON)
    then, drift = compared(first, AccountBalance(left=Decimal(500), of="b"), spent, NOON + timedelta(hours=1))
    assert drift is None
    assert then.unexplained == 0


def test_the_days_that_are_summed_are_those_whose_tasks_may_still_change() -> None:
    assert [str(day) for day in days(NOON)] == [f"2026-11-{day}" for day in (17, 18, 19, 20, 21)]
