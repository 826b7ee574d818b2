"""Owners: what an operator allows each of them, and what counts against that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from reelkeep.domain.limits import NEW_OWNERS, Counts, OwnerSettings, days_counted, rebuilt
from reelkeep.ports import Clock, Counters, Ledger, Owners

_SETTLED = timedelta(minutes=10)  # the ledger follows a submission by seconds


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """Changes the settings of an owner, which hold at once.

    What an owner has spent so far counts against its first limits: it is summed up from the ledger before they hold.
    """

    owners: Owners
    counters: Counters
    ledger: Ledger
    clock: Clock

    def __call__(self, name: str, edit: Callable[[OwnerSettings], OwnerSettings]) -> OwnerSettings:
        """Raises InvalidRequest, NotFound, TryLater."""
        before = self.owners.settings(name)
        if name != NEW_OWNERS and edit(before).limits.counted and not before.limits.counted:
            known = {name: there for name, there in self.counters.counts(name).items() if "." not in name}
            counts = _rebuilt(name, ("",), known, self.ledger, self.clock())
            counts.pop("at_once", None)  # of those that a limit let in: it is right without one, too
            if counts:
                self.counters.rebuild(name, counts)
        return self.owners.change(name, edit)


@dataclass(frozen=True, slots=True)
class RepairCounts:
    """Makes counts that are too high what the ledger says: a function died between counting and recording a task.

    Only where no submission was counted for some minutes: the ledger knows all of them then.
    """

    counters: Counters
    ledger: Ledger
    clock: Clock

    def __call__(self, owner: str, counters: Collection[str], *, repair: bool = True) -> dict[str, str]:
        """What is wrong, by count: "3 instead of 4". `counters` are the owner's, "", and those of its keys."""
        now, known = self.clock(), self.counters.counts(owner)
        if not known or datetime.fromtimestamp(int(known.get("changed_at", 0)), UTC) > now - _SETTLED:
            return {}
        counts = _rebuilt(owner, counters, known, self.ledger, now)
        there = {name: known.get(name, 0) for name in counts}
        wrong = {name: f"{there[name]} instead of {counts[name]}" for name in counts if counts[name] != there[name]}
        if wrong and repair and not self.counters.rebuild(owner, counts, known):
            return {}  # they have just changed
        return wrong


def _rebuilt(
    owner: str, counters: Collection[str], known: Counts, ledger: Ledger, now: datetime
) -> dict[str, Decimal]:
    today = now.date()
    sums = (each for day in days_counted(today) for each in ledger.sums(day, owner))
    return rebuilt(sums, counters, known, today)
