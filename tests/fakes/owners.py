"""Keys, counts and the ledger, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from math import ceil
from threading import Lock

from reelkeep.domain import counts
from reelkeep.domain.counts import NUMBER, Changes, Counts, Demand
from reelkeep.domain.errors import Stale
from reelkeep.domain.ledger import MOST_TAGS, Account, Balance, Entry
from reelkeep.domain.task import Task
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock


@dataclass
class FakeCounters:
    """As the table keeps them, by owner. Whatever is counted is counted by one at a time."""

    held: dict[str, dict[str, Decimal | str]] = field(default_factory=dict)
    given_back: set[str] = field(default_factory=set)
    writes: int = 0  # that were tried
    lock: Lock = field(default_factory=Lock)

    def counts(self, owner: str) -> Counts:
        return {**self.held.get(owner, {})}

    def reserve(self, owner: str, demand: Demand, now: datetime) -> Counts | int:
        with self.lock:
            refusing = self._demand(owner, replace(demand, add={**demand.add, NUMBER: Decimal(1)}), now)
            return int(self.held[owner][NUMBER]) if refusing is None else refusing

    def demand(self, owner: str, demand: Demand, now: datetime) -> Counts | None:
        """As a part of a transaction."""
        with self.lock:
            return self._demand(owner, demand, now)

    def _demand(self, owner: str, demand: Demand, now: datetime) -> Counts | None:
        self.writes += 1
        there = self.held.get(owner, {})
        if not (
            all(Decimal(there.get(name, 0)) <= most or name not in there for name, most in demand.most.items())
            # A count is a number or a day by its name, so the two that are compared are of one type.
            and all(name in there and there[name] >= least for name, least in demand.since.items())  # type: ignore[operator]
            and all(name not in there or there[name] < value for name, value in demand.begin.items())  # type: ignore[operator]
        ):
            return {**there}
        changed_at = {"changed_at": Decimal(ceil(now.timestamp()))}
        self.held[owner] = {**there, **demand.begin, **demand.set, **changed_at}
        self._add(owner, demand.add)
        return None

    def give_back(self, owner: str, changes: Changes, token: str) -> None:
        if token not in self.given_back:
            self.given_back.add(token)
            self.change(owner, {name: -value for name, value in changes.items()})

    def change(self, owner: str, changes: Changes) -> None:
        with self.lock:
            self._add(owner, changes)

    def _add(self, owner: str, changes: Changes) -> None:
        for name, value in changes.items():
            there = self.held.setdefault(owner, {})
            there[name] = Decimal(there.get(name, 0)) + value

    def warned(self, owner: str, name: str, amount: Decimal) -> None:
        with self.lock:
            there = self.held.setdefault(owner, {})
            there[name] = max(Decimal(there.get(name, 0)), amount)

    def forget(self, owner: str, names: Collection[str]) -> None:
        assert len(names) <= 200  # an expression has 4 KB
        with self.lock:
            self.held[owner] = {name: there for name, there in self.held[owner].items() if name not in names}

    def rebuild(self, owner: str, counts: Changes, known: Counts | None = None) -> bool:
        with self.lock:
            there = self.held.get(owner, {})
            if known is not None and any(
                there.get(name) != known.get(name) for name in {*counts, "changed_at", NUMBER}
            ):
                return False
            self.held[owner] = {**there, **counts}
        return True


@dataclass
class FakeLedger:
    written: dict[str, list[Entry]] = field(default_factory=dict)
    summed: dict[Account, Balance] = field(default_factory=dict)
    tags: dict[tuple[str, date], set[tuple[str, ...]]] = field(default_factory=dict)  # by owner and day
    counters: FakeCounters = field(default_factory=lambda: FakeCounters())
    clock: Clock = lambda: datetime.now(UTC)

    def entries(self, task_id: str) -> list[Entry]:
        return [*self.written.get(task_id, ())]

    def add(self, task: Task, before: Sequence[Entry], entries: Sequence[Entry]) -> None:
        there = self.written.setdefault(task.id, [])
        if any(entry.number < len(there) for entry in entries):
            raise Stale(f"the ledger of task {task.id} has such an entry")
        self.counters.change(task.owner, counts.settled(task, before, entries, self.clock().date()))
        there += entries
        for entry in entries:
            self.summed[entry.account] = self.summed.get(entry.account, Balance()) + entry.change

    def admits(self, owner: str, day: date, tags: tuple[str, ...]) -> bool:
        known = self.tags.setdefault((owner, day), set())
        if tags not in known and len(known) >= MOST_TAGS:
            return False
        known.add(tags)
        return True

    def sums(self, day: date, owner: str | None) -> Iterator[tuple[Account, Balance]]:
        for account, balance in self.summed.items():
            if account.day == str(day) and owner in (None, account.owner):
                yield account, balance


@dataclass
class FakeKeys:
    callers: dict[str, Caller] = field(default_factory=dict)  # by key

    def caller(self, key: str) -> Caller | None:
        return self.callers.get(key)
