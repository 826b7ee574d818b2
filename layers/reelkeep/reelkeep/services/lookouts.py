"""Lookouts: who sees the ends of tasks at a provider before the tasks' own polls do.

While callbacks arrive from a provider, the polls of its tasks are a fallback, and come late. A callback that did not
arrive shows when such a poll finds an end: then tasks are polled as usual for an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelkeep.domain.errors import TryLater
from reelkeep.ports import Slots

_CALLBACKS = "callbacks"
_MISSED = "missed"
_TRUSTED_FOR = timedelta(hours=72)  # after a callback: longer than an off-peak task takes
_RENEWED_AFTER = timedelta(hours=12)  # so that not every callback is a write
_DISTRUSTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Lookouts:
    """It can only save polls: what cannot be read or recorded is not held against anybody."""

    slots: Slots

    def look_for(self, provider: str, now: datetime) -> bool:
        """Whether somebody looks for the ends of this provider's tasks."""
        with suppress(TryLater):
            return _are_trusted(self.slots.lookouts(provider), now)
        return False

    def called_back(self, provider: str, now: datetime) -> None:
        """A callback was the first to tell of an end."""
        with suppress(TryLater):
            known = self.slots.lookouts(provider)
            if known.get(_CALLBACKS, now) < now + _TRUSTED_FOR - _RENEWED_AFTER:
                self.slots.look_out(provider, _CALLBACKS, now + _TRUSTED_FOR)

    def missed(self, provider: str, now: datetime) -> None:
        """A poll found an end that nobody had told of."""
        with suppress(TryLater):
            if _are_trusted(self.slots.lookouts(provider), now):
                self.slots.look_out(provider, _MISSED, now + _DISTRUSTED_FOR)


def _are_trusted(known: Mapping[str, datetime], now: datetime) -> bool:
    return known.get(_CALLBACKS, now) > now >= known.get(_MISSED, now)
