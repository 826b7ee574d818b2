"""The counts that limits are checked by: what they lack is counted, and what is too high is repaired."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from reelkeep.domain import ledger, room
from reelkeep.domain.counts import ZERO, Changes, Counts, Demand, days_counted, rebuilt, reserved
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import Reservation, Task
from reelkeep.ports.owners import Counters, Ledger
from reelkeep.ports.platform import Clock, SecondsLeft
from reelkeep.ports.providers import Slots
from reelkeep.ports.tasks import Tasks
from reelkeep.services.record import read

_SETTLED = timedelta(minutes=10)  # the ledger follows a submission by seconds
_PAGE = 100
_MOST_UNDER_WAY = 500  # tasks that are counted at a time, with some 20 ms for each
_MOST_OWNERS = 500  # whose counts one sweep reads
_MOST_COMPARED = 20  # whose ledgers it sums up, with some 40 queries for each
_MOST_FOLLOWED = 1000  # tasks of an owner whose entries it reads
_RESERVE = 30.0  # seconds
_ATTEMPTS = 4  # at a task that others change at the same moment


@dataclass(frozen=True, slots=True)
class Compared:
    """An owner's counts, and what the ledger says."""

    owner: str
    known: Counts
    right: Changes  # of those that are wrong

    @property
    def wrong(self) -> dict[str, str]:
        """By count: "3 instead of 4"."""
        return {name: f"{self.known.get(name, 0)} instead of {right}" for name, right in self.right.items()}


