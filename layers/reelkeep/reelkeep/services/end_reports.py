"""End reports: how we hear of the ends of a provider's tasks before their own polls.

While callbacks arrive from a provider, or a watch reads its list, the polls of its tasks are a fallback, and come
late. A callback that did not arrive shows when such a poll finds an end: then tasks are polled as usual for an hour.
A watch that died shows by its lease.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reelkeep.domain import room
from reelkeep.domain.errors import TryLater
from reelkeep.domain.task import Task
from reelkeep.domain.watch import ENOUGH, GRACE, WATCH
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers, Slots
from reelkeep.ports.tasks import Executions

_CALLBACKS = "callbacks"
_MISSED = "missed"
_USELESS_LIST = "useless_list"
_TRUSTED_FOR = timedelta(hours=72)  # after a callback: longer than an off-peak task takes
_RENEWED_AFTER = timedelta(hours=12)  # so that not every callback is a write
_DISTRUSTED_FOR = timedelta(hours=1)
_READ_EVERY = timedelta(seconds=5)  # of many tasks at once, one submission reads for all


@dataclass(frozen=True, slots=True)
class KnownReports:
    """What reports ends at a provider, as it was at one moment."""

    known: Mapping[str, datetime]
    in_flight: int  # ENOUGH at most; 0 if the provider has no list to watch

    def next_report_at(self, task: Task, now: datetime) -> datetime | None:
        """When the end of this task may be reported next, other than by its own polls; None if nothing does."""
        if _are_trusted(self.known, now):
            return now
        if room.needs_slot(task) and self.known.get(WATCH, now) > now:
            return self.known[WATCH] - GRACE
        return None

    def lacks_watch(self, now: datetime) -> bool:
        """Whether a watch is worth it, and none is alive."""
        is_alive = self.known.get(WATCH, now) > now
        return self.in_flight >= ENOUGH and not is_alive and _is_watch_of_use(self.known, now)


_NOTHING_KNOWN = KnownReports({}, 0)


@dataclass(slots=True)
class _Reading:
    at: datetime
    known: KnownReports
    uses: int = 0

    def holds(self, now: datetime) -> bool:
        """Not when those that it was used for may make it enough for a watch."""
        in_flight = self.known.in_flight
        may_be_enough = 0 < in_flight < ENOUGH <= in_flight + self.uses
        return now - self.at < _READ_EVERY and not may_be_enough


@dataclass(frozen=True, slots=True)
class EndReports:
    """It can only save polls: what cannot be read or recorded is not held against anybody."""

    slots: Slots
    _recent: dict[str, _Reading] = field(default_factory=dict)  # by provider

    def read(self, provider: Provider, now: datetime) -> KnownReports:
        """As it is, or was some seconds ago."""
        recent = self._recent.get(provider.name)
        if recent is None or not recent.holds(now):
            recent = self._recent[provider.name] = _Reading(now, self._read(provider))
        recent.uses += 1
        return recent.known

    def forget(self, provider: Provider) -> None:
        """What was read is out of date."""
        self._recent.pop(provider.name, None)

    def _read(self, provider: Provider) -> KnownReports:
        with suppress(TryLater):
            known, held = self.slots.end_reports(provider.name, ENOUGH if provider.lists else 0)
            if provider.lists and provider.line != provider.name:
                _, held = self.slots.end_reports(provider.line, ENOUGH)
            return KnownReports(known, held if provider.lists else 0)
        return _NOTHING_KNOWN

    def called_back(self, provider: str, now: datetime) -> None:
        """A callback was the first to report an end."""
        with suppress(TryLater):
            known, _ = self.slots.end_reports(provider)
            if known.get(_CALLBACKS, now) < now + _TRUSTED_FOR - _RENEWED_AFTER:
                self.slots.record_end_report(provider, _CALLBACKS, now + _TRUSTED_FOR)

    def missed(self, provider: str, now: datetime) -> None:
        """A poll found an end that no callback had reported."""
        with suppress(TryLater):
            if _are_trusted(self.slots.end_reports(provider)[0], now):
                self.slots.record_end_report(provider, _MISSED, now + _DISTRUSTED_FOR)

    # --- the watch ---

    def is_watch_of_use(self, provider: str, now: datetime) -> bool:
        """Not while callbacks arrive, nor where the list showed nothing. Raises TryLater."""
        return _is_watch_of_use(self.slots.end_reports(provider)[0], now)

    def list_is_useless(self, provider: str, now: datetime) -> None:
        """Its list does not show how tasks are doing. Raises TryLater."""
        self.slots.record_end_report(provider, _USELESS_LIST, now + _DISTRUSTED_FOR)


@dataclass(frozen=True, slots=True)
class StartWatches:
    """Starts the watches that are lacking: where one died, and nothing is dispatched that would start another."""

    slots: Slots
    providers: Providers
    executions: Executions
    clock: Clock

    def __call__(self) -> None:
        reports, now = EndReports(self.slots), self.clock()
        for provider in (each for account in self.providers.accounts() for each in account):
            if reports.read(provider, now).lacks_watch(now):
                with suppress(TryLater):
                    self.executions.watch(provider.name, now)


def _is_watch_of_use(known: Mapping[str, datetime], now: datetime) -> bool:
    return not _are_trusted(known, now) and known.get(_USELESS_LIST, now) <= now


def _are_trusted(known: Mapping[str, datetime], now: datetime) -> bool:
    return known.get(_CALLBACKS, now) > now >= known.get(_MISSED, now)
