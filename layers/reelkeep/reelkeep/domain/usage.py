"""What was made, and what it cost: sums of the ledger, by day and by whatever else is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from reelkeep.domain.errors import wrong
from reelkeep.domain.ledger import Account, Balance

GROUPS = ("day", "owner", "key", "tag", "provider", "model")
MOST_DAYS = 92  # the API answers within 30 seconds
USUAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class UsageQuery:
    first: date | None = None  # without it, so many days before the last
    last: date | None = None  # included; today without it
    by: tuple[str, ...] = ("day",)  # of GROUPS

    def days(self, today: date) -> list[date]:
        """Raises InvalidRequest for too many, or none."""
        last = self.last or today
        first = self.first or date.fromordinal(max(last.toordinal() - USUAL_DAYS + 1, 1))
        if not 0 <= (last - first).days < MOST_DAYS:
            raise wrong("to", f"must be one of the {MOST_DAYS} days that begin with `from`")
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@dataclass(frozen=True, slots=True)
class UsageRow:
    group: Mapping[str, str]  # by what was asked for
    unit: str
    currency: str  # empty for what has no price
    sum: Balance


@dataclass(frozen=True, slots=True)
class Usage:
    query: UsageQuery
    days: Sequence[date]
    rows: Sequence[UsageRow]


def grouped(sums: Iterable[tuple[Account, Balance]], by: tuple[str, ...]) -> list[UsageRow]:
    """Different units and currencies are never added up. A task counts for each of its tags."""
    found: dict[tuple[tuple[str, ...], str, str], Balance] = {}
    for account, balance in sums:
        for tag in (account.tags or ("",)) if "tag" in by else ("",):
            group = tuple(tag if name == "tag" else getattr(account, name) for name in by)
            place = group, account.unit, account.currency
            found[place] = found.get(place, Balance()) + balance
    return [
        UsageRow(dict(zip(by, group, strict=True)), unit, currency, balance)
        for (group, unit, currency), balance in sorted(found.items(), key=lambda each: each[0])
        if balance != Balance()
    ]
