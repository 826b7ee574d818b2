"""What is known of providers, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from reelkeep.domain.drift import Reading
from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.room import InLine, Lease, Limit, Turn, joining_number
from reelkeep.domain.watch import WATCH


@dataclass
class FakeDurations:
    """How long tasks took, in memory."""

    by_provider: dict[str, dict[Combination, dict[int, End]]] = field(default_factory=dict)

    def known(self, provider: str) -> Known:
        return Known({combination: dict(ends) for combination, ends in self.by_provider.get(provider, {}).items()})

    def learn(self, provider: str, combination: Combination, place: int, end: End) -> None:
        self.by_provider.setdefault(provider, {}).setdefault(combination, {})[place] = end


@dataclass
class FakeSlots:
    """Providers' slots in memory."""

    limits: dict[str, Limit] = field(default_factory=dict)
    held: dict[tuple[str, str], Lease] = field(default_factory=dict)  # by provider and slot
    waiting: dict[tuple[str, str], dict[str, InLine]] = field(default_factory=dict)  # by provider and owner
    rounds: dict[tuple[str, str], Turn] = field(default_factory=dict)  # by provider and owner
    looking: dict[tuple[str, str], datetime] = field(default_factory=dict)  # by provider and name
    watches: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # by provider: name, and until when

    def learned(self, provider: str) -> Limit | None:
        return self.limits.get(provider)

    def learn(self, provider: str, limit: Limit) -> None:
        self.limits[provider] = limit

    def leases(self, provider: str) -> tuple[Limit | None, list[Lease]]:
        held = [lease for (where, _), lease in list(self.held.items()) if where == provider]
        return self.limits.get(provider), held

    def lease(self, provider: str, lease: Lease) -> bool:
        holder = self.held.setdefault((provider, lease.slot), lease)
        if holder.task_id != lease.task_id:
            return False
        self.held[provider, lease.slot] = lease
        return True

    def give_back(self, provider: str, slot: str, task_id: str) -> None:
        lease = self.held.get((provider, slot))
        if lease and lease.task_id == task_id:
            del self.held[provider, slot]

    def end_reports(self, provider: str, most_held: int = 0) -> tuple[dict[str, datetime], int]:
        reports = {name: until for (where, name), until in list(self.looking.items()) if where == provider}
        return reports, min(most_held, sum(where == provider for where, _ in list(self.held)))

    def record_end_report(self, provider: str, name: str, until: datetime) -> None:
        self.looking[provider, name] = until

    def hold_watch(self, provider: str, name: str, until: datetime, now: datetime) -> bool:
        holder, held_until = self.watches.get(provider, (name, now))
        if holder != name and held_until > now:
            return False
        self.watches[provider], self.looking[provider, WATCH] = (name, until), until
        return True

    def join(self, waiting: InLine, now: datetime) -> None:
        key = waiting.provider, waiting.owner
        self.waiting.setdefault(key, {})[waiting.task_id] = waiting
        turn = self.rounds.get(key, Turn(waiting.owner, joining_number(now)))
        self.rounds[key] = replace(turn, joined=turn.joined + 1)

    def withdraw(self, waiting: InLine) -> bool:
        return self.waiting.get((waiting.provider, waiting.owner), {}).pop(waiting.task_id, None) is not None

    def is_waited_for(self, provider: str) -> bool:
        return any(where == provider for where, _ in self.rounds)

    def turns(self, provider: str) -> list[Turn]:
        return [turn for (where, _), turn in self.rounds.items() if where == provider]

    def first(self, provider: str, owner: str) -> InLine | None:
        line = self.waiting.get((provider, owner), {}).values()
        return min(line, key=lambda each: (each.urgency, each.task_id), default=None)

    def count_line(self, provider: str) -> tuple[int, bool]:
        return sum(len(line) for (where, _), line in self.waiting.items() if where == provider), False

    def line(self, provider: str, owner: str, most: int) -> list[InLine]:
        line = self.waiting.get((provider, owner), {}).values()
        return sorted(line, key=lambda each: (each.urgency, each.task_id))[:most]

    def advance(self, provider: str, owner: str, number: int) -> None:
        if turn := self.rounds.get((provider, owner)):
            self.rounds[provider, owner] = replace(turn, number=number)

    def end_turns(self, provider: str, turn: Turn) -> None:
        known = self.rounds.get((provider, turn.owner))
        if known and known.joined == turn.joined:
            del self.rounds[provider, turn.owner]


@dataclass
class FakeBalances:
    readings: dict[str, Reading] = field(default_factory=dict)

    def last(self, account: str) -> Reading | None:
        return self.readings.get(account)

    def save(self, account: str, reading: Reading) -> None:
        self.readings[account] = reading


@dataclass
class FakeSeenCallbacks:
    """`fault` is raised by whatever wants to write."""

    known: set[tuple[str, str]] = field(default_factory=set)  # by provider
    until: datetime | None = None  # for how long the last one is to be known
    fault: BaseException | None = None

    def contains(self, provider: str, name: str) -> bool:
        return (provider, name) in self.known

    def add(self, provider: str, name: str, until: datetime) -> None:
        if self.fault:
            raise self.fault
        self.known.add((provider, name))
        self.until = until
