"""Drift: a provider's balance fell by more than the ledger has. Somebody else spends there, or a price changed.

What is in flight may be billed or given back already, or not yet, so it counts as tolerance, as does what a balance
that comes late may lack. What nobody can explain adds up from one reading to the next: noise does not, spending does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from reelkeep.domain.task import Record

EVERY = timedelta(minutes=55)  # at most; the schedule comes once an hour
DAYS = 5  # of submissions that still change: 48 hours off-peak, and 72 until what was given up is adopted
_FEW = Decimal(100)  # units; a task costs 20 to 500, and half a dollar is not worth an alarm
_SHARE = Decimal("0.01")  # of what the ledger moved by
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """What an account has left, as its provider says."""

    left: Decimal
    unit: str = "credits"
    late: timedelta = timedelta(0)  # it may lack what was spent in this time
    of: str = ""  # which packs it is the sum of; other packs are a new beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the ledger has of an account's tasks that were submitted on a day, in the unit of the balance."""

    day: str
    reserved: Decimal = _ZERO
    charged: Decimal = _ZERO

    @property
    def units(self) -> Decimal:
        return self.reserved + self.charged

    def __add__(self, other: Spent) -> Spent:
        return replace(self, reserved=self.reserved + other.reserved, charged=self.charged + other.charged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Record):
    """A balance, and what the ledger had at that moment."""

    at: datetime
    balance: Decimal
    spent: tuple[Spent, ...] = ()
    of: str = ""  # as in `AccountBalance`
    late: Decimal = _ZERO  # units that the first of the readings that are compared may lack
    unexplained: Decimal = _ZERO  # that left the balance and is not in the ledger, since operators last heard of it

    @property
    def reserved(self) -> Decimal:
        return sum((each.reserved for each in self.spent), _ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    since: datetime
    until: datetime
    balance: Decimal
    unexplained: Decimal  # units, beyond what the ledger has


def days(now: datetime) -> list[date]:
    return [now.date() - timedelta(days=number) for number in reversed(range(DAYS))]


def compared(
    before: Reading | None, balance: AccountBalance, spent: Mapping[str, Spent], now: datetime
) -> tuple[Reading, Drift | None]:
    """The next reading, and what operators are to hear. A balance that rose was topped up: it is a new beginning."""
    late = _ZERO
    if balance.late:
        late = sum((each.units for each in spent.values() if each.day >= str((now - balance.late).date())), _ZERO)
    in_order = tuple(spent[day] for day in sorted(spent))
    reading = Reading(at=now, balance=balance.left, spent=in_order, of=balance.of, late=late)
    if before is None or not before.spent or before.of != balance.of:
        return reading, None
    known = {each.day: each.units for each in before.spent}
    since_then = [each for each in reading.spent if each.day >= before.spent[0].day]
    moved = sum((each.units - known.get(each.day, _ZERO) for each in since_then), _ZERO)
    unexplained = before.unexplained + (before.balance - balance.left) - moved
    tolerance = _FEW + max(reading.reserved, before.reserved) + max(late, before.late) + _SHARE * abs(moved)
    if unexplained < -tolerance:
        return reading, None
    if unexplained > tolerance:
        return reading, Drift(since=before.at, until=now, balance=balance.left, unexplained=unexplained)
    return replace(reading, unexplained=unexplained, late=max(late, before.late)), None
