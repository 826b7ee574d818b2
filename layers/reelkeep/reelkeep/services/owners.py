"""Owners: what an operator allows each of them, and what counts against that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from reelkeep.domain import room
from reelkeep.domain.keys import Owner
from reelkeep.domain.limits import NEW_OWNERS, ZERO, Counts, OwnerChange, OwnerSettings, days_counted, rebuilt, use
from reelkeep.ports import Caller, Clock, Counters, Ledger, Owners, Slots, Tasks

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
class ManageOwners:
    """Shows owners, with what they use of their limits right now, and changes them."""

    listed: Callable[[], list[Owner]]
    change_owner: ChangeOwner
    counters: Counters
    clock: Clock

    def list(self, *_: object) -> list[Owner]:
        return [self._with_use(owner) for owner in self.listed()]

    def show(self, name: str, *_: object) -> Owner:
        """Raises NotFound."""
        found = next((owner for owner in self.listed() if owner.name == name), None)
        return self._with_use(found or Owner(name=name, settings=self.change_owner.owners.settings(name)))

    def change(self, change: OwnerChange, *_: object) -> Owner:
        """Raises InvalidRequest, NotFound, TryLater."""
        self.change_owner(change.name, change.of)
        return self.show(change.name)

    def show_own(self, _: None, caller: Caller) -> Owner:
        """What the key that asks may do."""
        key = Owner(name=caller.key_id, settings=OwnerSettings(limits=caller.limits))
        owner = Owner(name=caller.owner, settings=caller.settings, key=key)
        if not (caller.settings.limits.counted or caller.limits.counted):
            return owner
        counts, now = self.counters.counts(caller.owner), self.clock()
        used = use(counts, caller.key_id, caller.limits.currency, now)
        return replace(owner, key=replace(key, use=used), use=use(counts, "", caller.settings.limits.currency, now))

    def _with_use(self, owner: Owner) -> Owner:
        limits = owner.settings.limits
        if not limits.counted:
            return owner
        return replace(owner, use=use(self.counters.counts(owner.name), "", limits.currency, self.clock()))


@dataclass(frozen=True, slots=True)
class RepairCounts:
    """Makes counts that are too high what the ledger says: a function died between counting and recording a task.

    Only where no submission was counted for some minutes: the ledger knows all of them then.
    """

    counters: Counters
    ledger: Ledger
    clock: Clock
    queued: Callable[[str], int] = lambda _: 0  # of its tasks wait until others of its end; raises TryLater

    def __call__(self, owner: str, counters: Collection[str], *, repair: bool = True) -> dict[str, str]:
        """What is wrong, by count: "3 instead of 4". `counters` are the owner's, "", and those of its keys."""
        now, known = self.clock(), self.counters.counts(owner)
        if not known or datetime.fromtimestamp(int(known.get("changed_at", 0)), UTC) > now - _SETTLED:
            return {}
        counts = _rebuilt(owner, counters, known, self.ledger, now)
        if counts.get(
            "at_once"
        ):  # after the ledger's sums were read: what has left the line since changed the counts
            counts["at_once"] = max(counts["at_once"] - self.queued(owner), ZERO)
        there = {name: known.get(name, 0) for name in counts}
        wrong = {name: f"{there[name]} instead of {counts[name]}" for name in counts if counts[name] != there[name]}
        right = {name: counts[name] for name in wrong}
        if wrong and repair and not self.counters.rebuild(owner, right, known):
            return {}  # they have just changed
        return wrong


def count_queued(owner: str, *, slots: Slots, tasks: Tasks) -> int:
    """How many of its tasks wait until others of its end, for certain. Raises TryLater."""
    line = slots.line(room.owners_line(owner), owner, room.MOST_SLOTS)
    found = (tasks.get(each.task_id) for each in line)
    return sum(task is not None and room.waits_for_owner(task) and not task.state.terminal for task in found)


def _rebuilt(
    owner: str, counters: Collection[str], known: Counts, ledger: Ledger, now: datetime
) -> dict[str, Decimal]:
    today = now.date()
    sums = (each for day in days_counted(today) for each in ledger.sums(day, owner))
    return rebuilt(sums, counters, known, today)
