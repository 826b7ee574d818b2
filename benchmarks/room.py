"""How well a provider's slots are used when far more is asked for at once than it takes.

    python -m benchmarks.room [--check]

The real services run in simulated time, with the real state machine; ports and provider are played by hand. The
provider takes so many tasks at once, refuses more with 429, and does not call back. Three owners submit: one of them
half of all tasks at once before the others come, the second most of the rest, the last a few.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT / "layers" / "reelkeep"))

from reelkeep.domain.observation import Accepted, DispatchOutcome, NotYet, Observation, Pending, Succeeded
from reelkeep.domain.task import State, Task
from reelkeep.ports.owners import Caller
from tests.chaos.machine import execution
from tests.unit.services.harness import NOON, FakeExecutions, FakeProvider, Harness, creation, request

_SECONDS: Final = (60.0, 90.0)  # that a task takes at the provider
_OWNERS: Final = {"first": 0.5, "second": 0.4, "last": 0.1}  # and their parts of all tasks
_USED: Final = 0.9  # of the slots' time, after the first minute, while tasks wait
_REFUSED: Final = 0.05  # calls for each task that is placed


@dataclass
class Crowded(FakeProvider):
    """Takes so many tasks at once."""

    takes: int = 5
    clock: Callable[[], datetime] = lambda: NOON
    dice: random.Random = field(default_factory=lambda: random.Random(13))
    ends: dict[str, datetime] = field(default_factory=dict)  # when each of its tasks is made
    begins: dict[str, datetime] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)  # of its tasks, in their order
    refusals: int = 0

    def dispatch(self, task: Task) -> DispatchOutcome:
        now = self.clock()
        if sum(end > now for end in self.ends.values()) >= self.takes:
            self.refusals += 1
            return NotYet()
        self.begins[task.id], self.ends[task.id] = now, now + timedelta(seconds=self.dice.uniform(*_SECONDS))
        self.owners.append(task.owner)
        return Accepted(f"p-{len(self.ends)}")

    def observe(self, task: Task) -> Observation:
        made = self.clock() >= self.ends[task.id]
        return Succeeded((creation(task.provider_task_id),)) if made else Pending(State.PROCESSING)


@dataclass
class Executions(FakeExecutions):
    inputs: list[dict[str, Any]] = field(default_factory=list)

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        if task.executions not in self.runs[task.id]:
            self.inputs.append({"task_id": task.id, "run": task.executions, "wait_seconds": wait_seconds})
        super().start(task, wait_seconds, provider_task_id)


@dataclass(frozen=True)
class Result:
    tasks: int
    takes: int
    declared: bool
    states: Counter[str]
    refused: int
    used: float  # of the slots, after the first minute, until the last task was placed
    hours: float
    last_owner_done: float  # the part of all placements after which the smallest owner's tasks were all placed
    executions: int

    @property
    def is_good(self) -> bool:
        placed = self.states == {"success": self.tasks}
        return (
            placed and self.used >= _USED and self.refused <= _REFUSED * self.tasks and self.last_owner_done <= 0.35
        )

    def __str__(self) -> str:
        known = "declared" if self.declared else "learned"
        return (
            f"{self.tasks:,} tasks at a provider that takes {self.takes} ({known}): {dict(self.states)}; "
            f"{self.refused} refused calls ({self.refused / self.tasks:.1%} of the tasks); "
            f"slots used {self.used:.1%}; {self.hours:.1f} h; the smallest owner's tasks were placed within "
            f"{self.last_owner_done:.0%} of all; {self.executions:,} executions"
        )


def simulate(tasks: int, takes: int, *, declared: bool) -> Result:
    harness = Harness()
    provider = Crowded(takes=takes, clock=harness.clock, slots=takes if declared else None)
    harness.provider, harness.executions = provider, (executions := Executions())
    agenda: list[tuple[datetime, int, Callable[[], object]]] = []
    numbers, started = count(), 0

    def at(seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(agenda, (harness.now + timedelta(seconds=seconds), next(numbers), do))

    def invoke(function: str, event: dict[str, Any]) -> dict[str, Any]:
        step = {"poll": harness.poll, "finalize": harness.finalize}[function]
        return step(event["task_id"], event["run"]).answer

    def step(steps: Generator[float]) -> None:
        if (wait := next(steps, None)) is not None:
            at(wait, partial(step, steps))

    def start_executions() -> None:
        nonlocal started
        for begun in executions.inputs[started:]:
            started += 1
            at(0, partial(step, execution(begun, invoke)))

    for number, (owner, part) in enumerate(_OWNERS.items()):
        for _ in range(round(tasks * part)):
            at(number * 10, partial(harness.submit, request(), Caller(owner, "key-1")))
    while agenda:
        harness.now, _, do = heapq.heappop(agenda)
        do()
        start_executions()
    return _result(harness, provider, tasks, declared=declared, executions=started)


def _result(harness: Harness, provider: Crowded, tasks: int, *, declared: bool, executions: int) -> Result:
    begin, end = NOON + timedelta(minutes=1), max(provider.begins.values())
    busy = sum(
        max((min(provider.ends[each], end) - max(provider.begins[each], begin)).total_seconds(), 0)
        for each in provider.begins
    )
    last = max(number for number, owner in enumerate(provider.owners, 1) if owner == "last")
    return Result(
        tasks=tasks,
        takes=provider.takes,
        declared=declared,
        states=Counter(str(task.state) for task in harness.tasks.recorded.values()),
        refused=provider.refusals,
        used=busy / (provider.takes * (end - begin).total_seconds()),
        hours=(max(provider.ends.values()) - NOON).total_seconds() / 3600,
        last_owner_done=last / len(provider.owners),
        executions=executions,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    check = parser.parse_args().check
    results = [
        simulate(tasks, takes, declared=declared)
        for tasks, takes in ((100, 5), (1000, 20))
        for declared in (True, False)
    ]
    print(*results, sep="\n")
    return int(check and not all(result.is_good for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
