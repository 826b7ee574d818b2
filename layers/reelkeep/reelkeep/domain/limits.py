"""Limits of an owner, or of a key, and which of them cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Record

MOST_TASKS = 1_000_000
MOST_MONEY = Decimal(1_000_000_000)
_DECIMALS = 6
_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Record):
    """None, or nothing, is no limit."""

    models: tuple[str, ...] = ()  # patterns of those that may be used
    providers: tuple[str, ...] = ()  # that may be used
    tasks_at_once: int | None = None  # from the submission until the provider is done
    submissions_a_minute: int | None = None
    videos_a_day: int | None = None  # without those that failed in a way that is not billed
    money_a_day: Decimal | None = None  # reserved and charged
    money_a_month: Decimal | None = None
    currency: str = ""  # of that money, such as USD
    unpriced: bool = False  # whether models whose price is not known may be used in spite of a limit of money

    @property
    def counted(self) -> bool:
        """Whether there is anything to count."""
        return any(getattr(self, name) is not None for name in COUNTED)

    @property
    def of_money(self) -> bool:
        return self.money_a_day is not None or self.money_a_month is not None


_OF_TASKS = ("tasks_at_once", "submissions_a_minute", "videos_a_day")
_OF_MONEY = ("money_a_day", "money_a_month")
COUNTED = (*_OF_TASKS, *_OF_MONEY)
NO_LIMITS = Limits()


def check(limits: Limits, above: Limits = NO_LIMITS, path: str = "limits.") -> None:
    """Raises InvalidRequest with every field that is wrong: also a limit of a key that is higher than its owner's,
    which is `above`."""
    found = tuple(_wrong(limits)) or tuple(_higher(limits, above))
    if found:
        found = tuple((f"{path}{field}", message) for field, message in found)
        field, message = found[0]
        raise InvalidRequest(f"{field} {message}", field=field, wrong=found)


def _wrong(limits: Limits) -> Iterable[tuple[str, str]]:
    for name in _OF_TASKS:
        count = getattr(limits, name)
        if count is not None and not 0 < count <= MOST_TASKS:
            yield name, f"must be from 1 to {MOST_TASKS}"
    for name in _OF_MONEY:
        money = getattr(limits, name)
        if money is not None and not (money.is_finite() and 0 < money <= MOST_MONEY):
            yield name, f"must be more than 0, and at most {MOST_MONEY}"
        elif money is not None and money != round(money, _DECIMALS):
            yield name, f"must have {_DECIMALS} decimals at most"
    if limits.currency and not _CURRENCY.fullmatch(limits.currency):
        yield "currency", "must be three capital letters, such as USD"
    elif limits.of_money and not limits.currency:
        yield "currency", "is required with a limit of money"
    if limits.money_a_day and limits.money_a_month and limits.money_a_day > limits.money_a_month:
        yield "money_a_day", "must be at most money_a_month"
    if limits.tasks_at_once and limits.videos_a_day and limits.tasks_at_once > limits.videos_a_day:
        yield "tasks_at_once", "must be at most videos_a_day"
    for name in ("models", "providers"):
        if any(not 0 < len(each) <= 256 for each in getattr(limits, name)) or len(getattr(limits, name)) > 100:
            yield name, "must be up to 100 names of 1 to 256 characters"


def _higher(limits: Limits, above: Limits) -> Iterable[tuple[str, str]]:
    if limits.of_money and above.of_money and limits.currency != above.currency:
        yield "currency", f"must be {above.currency}, as in the owner's limits"
    for name in COUNTED:
        own, most = getattr(limits, name), getattr(above, name)
        if own is not None and most is not None and own > most:
            yield name, f"must be at most {most}, which is the owner's"
