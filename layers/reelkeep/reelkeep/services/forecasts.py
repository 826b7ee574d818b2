"""Forecasts: when a task will end, from the ends that were seen; and each end that is seen is learned."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from reelkeep.domain import schedule
from reelkeep.domain.durations import ENDS_KEPT, Combination, End, Forecast, Known
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Observation, Succeeded
from reelkeep.domain.task import DispatchStatus, Request, Task
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Durations

_READ_EVERY = timedelta(minutes=5)
_CLOCKS_DIFFER = 5.0  # seconds that a duration by the provider's clock may be off


@dataclass(slots=True)
class _Read:
    at: datetime
    known: Known
    forecasts: dict[tuple[Combination, float | None], Forecast] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What is known of a provider is read once in a while. Without it there is a guess: nothing here raises."""

    durations: Durations
    poll_cost: float  # how many seconds of delay one poll less is worth
    clock: Clock
    _read: dict[str, _Read] = field(default_factory=dict)  # by provider

    def of(self, provider: str, request: Request, typical_seconds: float | None = None) -> Forecast:
        """`typical_seconds` is what the configuration of the provider says."""
        read, combination = self._known(provider), Combination.of(request)
        forecast = read.forecasts.get((combination, typical_seconds))
        if forecast is None:
            forecast = read.known.forecast(combination, self.poll_cost, typical_seconds)
            read.forecasts[combination, typical_seconds] = forecast
        return forecast

    def learn(
        self, before: Task, after: Task, observation: Observation, forecast: Forecast, unfinished_at: datetime | None
    ) -> None:
        """After an observation that was recorded: if it was the first to see a success, its time is learned. The task
        was last seen unfinished at this moment, if it was."""
        if not isinstance(observation, Succeeded) or not after.succeeded_at or before.succeeded_at:
            return
        random, sent_at = Random(after.id), after.dispatched_at  # noqa: S311 - no secret
        seen = (after.succeeded_at - sent_at).total_seconds()
        unseen = min((unfinished_at - sent_at).total_seconds(), seen) if unfinished_at else 0.0
        told = observation.seconds
        if told is not None and unseen - _CLOCKS_DIFFER <= told <= seen + _CLOCKS_DIFFER:
            seconds = min(max(told, unseen), seen)
        else:
            seconds = forecast.end_between(unseen, seen, random)
        combination, end = Combination.of(after.request), End(after.succeeded_at, max(seconds, 1.0))
        read = self._known(after.provider)
        known = read.known
        place = known.place(combination, random)
        with suppress(TryLater):  # there will be others
            self.durations.learn(after.provider, combination, place, end)
            ends = {**known.ends, combination: {**known.ends.get(combination, {}), place: end}}
            # One end more changes little where many are known; the next reading shows it.
            forecasts = read.forecasts if len(known.ends.get(combination, ())) == ENDS_KEPT else {}
            self._read[after.provider] = _Read(read.at, Known(ends), forecasts)

    def _known(self, provider: str) -> _Read:
        now, read = self.clock(), self._read.get(provider)
        if read is None or now >= read.at + _READ_EVERY:
            known = read.known if read else Known()
            with suppress(TryLater):
                known = self.durations.known(provider)
            read = self._read[provider] = _Read(now, known)
        return read


@dataclass(frozen=True, slots=True)
class Estimate:
    """Adds to a task that has not ended when it is expected to end, and when to ask again."""

    forecasts: Forecasts
    clock: Clock

    def __call__(self, task: Task) -> Task:
        if task.is_generated:
            return task
        now, sent_at = self.clock(), task.dispatched_at
        if task.dispatch.status is DispatchStatus.WAITING:
            if task.place is None:
                return task
            sent_at = max(task.place.expected_start, now)
        forecast = self.forecasts.of(task.provider, task.request, task.dispatch.typical_seconds)
        return replace(task, eta=schedule.eta(forecast, sent_at, now))
