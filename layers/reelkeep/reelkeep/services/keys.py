"""Keys: an owner makes, lists and revokes its own. Each of its keys can do so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from reelkeep.domain.errors import Forbidden, LimitReached, wrong
from reelkeep.domain.keys import KEPT_FOR, MAX_KEPT_KEYS, MAX_KEYS, ApiKey, KeySettings, NewKey
from reelkeep.domain.limits import NO_LIMITS, check
from reelkeep.domain.scopes import USUAL
from reelkeep.ports.owners import Caller, OwnersKeys
from reelkeep.ports.platform import Clock


@dataclass(frozen=True, slots=True)
class ManageKeys:
    keys: OwnersKeys
    clock: Clock

    def create(self, wanted: KeySettings, caller: Caller) -> NewKey:
        """Raises InvalidRequest, LimitReached."""
        if caller.ends_at and (wanted.ends_at is None or wanted.ends_at > caller.ends_at):
            end = caller.ends_at.astimezone(UTC).isoformat()
            raise wrong("ends_at", f"must be at most {end}, when the key that makes this one ends")
        scopes = USUAL & caller.scopes if wanted.scopes is None else wanted.scopes
        if not scopes <= caller.scopes:
            raise wrong(
                "scopes", f"must be among those of the key that makes this one: {', '.join(sorted(caller.scopes))}"
            )
        if caller.limits != NO_LIMITS:  # they would hold for one of two keys
            raise Forbidden("a key with limits of its own makes no keys")
        check(wanted.limits, caller.settings.limits)
        now = self.clock()
        kept = self.keys.all(caller.owner)
        if sum(key.is_good(now) for key in kept) >= MAX_KEYS:
            raise LimitReached(f"there are {MAX_KEYS} keys already: revoke one of them first")
        if len(kept) >= MAX_KEPT_KEYS:
            raise LimitReached(
                f"there are {MAX_KEPT_KEYS} keys already, with those that were revoked or have ended: "
                f"each of those counts for {KEPT_FOR.days} days"
            )
        key, described = self.keys.create(caller.owner, replace(wanted, scopes=scopes), now)
        return NewKey(key=key, described=described)

    def list(self, _: None, caller: Caller) -> Sequence[ApiKey]:
        return self.keys.all(caller.owner)

    def revoke(self, key_id: str, caller: Caller) -> ApiKey:
        """Also the one that is used for it. Raises NotFound, also for another owner's."""
        return self.keys.revoke(key_id, self.clock(), caller.owner)
