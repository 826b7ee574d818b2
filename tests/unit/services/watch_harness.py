"""A stack with a provider that has a list, many tasks there at once, and everything that runs by itself."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Accepted, DispatchOutcome, Observation, Succeeded
from reelkeep.domain.task import State, Task
from reelkeep.services.end_reports import StartWatches
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.watch import Watch
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import RUNNING, FakeProvider, FakeProviders, Harness, creation

SWEEPS_EVERY = 300.0


@dataclass
class Shop(FakeProvider):
    """Its tasks end when they should, and its list shows them."""

    lists: bool = True
    clock: Callable[[], datetime] = datetime.now
    takes: Callable[[], float] = lambda: 100.0  # seconds, the next task
    polls: int = 0
    lag: timedelta | None = timedelta()  # of the list; None: it shows nothing
    ends: dict[str, datetime] = field(default_factory=dict)

    def dispatch(self, task: Task) -> DispatchOutcome:
        name = f"p-{len(self.ends)}"
        self.ends[name] = self.clock() + timedelta(seconds=self.takes())
        return Accepted(name)

    def observe(self, task: Task) -> Observation:
        self.polls += 1
        return self._state(task.provider_task_id, self.clock())

    def observe_all(self, tasks: Sequence[Task]) -> Mapping[str, Observation]:
        self.readings += 1 + (len(tasks) - 1) // 100
        if self.lag is None:
            return {}
        ids = (task.provider_task_id for task in tasks)
        return {each: self._state(each, self.clock() - self.lag) for each in ids}

    def _state(self, name: str, now: datetime) -> Observation:
        return Succeeded((creation(),)) if now >= self.ends[name] else RUNNING


class Stack:
    """Executions, watches and sweeps, as AWS runs them."""

    def __init__(self, shop: Shop, tasks: FakeTasks | None = None) -> None:
        self.shop = shop
        self.harness = harness = Harness(provider=shop, tasks=tasks or FakeTasks())
        shop.clock = harness.clock
        self.seen: dict[str, float] = {}  # seconds from the end of each task until that was seen
        self.is_dead = False  # whether every watch dies at its first call
        forecasts = Forecasts(harness.durations, 4.0, harness.clock)
        self._watch = Watch(
            tasks=harness.tasks,
            providers=FakeProviders(shop),
            slots=harness.slots,
            record_early_end=harness.record_early_end,
            forecasts=forecasts,
            clock=harness.clock,
            pause=self.run,
        )

        class Warm(Harness):
            """Its functions keep what they have read."""

            @property
            def forecasts(self) -> Forecasts:
                return forecasts

        harness.__class__ = Warm
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._watches: set[str] = set()
        self.at(SWEEPS_EVERY, self._sweep)

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.harness.now + timedelta(seconds=seconds), next(self._numbers), do))

    def run(self, seconds: float) -> None:
        """Everything that happens in that time, or until a watch that began in it has done its minute."""
        self._follow()
        until = self.harness.now + timedelta(seconds=seconds)
        while self._agenda and self._agenda[0][0] <= until:
            moment, _, do = heapq.heappop(self._agenda)
            self.harness.now = max(self.harness.now, moment)
            do()
            self._follow()
        self.harness.now = max(self.harness.now, until)

    def submit(self) -> None:
        task = self.harness.submit()
        self.at(self.harness.executions.started[-1][1], partial(self._poll, task.id))

    def _poll(self, task_id: str) -> None:
        verdict = self.harness.poll(task_id, run=0)
        if verdict.finished:
            self._see(task_id)
            self.harness.finalize(task_id, run=0)
        else:
            self.at(verdict.wait_seconds, partial(self._poll, task_id))

    def _follow(self) -> None:
        """What was started."""
        harness = self.harness
        while harness.finalizing.started:
            task_id, run = harness.finalizing.started.pop()
            self._see(task_id)
            harness.finalize(task_id, run, direct=True)
        for name in [*harness.executions.watches]:
            if name not in self._watches:
                self._watches.add(name)
                self.at(0, partial(self._watched, name))

    def _watched(self, name: str) -> None:
        if self.is_dead:
            return
        try:
            wait = self._watch(self.shop.name, name)
        except TryLater:
            wait = 10
        if wait is not None:
            self.at(wait, partial(self._watched, name))

    def _sweep(self) -> None:
        harness = self.harness
        StartWatches(harness.slots, FakeProviders(self.shop), harness.executions, harness.clock)()
        self.at(SWEEPS_EVERY, self._sweep)

    def _see(self, task_id: str) -> None:
        task = self.harness.task(task_id)
        assert task.state in (State.ARCHIVING, State.SUCCESS)
        end = self.shop.ends[task.provider_task_id]
        self.seen.setdefault(task_id, (self.harness.now - end).total_seconds())