@dataclass(frozen=True, slots=True)
class RepairCounts:
    """Makes counts that are too high what the ledger says: a function died between counting and recording a task.

    Only where no submission was counted for some minutes: the ledger knows all of them then.
    """

    counters: Counters
    ledger: Ledger
    clock: Clock
    queued: Callable[[str], int] = lambda _: 0  # of its tasks wait until others of its end; raises TryLater

    def __call__(self, owner: str, counters: Collection[str], *, repair: bool = True) -> dict[str, str]:
        """What is wrong. `counters` are the owner's, "", and those of its keys."""
        compared = self.compare(owner, counters, self.counters.counts(owner))
        return {} if compared is None or (repair and not self.write(compared)) else compared.wrong

    def compare(self, owner: str, counters: Collection[str], known: Counts) -> Compared | None:
        """None if it is too early to tell."""
        now = self.clock()
        if not known or _changed_at(known) > now - _SETTLED:
            return None
        counts = sum_up(owner, counters, known, self.ledger, now)
        if counts.get("at_once"):  # after the sums were read: what has left the line since changed the counts
            counts["at_once"] = max(counts["at_once"] - self.queued(owner), ZERO)
        return Compared(owner, known, {name: right for name, right in counts.items() if right != known.get(name, 0)})

    def write(self, compared: Compared) -> bool:
        """Also that they were compared. Whether it did: not if they have just changed."""
        checked = {"checked_at": Decimal(compared.known.get("changed_at", 0))}
        return self.counters.rebuild(compared.owner, {**compared.right, **checked}, compared.known)


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """Repairs the counts of all owners that have limits.

    An owner costs one read if nothing was counted for it since its counts were compared last. Where the ledger lacks
    entries of a task, because the table's stream is late, nothing is repaired: a count must not be too low.
    """

    counters_of: Callable[[], Mapping[str, Collection[str]]]  # of owners with limits
    repair: RepairCounts
    count_under_way: CountUnderWay
    tasks: Tasks
    clock: Clock

    def __call__(self, seconds_left: SecondsLeft) -> int:
        """How many owners' counts were repaired."""
        repaired, compared = 0, 0
        for owner, counters in self._some(self.counters_of()):
            if seconds_left() < _RESERVE or compared == _MOST_COMPARED:
                break
            with suppress(TryLater):  # the next sweep is soon
                known = self.repair.counters.counts(owner)
                if known.get("checked_at", 0) == known.get("changed_at", 0):
                    continue
                found = self.repair.compare(owner, counters, known)
                if found is None:
                    continue
                compared += 1
                if found.right:
                    if self.count_under_way(owner) or not self._is_entered(found):
                        continue
                    # Once more: what the ledger entered since the first sums would be lacking in them.
                    found = self.repair.compare(owner, counters, known)
                    if found is None:
                        continue
                repaired += self.repair.write(found) and bool(found.right)
        return repaired

    def _some(self, owners: Mapping[str, Collection[str]]) -> Iterator[tuple[str, Collection[str]]]:
        """Others each time, if there are very many."""
        names = sorted(owners)
        first = int(self.clock().timestamp() // 60) * _MOST_OWNERS if len(names) > _MOST_OWNERS else 0
        for number in range(min(len(names), _MOST_OWNERS)):
            name = names[(first + number) % len(names)]
            yield name, owners[name]

    def _is_entered(self, found: Compared) -> bool:
        """Whether the ledger has all of what was submitted since the last time. Counts and ledger change together
        from then on."""
        since = datetime.fromtimestamp(int(found.known.get("checked_at", 0)), UTC)
        begins = max(since, datetime.combine(days_counted(self.clock().date())[0], datetime.min.time(), UTC))
        for number, task in enumerate(_each(self.tasks, found.owner, Filter(created_from=begins - _SETTLED))):
            if number == _MOST_FOLLOWED or (task.reservation and not self.repair.ledger.entries(task.id)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class CountUnderWay:
    """Counts an owner's tasks that were submitted before it had limits, and are under way."""

    tasks: Tasks
    ledger: Ledger
    clock: Clock

    def __call__(self, owner: str) -> int:
        """How many; there may be more after many. Raises TryLater."""
        found = 0
        for task in _each(self.tasks, owner, Filter(unfinished=True)):
            found += self._count(task)
            if found == _MOST_UNDER_WAY:
                break
        return found

    def _count(self, task: Task) -> bool:
        """In the write that notes it with the task: what becomes of the task changes the counts from then on."""
        for _ in range(_ATTEMPTS):
            if task.reservation or task.is_generated or task.state.terminal:
                return False
            currency = task.price.currency if task.price and task.price.each is not None else ""
            reservation = Reservation(
                id=secrets.token_hex(8), counters=("",), money=ledger.cost(task)[2] or ZERO, currency=currency
            )
            add: Changes = {"at_once": Decimal(1)}  # the sums of the ledger brought the rest
            if not self.ledger.entries(task.id):
                add = reserved(reservation, task.created_at)
            try:
                self.tasks.save_counted(
                    replace(task, reservation=reservation), Demand(add=add, most={}), self.clock()
                )
            except Stale:
                task = read(task.id, tasks=self.tasks)
            else:
                return True
        raise Stale(f"task {task.id} changes too often")


def count_queued(owner: str, *, slots: Slots, tasks: Tasks) -> int:
    """How many of its tasks wait until others of its end, for certain. Raises TryLater."""
    line = slots.line(room.owners_line(owner), owner, room.MOST_SLOTS)
    found = (tasks.get(each.task_id) for each in line)
    return sum(task is not None and room.waits_for_owner(task) and not task.state.terminal for task in found)


def sum_up(owner: str, counters: Collection[str], known: Counts, ledger: Ledger, now: datetime) -> dict[str, Decimal]:
    """What the counts are by the ledger."""
    today = now.date()
    sums = (each for day in days_counted(today) for each in ledger.sums(day, owner))
    return rebuilt(sums, counters, known, today)


def _changed_at(known: Counts) -> datetime:
    return datetime.fromtimestamp(int(known.get("changed_at", 0)), UTC)


def _each(tasks: Tasks, owner: str, chosen: Filter) -> Iterator[Task]:
    """Hidden ones, too."""
    for hidden in (False, True):
        cursor, is_more = "", True
        while is_more:
            listing = Listing(filter=replace(chosen, hidden=hidden), size=_PAGE, cursor=cursor, oldest_first=True)
            page = tasks.page(owner, listing)
            yield from page.tasks
            cursor = page.next_cursor
            is_more = bool(cursor)
