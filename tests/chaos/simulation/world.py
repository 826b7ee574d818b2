"""Time, chance, and what is to happen when."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random

from reelkeep.domain.task import Task
from tests.unit.services.harness import NOON

DAYS = 20.0  # over which the tasks are submitted; in fewer, one clock for all leaves ten thousand too little time
LISTING = ("vidu_ent_v2", "volc_ark")  # the providers that show what they made
_NUMBER = re.compile(r"task (\d+) ")


@dataclass
class Report:
    seed: int
    answered: Counter[str] = field(default_factory=Counter)  # what the clients heard in the end
    ended: Counter[str] = field(default_factory=Counter)  # tasks by state
    failed: Counter[str] = field(default_factory=Counter)  # by reason
    counts: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)  # what went wrong, and how often
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = {
            "submissions": self.answered,
            "tasks": self.ended,
            "without a result": self.failed,
            "counted": self.counts,
            "went wrong": self.happened,
        }
        return "\n".join(
            [
                f"seed {self.seed}",
                *(
                    f"{name}: " + ", ".join(f"{n} {what}" for what, n in sorted(c.items()))
                    for name, c in parts.items()
                ),
                *(f"WRONG: {each}" for each in self.wrong[:50]),
            ]
        )


class World:
    def __init__(self, seed: int, watched: int | None) -> None:
        self.random = Random(seed)
        self.report = Report(seed)
        self.now = NOON
        self.bad_luck = 1.0  # times every chance of a fault
        self.in_flight: set[int] = set()  # submissions that may be under way, as far as is recorded
        self.unsure: set[int] = set()  # those to which something happened then
        self.refused: set[int] = set()  # submissions that a provider refused out of a mood
        self.current = ""  # the task that is being worked on
        self.numbers: dict[str, int] = {}  # of submissions, by their tasks
        self._watched = watched
        self._outages: dict[str, datetime] = {}
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()

    def clock(self) -> datetime:
        return self.now

    @property
    def over(self) -> bool:
        """Nothing new is submitted any more."""
        return self.now > NOON + timedelta(days=DAYS)

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + timedelta(seconds=seconds), next(self._numbers), do))

    def run(self) -> None:
        while self._agenda:
            moment, _, do = heapq.heappop(self._agenda)
            self.now = max(self.now, moment)
            do()

    def takes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def happens(self, what: str, chance: float) -> bool:
        if self.random.random() >= chance * self.bad_luck:
            return False
        self.report.happened[what] += 1
        self.unsure |= self.in_flight
        self.tell(f"  {what}")
        return True

    def down(self, what: str, chance: float, seconds: float) -> bool:
        """Whether it is out of order for a while."""
        until = self._outages.get(what, NOON)
        if self.now >= until and self.happens(f"{what}: out of order", chance):
            self._outages[what] = until = self.now + timedelta(seconds=seconds)
        if self.now < until:
            self.unsure |= self.in_flight
        return self.now < until

    @contextmanager
    def luck(self, bad_luck: float) -> Iterator[None]:
        before, self.bad_luck = self.bad_luck, bad_luck
        try:
            yield
        finally:
            self.bad_luck = before

    def wrong(self, what: str) -> None:
        self.report.wrong.append(what)

    def tell(self, what: object, task_id: str = "") -> None:
        """For a person who studies a run."""
        if self._watched is not None and self.numbers.get(task_id or self.current) == self._watched:
            print(f"{self.now:%d %H:%M:%S}  {what}")

    def named(self, task: Task) -> str:
        return f"task {self.numbers[task.id]}" if task.id in self.numbers else f"adopted task {task.id}"


def number_in(prompt: str) -> int | None:
    """Of the submission; None for what somebody else asked for elsewhere."""
    found = _NUMBER.search(prompt)
    return int(found[1]) if found else None
