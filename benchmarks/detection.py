"""How soon the end of a task is seen for how many polls, and how fast it is learned how long tasks take.

    python -m benchmarks.detection [--check] [--seed N] [--runs N]

The real services submit and poll tasks in simulated time; ports and provider are played by hand. The provider's tasks
take as long as one of nine distributions says. After some ends, one more task is polled and never ends: its polls are
the schedule. The mean delay of that schedule, and its mean number of polls, follow from the distribution exactly. The
best schedule with as many polls, for whoever knows the distribution, is the measure.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from itertools import count, pairwise
from pathlib import Path
from statistics import fmean
from typing import Final

_ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT / "layers" / "reelkeep"))

from reelkeep.domain.durations import ENDS_KEPT, Combination, End, Forecast
from reelkeep.domain.observation import Accepted, Succeeded
from reelkeep.services.forecasts import Forecasts
from tests.unit.services.harness import RUNNING, FakeProvider, Harness, creation, request
from tests.unit.services.watch_harness import Shop, Stack

_MOST: Final = 1.15  # of the optimum's delay for as many polls
_ENDS: Final = 20  # after which that holds
_ENDS_OF_REGIME: Final = 50  # after which it holds again when all takes three times as long
_SLOWER: Final = 3
_IN_FLIGHT: Final = (30, 100, 300)  # on average, at a provider with a list
_ENOUGH: Final = 100  # of them, for what follows
_MOST_DELAY: Final = 3.0  # seconds
_MOST_CALLS: Final = 0.5  # a task
_WATCHED: Final = 500  # tasks
_LONGEST: Final = 3600  # seconds; what would take longer is not drawn


@dataclass(frozen=True)
class Distribution:
    """How many of all tasks have ended after each second."""

    name: str
    ended: Sequence[float]

    @classmethod
    def of(cls, name: str, share: Callable[[float], float], longest: int = _LONGEST) -> Distribution:
        whole = share(longest)
        return cls(name, [share(second) / whole for second in range(longest + 1)])

    def drawn(self, dice: random.Random) -> float:
        return max(bisect_left(self.ended, dice.random()) - dice.random(), 1.0)

    def slower(self) -> Distribution:
        """The same, when everything takes three times as long."""

        def share(second: float) -> float:
            before, part = divmod(second / _SLOWER, 1)
            low, high = (self.ended[min(int(before) + each, _LONGEST)] for each in (0, 1))
            return low + (high - low) * part

        return Distribution.of(f"{self.name}, slower", share, 2 * _LONGEST)

    def outcome(self, polls: Sequence[float]) -> Outcome:
        """What polls at these ages cost, the last of them after the longest task."""
        number = delay = 0.0
        for before, poll in pairwise((0.0, *polls)):
            number += 1 - self._share(before)
            seconds = range(math.ceil(before), min(math.ceil(poll), len(self.ended) - 1))
            delay += sum((self.ended[each + 1] - self.ended[each]) * (poll - each - 0.5) for each in seconds)
        return Outcome(number, delay)

    def _share(self, age: float) -> float:
        return self.ended[min(math.ceil(age), len(self.ended) - 1)]

    def optimum(self, polls: float) -> float:
        """The least mean delay with so many polls a task."""
        low, high = -4.0, 8.0  # logarithms of what a poll costs
        for _ in range(24):
            cost = (low + high) / 2
            best = self.outcome(_schedule(Forecast(self.ended[1:], math.exp(cost), range(1, len(self.ended))), self))
            low, high = (cost, high) if best.polls > polls else (low, cost)
        return best.delay * best.polls / polls  # almost as many


@dataclass(frozen=True)
class Outcome:
    """Means of all tasks."""

    polls: float
    delay: float  # seconds


def _schedule(forecast: Forecast, distribution: Distribution) -> list[float]:
    ages = [forecast.next_poll(0.0)]
    while ages[-1] < len(distribution.ended) - 1:
        ages.append(forecast.next_poll(ages[-1]))
    return ages


# --- the distributions ---


def _normal(median: float, spread: float) -> Callable[[float], float]:
    """The logarithms of the seconds are normal."""
    return lambda second: math.erfc(-math.log(max(second, 1e-9) / median) / spread / math.sqrt(2)) / 2


def _mixed(*parts: tuple[float, Callable[[float], float]]) -> Callable[[float], float]:
    return lambda second: sum(weight * share(second) for weight, share in parts)


def _queued(wait: float, share: Callable[[float], float]) -> Callable[[float], float]:
    """After a wait in line, of which only the mean is known."""
    fades, in_line, ended = math.exp(-1 / wait), 0.0, [0.0]
    for second in range(_LONGEST):
        in_line = in_line * fades + (share(second + 1) - share(second)) * math.sqrt(fades)
        ended.append(share(second + 1) - in_line)
    return lambda second: ended[int(second)]


def distributions(seed: int) -> Iterator[Distribution]:
    yield Distribution.of("60 s, narrow", _normal(60, 0.3))
    yield Distribution.of("120 s", _normal(120, 0.5))
    yield Distribution.of("300 s, wide", _normal(300, 0.6))
    yield Distribution.of("70 s or 300 s", _mixed((0.7, _normal(70, 0.25)), (0.3, _normal(300, 0.35))))
    processed = _normal(100, 0.3)
    yield Distribution.of("100 s, half in line", _mixed((0.5, processed), (0.5, _queued(120, processed))))
    yield Distribution.of("120 s, some 900 s", _mixed((0.9, _normal(120, 0.5)), (0.1, _normal(900, 0.8))))
    dice = random.Random(seed)
    for number in range(1, 4):
        parts = [
            (dice.random(), 30 * 20 ** dice.random(), dice.uniform(0.15, 0.7)) for _ in range(dice.choice((1, 2, 3)))
        ]
        whole = sum(weight for weight, *_ in parts)
        mixed = _mixed(*((weight / whole, _normal(median, spread)) for weight, median, spread in parts))
        yield Distribution.of(f"drawn {number} ({', '.join(f'{median:.0f} s' for _, median, _ in parts)})", mixed)


# --- Reelkeep ---


@dataclass
class Simulation:
    """A stack with one provider, whose tasks take as long as the distribution says."""

    dice: random.Random
    tells: bool  # whether the provider says when a task ended
    harness: Harness = field(default_factory=Harness)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        forecasts = Forecasts(self.harness.durations, self.harness.forecasts.poll_cost, self.harness.clock)

        class Warm(Harness):
            """Its functions keep what they have read."""

            @property
            def forecasts(self) -> Forecasts:
                return forecasts

        self.harness.__class__ = Warm

    def see(self, distribution: Distribution) -> None:
        """One task from its submission until its end is seen."""
        took = distribution.drawn(self.dice)
        seconds = float(round(took)) if self.tells else None
        self._polls(took, Succeeded((creation(),), seconds=seconds))

    def schedule(self, longest: float) -> list[float]:
        """The ages at which a task is polled that has not ended by then."""
        return self._polls(longest, Succeeded(()), learn=False)

    def _polls(self, took: float, end: Succeeded, *, learn: bool = True) -> list[float]:
        harness, ages = self.harness, list[float]()
        harness.provider = provider = FakeProvider(
            outcomes=[Accepted(f"p-{next(self.numbers)}")], observations=[RUNNING]
        )
        task_id, sent_at = harness.submit().id, harness.now
        wait = harness.executions.started[-1][1]
        while not ages or ages[-1] < took:
            harness.pass_(wait)
            ages.append((harness.now - sent_at).total_seconds())
            if ages[-1] >= took and learn:
                provider.observations = [end]
            wait = harness.poll(task_id).wait_seconds
        return ages


def knows(harness: Harness, distribution: Distribution, dice: random.Random) -> None:
    """As many ends as are kept, from before."""
    for place in range(ENDS_KEPT):
        end = End(harness.now - timedelta(hours=ENDS_KEPT - place), distribution.drawn(dice))
        harness.durations.learn("vidu", Combination.of(request()), place, end)


def learned(
    distribution: Distribution, ends: int, runs: int, *, tells: bool, before: Distribution | None = None
) -> Outcome:
    """The means of so many runs, after so many ends each."""
    outcomes = []
    for run in range(runs):
        simulation = Simulation(random.Random(f"{distribution.name} {run}"), tells)
        if before:
            knows(simulation.harness, before, simulation.dice)
        for _ in range(ends):
            simulation.see(distribution)
        outcomes.append(distribution.outcome(simulation.schedule(len(distribution.ended) - 1)))
    return Outcome(fmean(each.polls for each in outcomes), fmean(each.delay for each in outcomes))


# --- a provider with a list ---


def watched(distribution: Distribution, in_flight: int) -> Outcome:
    """The means when so many tasks are in flight, counted once it is known how long they take. A call is one to the
    provider, of whatever kind, without the submission."""
    stack, dice = Stack(Shop()), random.Random(distribution.name)
    shop, harness = stack.shop, stack.harness
    shop.takes = lambda: distribution.drawn(dice)
    knows(harness, distribution, dice)
    mean = sum(1 - share for share in distribution.ended)

    def come() -> None:
        stack.submit()
        stack.at(dice.expovariate(in_flight / mean), come)

    come()
    while len(stack.seen) < 2 * in_flight:
        stack.run(60)
    calls, ended = shop.polls + shop.readings, len(stack.seen)
    while len(stack.seen) < ended + _WATCHED:
        stack.run(60)
    delays = [*stack.seen.values()][ended:]
    return Outcome((shop.polls + shop.readings - calls) / len(delays), fmean(delays))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    arguments.add_argument("--seed", type=int, default=14, help="of the distributions that are drawn")
    arguments.add_argument("--runs", type=int, default=8, help="of which the mean is taken")
    asked = arguments.parse_args()
    good = True
    print(
        "Means of each task's polls and of the seconds until its end is seen; how many times the optimum for as many "
        f"polls that is ({_MOST} at most). An end that is not told is known by our polls alone."
    )
    for distribution in distributions(asked.seed):
        slower = distribution.slower()
        rows = {
            "nothing learned": (learned(distribution, 0, 1, tells=True), distribution, False),
            f"{_ENDS} ends": (learned(distribution, _ENDS, asked.runs, tells=True), distribution, True),
            f"{_ENDS} ends, not told": (learned(distribution, _ENDS, asked.runs, tells=False), distribution, False),
            f"{_ENDS_OF_REGIME} ends of a slower regime": (
                learned(slower, _ENDS_OF_REGIME, max(asked.runs // 2, 1), tells=True, before=distribution),
                slower,
                True,
            ),
        }
        print(f"\n{distribution.name}")
        for title, (outcome, true, is_judged) in rows.items():
            ratio = outcome.delay / true.optimum(outcome.polls)
            good &= ratio <= _MOST or not is_judged
            mark = "" if not is_judged else "  ok" if ratio <= _MOST else "  MISSED"
            print(f"  {title:28} {outcome.polls:5.1f} polls  {outcome.delay:6.1f} s delay  {ratio:.2f}{mark}")
    print(
        f"\nWith a list: calls to the provider a task, and seconds until its end is seen. With {_ENOUGH} tasks in "
        f"flight or more, {_MOST_CALLS} and {_MOST_DELAY} at most, as means over all distributions."
    )
    for in_flight in _IN_FLIGHT:
        outcomes = {each.name: watched(each, in_flight) for each in distributions(asked.seed)}
        polls, delay = (fmean(each) for each in zip(*map(astuple, outcomes.values()), strict=True))
        is_good = polls <= _MOST_CALLS and delay <= _MOST_DELAY
        good &= is_good or in_flight < _ENOUGH
        mark = "" if in_flight < _ENOUGH else "  ok" if is_good else "  MISSED"
        print(f"\n{in_flight} in flight{'':16} {polls:5.2f} calls  {delay:6.1f} s delay{mark}")
        for name, outcome in outcomes.items():
            print(f"  {name:28} {outcome.polls:5.2f} calls  {outcome.delay:6.1f} s delay")
    return 0 if good or not asked.check else 1


if __name__ == "__main__":
    sys.exit(main())
