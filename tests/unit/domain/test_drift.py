"""A balance that falls is compared with the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from reelkeep.adapters import documents
from reelkeep.domain.drift import Reading, Spent, compared, days
from tests.unit.services.harness import NOON

# A reading: the balance, and what the ledger has of two days, charged and reserved.
Step = tuple[int, dict[str, tuple[int, int]]]
DAY, NEXT = "2026-11-21", "2026-11-22"


def told(*steps: Step) -> list[int]:
    """The alerts after each reading."""
    reading: Reading | None = None
    heard = []
    for number, (balance, ledger) in enumerate(steps):
        spent = {
            day: Spent(day=day, charged=Decimal(charged), reserved=Decimal(reserved))
            for day, (charged, reserved) in ledger.items()
        }
        reading, drift = compared(reading, Decimal(balance), spent, NOON + number * timedelta(hours=1))
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


def test_the_days_that_are_summed_are_those_whose_tasks_may_still_change() -> None:
    assert [str(day) for day in days(NOON)] == [f"2026-11-{day}" for day in (17, 18, 19, 20, 21)]
