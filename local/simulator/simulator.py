"""The simulator itself: it takes orders, moves them on as time passes, and knows where their files are."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace, nlargest
from pathlib import Path
from secrets import randbelow, token_hex

from local.simulator.callbacks import Callbacks
from local.simulator.clock import Clock
from local.simulator.faults import Faults
from local.simulator.media.links import Links
from local.simulator.store import Store
from local.simulator.tasks import Order, State, Task


@dataclass(frozen=True)
class Settings:
    """Times in seconds."""

    data: Path
    processing_seconds: float = 2.0
    queue_seconds: float = 0.5
    off_peak_seconds: float = 10.0
    concurrency: int = 5
    link_seconds: int = 86400
    cover_link_seconds: int = 3600
    credits: int = 1_000_000
    keys: frozenset[str] = field(default=frozenset())
    render_threads: int = 1
    seconds_behind: float = 0.0  # of its clock, at first


class Simulator:
    """Tasks start in the order they became ready, `concurrency` at a time.

    Nothing runs in the background: whenever somebody asks, every start that was due by now is worked out, at
    the moment it was due. So time can be skipped, and a restart changes nothing.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, store: Store | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self.faults = Faults()
        self.callbacks = Callbacks()
        self._closing = asyncio.Event()
        self._store = store or Store(settings.data)
        self.clock.skipped += float(self._store.fact("clock_skipped", str(-settings.seconds_behind)))
        self.links = Links(self._store.fact("link_secret", token_hex(32)))
        self._tasks = {task.id: task for task in self._store.tasks()}
        self._last_id = max((int(task.creation_id) for task in self._tasks.values()), default=0)
        waiting = (t for t in self._tasks.values() if t.started_at is None and t.cancelled_at is None)
        self._waiting = [(task.ready_at, task.id) for task in waiting]
        heapify(self._waiting)
        finishes = [t.finishes_at for t in self._tasks.values() if t.finishes_at is not None]
        self._slots = nlargest(settings.concurrency, finishes + [0.0] * settings.concurrency)
        heapify(self._slots)

    def accept(self, order: Order) -> Task:
        """From here on it is paid for, unless it fails or is cancelled."""
        now = self.clock.now()
        ready_at = now + self.settings.queue_seconds
        task = Task(
            id=self._mint(now),
            creation_id=self._mint(now),
            order=order,
            created_at=now,
            queued_at=now + self.settings.queue_seconds / 2,
            ready_at=ready_at + (self.settings.off_peak_seconds if order.off_peak else 0),
            takes=0,
        )
        task.takes = self.settings.processing_seconds if task.directives.takes is None else task.directives.takes
        self._tasks[task.id] = task
        heappush(self._waiting, (task.ready_at, task.id))
        self._store.keep(task)
        return task

    def find(self, task_id: str) -> Task | None:
        self._settle()
        return self._tasks.get(task_id)

    def tasks(self) -> list[Task]:
        """Newest first."""
        self._settle()
        return list(reversed(self._tasks.values()))

    def state(self, task: Task) -> State:
        self._settle()
        return task.state(self.clock.now())

    def cancel(self, task: Task) -> bool:
        """Whether it was early enough: what has started is not stopped."""
        if self.state(task) not in ("created", "queueing"):
            return False
        task.cancelled_at = self.clock.now()
        self._store.keep(task)
        return True

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._store.remember("clock_skipped", str(self.clock.skipped))

    def spent(self) -> int:
        """Credits: a failed or cancelled task gives back what it took."""
        now = self.clock.now()
        return sum(t.order.credits for t in self.tasks() if t.state(now) not in ("failed", "cancelled"))

    def link(self, task: Task, asset: str, *, dead: bool = False) -> str:
        """Path and query, signed at this moment; `dead`: it has just expired."""
        lifetime = self.settings.cover_link_seconds if asset == "cover.jpeg" else self.settings.link_seconds
        now = self.clock.now() - (lifetime + 1 if dead else 0)
        return self.links.sign(media_path(task, asset), now=now, lifetime=lifetime)

    async def pause(self, seconds: float) -> None:
        """Of the machine's own time, not of the simulator's; cut short when the simulator closes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def hurry(self) -> None:
        """Ends all pauses, now and to come."""
        self._closing.set()

    def close(self) -> None:
        self._store.close()

    def _mint(self, now: float) -> str:
        """18 decimal digits that grow with time; more than a double can hold, as the real ones."""
        self._last_id = max(self._last_id + 1 + randbelow(9), int(now * 1_000_000) * 100 + randbelow(100))
        return str(self._last_id)

    def _settle(self) -> None:
        now = self.clock.now()
        while self._waiting:
            ready_at, task_id = self._waiting[0]
            task = self._tasks[task_id]
            starts_at = max(ready_at, self._slots[0])
            if task.cancelled_at is None:
                if starts_at > now:
                    break
                task.started_at, task.finishes_at = starts_at, starts_at + task.takes
                heapreplace(self._slots, task.finishes_at)
                self._store.keep(task)
            heappop(self._waiting)


def media_path(task: Task, asset: str) -> str:
    return f"/simulator/media/{task.id}/{task.creation_id}/{asset}"
