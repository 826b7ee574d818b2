"""When a provider's list is read, on behalf of all tasks that are in flight there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelkeep.domain.durations import Forecast
from reelkeep.domain.task import Task

WATCH = "watch"  # what its lease is called among those who look for ends
ENOUGH = 8  # tasks in flight; fewer are polled about as cheaply one by one
A_CALL_SHOWS = 100  # tasks
LONGEST_WAIT = 60.0  # seconds; what is dispatched meanwhile and takes less is polled
GRACE = timedelta(seconds=45)  # its lease after the next reading: for that, or its repetition after a crash
_SHORTEST_WAIT = 1.0
_CALL_COST = 2.0  # polls: its answer is a hundred times as long
_FIRST_STEP, _STEP = 0.25, 1.2  # in seconds, and from one moment that is considered to the next one


@dataclass(slots=True)
class Awaited:
    """A task in flight."""

    task: Task
    forecast: Forecast
    unfinished_at: datetime  # when it was asked for last

    def has_ended(self, now: datetime) -> float:
        """How likely that is."""
        sent_at = self.task.dispatched_at
        ages = ((moment - sent_at).total_seconds() for moment in (now, self.unfinished_at))
        return self.forecast.share_ended(*ages)


def likeliest(awaited: Collection[Awaited], now: datetime) -> list[Awaited]:
    """Those that are asked for now: all, or as many as fill their calls."""
    number = most_asked(awaited)
    if len(awaited) <= number:
        return [*awaited]
    return sorted(awaited, key=lambda each: each.has_ended(now), reverse=True)[:number]


def most_asked(awaited: Collection[Awaited]) -> int:
    """How many tasks the calls of one reading show."""
    return _calls(awaited) * A_CALL_SHOWS


def wait(awaited: Collection[Awaited], poll_cost: float, now: datetime) -> float:
    """Seconds until the list is read next: until the delay of all ends that are expected meanwhile is as long as the
    calls are worth."""
    worth, delay, after, step = _calls(awaited) * _CALL_COST * poll_cost, 0.0, 0.0, _FIRST_STEP
    while delay < worth and after < LONGEST_WAIT:
        middle = now + timedelta(seconds=after + step / 2)
        delay += step * sum(each.has_ended(middle) for each in awaited)
        after, step = after + step, step * _STEP
    return min(max(after, _SHORTEST_WAIT), LONGEST_WAIT)


def _calls(awaited: Collection[Awaited]) -> int:
    return max(1, len(awaited) // A_CALL_SHOWS)
