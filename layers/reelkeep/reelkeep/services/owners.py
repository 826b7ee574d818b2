"""Owners: what an operator allows each of them, and what counts against that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from reelkeep.domain.counts import use
from reelkeep.domain.errors import Stale
from reelkeep.domain.keys import Owner
from reelkeep.domain.owner_settings import NEW_OWNERS, OwnerChange, OwnerSettings
from reelkeep.ports.owners import Caller, Counters, Ledger, Owners
from reelkeep.ports.platform import Clock
from reelkeep.services.counts import CountUnderWay, sum_up

_ATTEMPTS = 8  # at counts that others change at the same moment


@dataclass(frozen=True, slots=True)
class ChangeOwner:
    """Changes the settings of an owner, which hold at once.

    What an owner has spent so far counts against its first limits: it is summed up from the ledger before they hold.
    Tasks that are under way count, too.
    """

    owners: Owners
    counters: Counters
    ledger: Ledger
    count_under_way: CountUnderWay
    clock: Clock

    def __call__(self, name: str, edit: Callable[[OwnerSettings], OwnerSettings]) -> OwnerSettings:
        """Raises InvalidRequest, NotFound, TryLater."""
        before = self.owners.settings(name)
        if name != NEW_OWNERS and edit(before).limits.counted and not before.limits.counted:
            self._sum_up(name)
        changed = self.owners.change(name, edit)
        if name != NEW_OWNERS and changed.limits.counted:
            self.count_under_way(name)
        return changed

    def _sum_up(self, name: str) -> None:
        """Tasks of earlier limits may end meanwhile, and change the counts. Raises TryLater."""
        for _ in range(_ATTEMPTS):
            known = {count: there for count, there in self.counters.counts(name).items() if "." not in count}
            counts = sum_up(name, ("",), known, self.ledger, self.clock())
            counts.pop("at_once", None)  # of those that were counted, which it is right for without a limit, too
            if not counts or self.counters.rebuild(name, counts, known):
                return
        raise Stale(f"the counts of {name} change too often")


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
