"""Keys, remembered for some seconds: looking one up takes a fifth of a submission's CPU time."""

from __future__ import annotations

from datetime import datetime, timedelta

from reelkeep.domain.keys import hash_of
from reelkeep.ports import Caller, Clock, Keys

_FOR = timedelta(seconds=10)  # as long may a revoked key still be good
_MOST = 1000


class RememberedKeys:
    """Only keys that are good are remembered, so that a new one works at once, and by their hashes."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._known: dict[str, tuple[datetime, Caller]] = {}

    def caller(self, key: str) -> Caller | None:
        now, hashed = self._clock(), hash_of(key)
        if hashed in self._known and now - self._known[hashed][0] < _FOR:
            return self._known[hashed][1]
        caller = self._keys.caller(key)
        self._known.pop(hashed, None)
        if caller is not None:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[hashed] = now, caller
        return caller
