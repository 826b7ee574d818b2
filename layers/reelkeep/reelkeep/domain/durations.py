"""How long tasks take at a provider: what was seen of it, what that says of a task, and when to poll for its end.

The last ends of each combination of model, kind, duration and resolution are known. Smoothed, they show its spread.
A combination of which little was seen borrows from its kin: the same model and kind, then the same model, then the
same provider. The first one has a guess. The best moments to poll follow from the distribution and from one number:
how many seconds of delay one poll is worth.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from heapq import nlargest
from itertools import accumulate, pairwise
from random import Random
from typing import NamedTuple

from reelkeep.domain.task import Kind, Request

ENDS_KEPT = 48  # of each combination; each further one takes the place of an old one
_REPLACEABLE = 4  # the oldest; functions that learn at the same moment should not all choose the same one
_BORROWED = 2.0  # ends: the weight of the ends of similar tasks, or of the guess
_GUESS_SPREAD = 0.8  # two tasks of three take between 0.45 and 2.2 of a guess
_UNFORESEEN = 0.002  # of all ends, spread over all moments: polls go on after the last end that was seen
_OFF_PEAK_PATIENCE = 20.0  # times the delay that other tasks are given for one poll less
_WIDTHS = (0.06, 0.09, 0.13, 0.19, 0.28, 0.42)  # of the kernel, in logarithms of seconds
_FEW = 4  # ends, from which no width can be found
_KERNEL_ENDS = 4  # widths from its middle
_STEP = 1.03  # from one moment that is considered to the next one
_MOMENTS = tuple(_STEP**number for number in range(math.ceil(math.log(80 * 3600, _STEP)) + 1))  # 1 s to 80 h
_LOGS = tuple(map(math.log, _MOMENTS))
_SECONDS_BY_RESOLUTION = {"360p": 30, "480p": 40, "540p": 55, "720p": 75, "1080p": 130, "2K": 200, "4K": 300}
_SLOWER = {Kind.REFERENCE2VIDEO: 1.7, Kind.MULTIFRAME: 2.0, Kind.UPSCALE: 1.5}


class Combination(NamedTuple):
    """What tasks have in common that take about as long at a provider. The nearest kin share the most fields from the
    left."""

    off_peak: bool
    model: str
    kind: Kind
    duration: int | None
    resolution: str

    @classmethod
    def of(cls, request: Request) -> Combination:
        return cls(request.off_peak, request.model, request.kind, request.duration, request.resolution)

    @property
    def guess(self) -> float:
        """Seconds, from published measurements: between 30 s (360p, 4 s) and some minutes.

        Source: the timings of 302.ai's model table and DMXAPI's captures for Vidu; ComfyUI's estimates.
        """
        if self.off_peak:
            return 1800.0
        base = _SECONDS_BY_RESOLUTION.get(self.resolution, 75)
        return base * _SLOWER.get(self.kind, 1.0) * math.sqrt((self.duration or 4) / 4)

    def kinship(self, other: Combination) -> int | None:
        """1: the same provider, 2: the same model, 3: the same model and kind, 4: the same combination. None if the
        other one says nothing of this one: off-peak tasks wait for hours."""
        if other.off_peak != self.off_peak:
            return None
        return 4 if other == self else 1 + (other.model == self.model) * (1 + (other.kind is self.kind))


class End(NamedTuple):
    """A success that was seen."""

    at: datetime
    seconds: float  # after the task was sent


class Forecast:
    """When one task ends. Its ages are in seconds since it was sent."""

    def __init__(self, ended: Iterable[float], poll_cost: float, moments: Sequence[float] = _MOMENTS) -> None:
        """`ended` is the share of all tasks that have ended at each of the moments, the last one 1; one poll less is
        worth `poll_cost` seconds of delay."""
        self._moments, self._ended, self._poll_cost = (0.0, *moments), (0.0, *ended), poll_cost
        self._best = list[int]()

    def quantile(self, share: float, age: float = 0.0) -> float:
        """The age at which so many have ended of the tasks that have not at this one."""
        over = _at(age, self._moments, self._ended)
        return max(age, _at(over + share * (1 - over), self._ended, self._moments))

    def share_ended(self, age: float, unfinished: float) -> float:
        """How many of the tasks that had not ended at the age `unfinished` have at this one."""
        before, by_now = (_at(each, self._moments, self._ended) for each in (unfinished, age))
        return (by_now - before) / (1 - before) if before < 1 else 1.0

    def next_poll(self, age: float) -> float:
        """The age at which to poll next, if the task has not ended at this one."""
        self._best = self._best or self._plan()
        nearest = bisect_right(self._moments, age * math.sqrt(_STEP)) - 1
        best = self._moments[self._best[nearest]]
        return best if best > age else age * _STEP + 1

    def end_between(self, unfinished: float, finished: float, random: Random) -> float:
        """An age at which the task may have ended that was seen at these two: one of the likely ones, by chance."""
        low, high = (_at(age, self._moments, self._ended) for age in (unfinished, finished))
        return min(max(self.quantile(random.uniform(low, high)), unfinished), finished)

    def _plan(self) -> list[int]:
        """The best moment for the next poll, from each moment on: that from which on delay and polls cost least.

        To poll next at moment j costs, seen from i, a part that depends on i alone, one that depends on j alone, and
        moment(j) times the share that has ended at i. So it is the lowest of many straight lines at that share.
        From the last moment to the first, lines get flatter and shares smaller: one pass finds them all.
        """
        moments, ended = self._moments, self._ended
        waited = [0.0]  # the sum of all ends up to each moment, weighted by their shares
        for (begin, low), (end, high) in pairwise(zip(moments, ended, strict=True)):
            waited.append(waited[-1] + (high - low) * (begin + end) / 2)
        best, lines, cost = [len(moments) - 1] * len(moments), deque[_Line](), 0.0
        for number in reversed(range(len(moments) - 1)):
            after, share = number + 1, ended[number]
            line = _Line(-moments[after], moments[after] * ended[after] - waited[after] + cost, after)
            while len(lines) > 1 and lines[-1].is_above(lines[-2], line):
                lines.pop()
            lines.append(line)
            while len(lines) > 1 and lines[1].at(share) <= lines[0].at(share):
                lines.popleft()
            best[number] = lines[0].number
            cost = self._poll_cost * (1 - share) + waited[number] + lines[0].at(share)
        return best


class _Line(NamedTuple):
    slope: float
    height: float  # at 0
    number: int

    def at(self, place: float) -> float:
        return self.height + self.slope * place

    def is_above(self, left: _Line, right: _Line) -> bool:
        """Whether it is nowhere below both of its neighbours."""
        crossing = (right.height - left.height) * (self.slope - left.slope)
        return crossing <= (self.height - left.height) * (right.slope - left.slope)


@dataclass(slots=True)
class Known:
    """The last ends of each combination at one provider, by their places in its record."""

    ends: dict[Combination, dict[int, End]] = field(default_factory=dict)

    def place(self, combination: Combination, random: Random) -> int:
        """For the next end of this combination: a free one, or that of an old end."""
        taken = self.ends.get(combination, {})
        free = [place for place in range(ENDS_KEPT) if place not in taken]
        return random.choice(free or sorted(taken, key=lambda place: taken[place].at)[:_REPLACEABLE])

    def forecast(self, combination: Combination, poll_cost: float, typical_seconds: float | None = None) -> Forecast:
        """`typical_seconds` is the operator's first guess."""
        kin = (self._ends_of_kin(combination, kinship) for kinship in range(1, 5))
        ends = tuple(tuple(end.seconds for end in nlargest(ENDS_KEPT, each)) for each in kin)
        patience = _OFF_PEAK_PATIENCE if combination.off_peak else 1.0
        return _forecast(typical_seconds or combination.guess, ends, poll_cost * patience)

    def _ends_of_kin(self, combination: Combination, kinship: int) -> Iterable[End]:
        """As if they were of this combination, as far as guesses tell how much longer that one takes."""
        for other, ends in self.ends.items():
            if combination.kinship(other) == kinship:
                ratio = combination.guess / other.guess
                yield from (End(end.at, end.seconds * ratio) for end in ends.values())


