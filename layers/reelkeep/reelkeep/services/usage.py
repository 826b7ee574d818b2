"""Usage: what an owner's tasks cost."""

from __future__ import annotations

from dataclasses import dataclass

from reelkeep.domain.usage import Usage, UsageQuery, grouped
from reelkeep.ports.owners import Caller, Ledger
from reelkeep.ports.platform import Clock


@dataclass(frozen=True, slots=True)
class ShowUsage:
    """Sums the ledger of some days."""

    ledger: Ledger
    clock: Clock

    def __call__(self, query: UsageQuery, caller: Caller) -> Usage:
        days = query.days(self.clock().date())
        sums = (each for day in days for each in self.ledger.sums(day, caller.owner))
        return Usage(query, days, grouped(sums, query.by))
