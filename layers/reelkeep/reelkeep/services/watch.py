"""Watch: reads the list of a provider on behalf of all tasks that are in flight there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reelkeep.domain import watch
from reelkeep.domain.errors import Misconfigured, TryLater
from reelkeep.domain.observation import Observation, Pending, Succeeded
from reelkeep.domain.task import DispatchStatus
from reelkeep.domain.watch import Awaited
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers, Slots
from reelkeep.ports.tasks import Tasks
from reelkeep.services.early_end import RecordEarlyEnd
from reelkeep.services.end_reports import EndReports
from reelkeep.services.forecasts import Forecasts

_SHIFT = timedelta(seconds=60)  # of one invocation: to wait within it costs no state transitions
_LONGEST_PAUSE = 20.0  # seconds; a longer one costs more within the function than between two of its invocations
_MOST_INVOCATIONS = 1000  # of one watch: an execution has 25,000 events at most, nine for each invocation
_LISTED_AFTER = timedelta(minutes=1)  # that a list may be late
_MOST_USELESS = 3  # readings in a row that showed nothing
_WAIT_AFTER_USELESS = 15.0  # seconds after one of these
_BATCH = 100  # tasks that are read from the table at once


@dataclass(slots=True)
class _Watched:
    """What is in flight at a provider. An invocation remembers it for the next one, which may also begin anew."""

    awaited: dict[str, Awaited] = field(default_factory=dict)  # by our ids
    left: list[Awaited] = field(default_factory=list)  # whose ends others saw, since the list was read last
    over: set[str] = field(default_factory=set)  # leases that are not ours to look for
    useless: int = 0  # readings in a row


@dataclass(frozen=True, slots=True)
class Watch:
    """It can only save polls and time: what it does not see, each task's own polls do. One watch of a provider is
    alive at a time, which its lease decides."""

    tasks: Tasks
    providers: Providers
    slots: Slots
    record_early_end: RecordEarlyEnd
    forecasts: Forecasts
    clock: Clock
    pause: Callable[[float], None]
    _watched: dict[str, _Watched] = field(default_factory=dict)  # by provider

    def __call__(self, provider_name: str, name: str, number: int = 0) -> int | None:
        """Reads the list for a minute, as often as that is worth it. The seconds until the next invocation, or None
        if the watch of this name has come to its end. Raises TryLater, and is to be repeated then."""
        now, reports = self.clock(), EndReports(self.slots)
        ends_at, watched = now + _SHIFT, self._watched.setdefault(provider_name, _Watched())
        is_wanted = number < _MOST_INVOCATIONS and reports.is_watch_of_use(provider_name, now)
        while self._hold(provider_name, name, after=0.0):
            wait = None
            with suppress(Misconfigured):
                wait = self._wait_after_reading(watched, self.providers.get(provider_name)) if is_wanted else None
            if wait is None:
                self.slots.hold_watch(provider_name, name, self.clock(), self.clock())
                return None
            self._hold(provider_name, name, wait)  # so that all know when it reads next
            if wait > _LONGEST_PAUSE or self.clock() + timedelta(seconds=wait) > ends_at:
                return max(1, round(wait))
            self.pause(wait)
        return None

    def _hold(self, provider_name: str, name: str, after: float) -> bool:
        now = self.clock()
        return self.slots.hold_watch(provider_name, name, now + timedelta(seconds=after) + watch.GRACE, now)

    def _wait_after_reading(self, watched: _Watched, provider: Provider) -> float | None:
        """Seconds until the list is to be read again; None if that is of no use."""
        if not self._read_leases(watched, provider):
            return None
        now = self.clock()
        asked = watch.likeliest(watched.awaited.values(), now)
        if asked:
            is_of_use = False
            with suppress(TryLater):
                room = watch.most_asked(watched.awaited.values())
                observed = provider.observe_all([each.task for each in (*asked, *watched.left)][:room])
                ends = self._record(watched, provider, asked, observed, now)
                is_of_use = _is_of_use(asked, observed, now) and (ends > 0 or not _is_late(watched.left, observed))
            watched.useless = 0 if is_of_use else watched.useless + 1
            if watched.useless == _MOST_USELESS:
                watched.useless = 0
                EndReports(self.slots).list_is_useless(provider.name, now)
                return None
            if not is_of_use:
                return _WAIT_AFTER_USELESS
        return watch.wait(watched.awaited.values(), self.forecasts.poll_cost, self.clock())

    def _read_leases(self, watched: _Watched, provider: Provider) -> bool:
        """Whether anything is in flight, or may be."""
        now, (_, leases) = self.clock(), self.slots.leases(provider.line)
        held = {lease.task_id for lease in leases}
        watched.left = [each for task_id, each in watched.awaited.items() if task_id not in held]
        watched.awaited = {task_id: each for task_id, each in watched.awaited.items() if task_id in held}
        watched.over &= held
        unknown = [task_id for task_id in held if task_id not in watched.awaited and task_id not in watched.over]
        for first in range(0, len(unknown), _BATCH):
            for task in self.tasks.get_all(unknown[first : first + _BATCH]):
                if task.is_generated or task.provider != provider.name or not task.dispatch.is_of(provider.account):
                    watched.over.add(task.id)
                elif task.dispatch.status is DispatchStatus.ACCEPTED:
                    forecast = self.forecasts.of(task.provider, task.request, provider.typical_seconds)
                    watched.awaited[task.id] = Awaited(task, forecast, task.dispatched_at)
        return bool(watched.awaited) or any(
            lease.until > now and lease.task_id not in watched.over for lease in leases
        )

    def _record(
        self,
        watched: _Watched,
        provider: Provider,
        asked: Sequence[Awaited],
        observed: Mapping[str, Observation],
        now: datetime,
    ) -> int:
        """How many have ended. What the list shows of an end that is no success with its files, or leaves out of it,
        a poll tells."""
        ends = 0
        for each in asked:
            unfinished_at, each.unfinished_at = each.unfinished_at, now
            observation = observed.get(each.task.provider_task_id)
            if observation is None or (
                isinstance(observation, Pending) and (observation.word or observation.state is each.task.state)
            ):
                continue
            if not isinstance(observation, Pending | Succeeded):
                observation = provider.observe(each.task)
            ends += not isinstance(observation, Pending)
            try:
                after = self.record_early_end(each.task, provider, observation, now, unfinished_at)
            except TryLater:  # the next reading shows it again
                continue
            if isinstance(observation, Pending):
                each.task = after or each.task
                continue
            watched.over.add(each.task.id)
            del watched.awaited[each.task.id]
        return ends


def _is_of_use(asked: Sequence[Awaited], observed: Mapping[str, Observation], now: datetime) -> bool:
    """Whether the list shows most of what should have been in it for long."""
    old = [each.task for each in asked if each.task.dispatched_at <= now - _LISTED_AFTER]
    return 2 * sum(task.provider_task_id in observed for task in old) >= len(old)


def _is_late(left: Sequence[Awaited], observed: Mapping[str, Observation]) -> bool:
    """Whether it does not show an end yet that was seen before."""
    return any(isinstance(observed.get(each.task.provider_task_id), Pending) for each in left)