@lru_cache(maxsize=64)  # it takes milliseconds, and the same ends are known at many polls
def _forecast(guess: float, ends_of_kin: tuple[tuple[float, ...], ...], poll_cost: float) -> Forecast:
    """What is borrowed is moved to where the ends are that were seen: of a wrong guess only the spread stays."""
    middle = math.log(guess)
    ended = [_normal((each - middle) / _GUESS_SPREAD) for each in _LOGS]
    for ends in filter(None, ends_of_kin):
        logs = [min(math.log(max(seconds, 1.0)), _LOGS[-1]) for seconds in ends]  # moved, one may take years
        part = len(ends) / (len(ends) + _BORROWED)
        nearer = part * sum(logs) / len(logs) + (1 - part) * middle
        pairs = zip(_smoothed(logs), _moved(ended, nearer - middle), strict=True)
        ended = [part * seen + (1 - part) * borrowed for seen, borrowed in pairs]
        middle = nearer
    known = 1 - _UNFORESEEN
    return Forecast(
        (known * share / ended[-1] + _UNFORESEEN * number / len(ended) for number, share in enumerate(ended, 1)),
        poll_cost,
    )


def _moved(ended: Sequence[float], distance: float) -> list[float]:
    """The same distribution, later by this distance of logarithms."""
    steps, last = round(distance / math.log(_STEP)), len(ended) - 1
    return [ended[min(max(number - steps, 0), last)] for number in range(len(ended))]


def _smoothed(logs: Sequence[float]) -> list[float]:
    """The share of tasks that have ended at each moment."""
    width, shares = _width(logs), [0.0] * len(_LOGS)
    for each in logs:
        begin = bisect_left(_LOGS, each - _KERNEL_ENDS * width)
        end = min(bisect_right(_LOGS, each + _KERNEL_ENDS * width), len(_LOGS) - 1)
        ended = [_normal((_LOGS[number] - each) / width) for number in range(begin, end)]
        for number, (before, after) in enumerate(pairwise((0.0, *ended, 1.0)), begin):
            shares[number] += (after - before) / len(logs)
    return list(accumulate(shares))


def _width(logs: Sequence[float]) -> float:
    """That of the kernel which foretells each end best from all others."""
    if len(logs) <= _FEW:
        return _WIDTHS[-1]

    def likelihood(width: float) -> float:
        densities = (sum(math.exp(-(((each - other) / width) ** 2) / 2) for other in logs) - 1 for each in logs)
        return sum(math.log(max(density / width, 1e-9)) for density in densities)

    return max(_WIDTHS, key=likelihood)


def _normal(deviations: float) -> float:
    return math.erfc(-deviations / math.sqrt(2)) / 2


def _at(place: float, places: Sequence[float], values: Sequence[float]) -> float:
    """Linear between the places, which rise."""
    after = min(max(bisect_right(places, place), 1), len(places) - 1)
    begin, end = places[after - 1 : after + 1]
    part = (place - begin) / (end - begin) if end > begin else 1.0
    return values[after - 1] + (values[after] - values[after - 1]) * min(part, 1.0)
