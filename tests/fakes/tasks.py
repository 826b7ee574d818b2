"""Tasks and claims, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from reelkeep.domain import archiving, ids, schedule
from reelkeep.domain.claims import Claim
from reelkeep.domain.counts import Demand
from reelkeep.domain.errors import InvalidRequest, Stale
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Task
from reelkeep.ports.tasks import Due
from tests.fakes.owners import FakeCounters


@dataclass
class FakeClaims:
    """Claims in memory."""

    made: dict[tuple[str, str, str], Claim] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        with self._lock:
            name = (claim.sort, claim.owner, claim.name)
            standing = self.made.get(name)
            if standing is None or standing.expires_at <= now or standing.task_id == instead_of:
                self.made[name] = standing = claim
        return standing


@dataclass
class FakeTasks:
    """Tasks in memory. `raw_responses` holds what was kept for diagnosis, as it came."""

    recorded: dict[str, Task] = field(default_factory=dict)
    raw_responses: list[tuple[str, str, bytes]] = field(default_factory=list)
    claims: FakeClaims = field(default_factory=FakeClaims)
    counters: FakeCounters = field(default_factory=lambda: FakeCounters())
    _lock: Lock = field(default_factory=Lock)

    def create(self, task: Task) -> Task:
        with self._lock:
            if task.id in self.recorded:
                raise Stale(f"there is a task {task.id}")
            self.recorded[task.id] = task
        return task

    def create_under(self, claim: Claim, task: Task) -> Task:
        if self.claims.made[claim.sort, claim.owner, claim.name].task_id != claim.task_id:
            raise Stale("the claim stands no more")
        return self.create(task)

    def get(self, task_id: str) -> Task | None:
        return self.recorded.get(task_id)

    def save(self, task: Task) -> Task:
        with self._lock:
            recorded = self.recorded.get(task.id)
            if recorded is None or recorded.version != task.version:
                raise Stale(f"task {task.id} was changed since it was read")
            self.recorded[task.id] = saved = replace(task, version=task.version + 1)
        return saved

    def save_counted(self, task: Task, demand: Demand, now: datetime) -> Task | None:
        if self.counters.demand(task.owner, demand, now) is not None:
            return None
        try:
            return self.save(task)
        except Stale:
            self.counters.change(task.owner, {name: -value for name, value in demand.add.items()})
            raise

    def restore(self, task: Task) -> bool:
        with self._lock:
            recorded = self.recorded.get(task.id)
            if recorded is not None and recorded.version >= task.version:
                return False
            self.recorded[task.id] = task
        return True

    def page(self, owners: str | tuple[str, ...], listing: Listing) -> Page:
        owners = (owners,) if isinstance(owners, str) else owners
        if listing.cursor and not ids.is_task_id(listing.cursor):
            raise InvalidRequest("the cursor is not one that this service has given")
        shown = [
            task
            for _, task in sorted(self.recorded.items(), reverse=not listing.oldest_first)
            if (not owners or task.owner in owners) and listing.filter.admits(task)
        ]
        total = len(shown) if listing.counted else None
        if listing.cursor:
            shown = [task for task in shown if (task.id > listing.cursor) is listing.oldest_first]
            shown = [task for task in shown if task.id != listing.cursor]
        shown = shown[listing.skip :]
        page = tuple(shown[: listing.size])
        return Page(tasks=page, next_cursor=page[-1].id if len(shown) > listing.size else "", total=total)

    def unfinished(self) -> Iterator[Task]:
        for _, task in sorted(self.recorded.items()):
            if task.unfinished:
                yield task

    def due(self, shard: str) -> Iterator[Due]:
        for task in self.unfinished():
            if task.id.endswith(shard):
                yield Due(task.id, schedule.overdue_at(task), archiving.links_die_at(task))

    def get_all(self, task_ids: Sequence[str]) -> list[Task]:
        assert len(task_ids) <= 100
        return [self.recorded[task_id] for task_id in task_ids if task_id in self.recorded]

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        wanted = (provider, provider_task_id)
        return [task for task in self.recorded.values() if (task.provider, task.provider_task_id) == wanted]

    def store_raw_response(self, task_id: str, reason: str, raw: bytes, now: datetime) -> None:
        self.raw_responses.append((task_id, reason, raw))

    def erase_raw_responses(self, task_id: str) -> None:
        self.raw_responses = [each for each in self.raw_responses if each[0] != task_id]
