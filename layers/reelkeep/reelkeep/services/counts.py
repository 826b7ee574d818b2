"""The counts that limits are checked by: what they lack is counted, and what is too high is repaired."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from reelkeep.domain import ledger, room
from reelkeep.domain.counts import NUMBER, ZERO, Changes, Counts, Demand, days_counted, outdated, rebuilt, reserved
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import Reservation, Task
from reelkeep.ports.owners import Counters, Ledger
from reelkeep.ports.platform import Clock, SecondsLeft
from reelkeep.ports.providers import Slots
from reelkeep.ports.tasks import Tasks
from reelkeep.services.record import read

_SETTLED = timedelta(minutes=3)  # a submission is counted 65 s after its task's time at most, and recorded 30 s later
_FOLLOWED_WITHIN = timedelta(hours=25)  # or never: the table's stream keeps a change for 24 hours
_PAGE = 100
_MOST_UNDER_WAY = 500  # tasks that are counted at a time, with some 20 ms for each
_MOST_OWNERS = 500  # whose counts one sweep reads
_MOST_COMPARED = 50  # that it compares with the ledger, with some 40 queries for each that may be repaired
_MOST_FOLLOWED = 5000  # tasks of an owner whose entries it reads, with some 5 ms for each
_RESERVE = 60.0  # seconds
_ATTEMPTS = 4  # at a task that others change at the same moment


@dataclass(frozen=True, slots=True)
class RepairCounts:
    """Makes counts that are too high what the ledger says: a function died between counting and recording a task.

    Only where every submission that was counted is recorded, or never will be, and where the ledger has entries of
    every task: it lacks some while the table's stream is late, and a count must not be too low.
    """

    counters: Counters
    ledger: Ledger
    tasks: Tasks
    clock: Clock
    queued: Callable[[str], int] = lambda _: 0  # of its tasks wait until others of its end; raises TryLater

    def __call__(self, owner: str, counters: Collection[str], *, repair: bool = True) -> dict[str, str]:
        """What is wrong, by count: "3 instead of 4". `counters` are the owner's, "", and those of its keys. Raises
        TryLater."""
        known = self.counters.counts(owner)
        if not self._is_settled(owner, known):
            return {}
        right = self._right(owner, counters, known)
        if right:
            if repair and CountUnderWay(self.tasks, self.ledger, self.clock)(owner):
                return {}  # these changed the counts
            if not self._is_entered(owner, known):
                return {}
            right = self._right(owner, counters, known)  # with what was entered while that was looked at
        if repair:
            checked = {"checked_at": Decimal(known.get("changed_at", 0))}
            if not self.counters.rebuild(owner, {**right, **checked}, known):  # they have just changed
                return {}
        return {name: f"{known.get(name, 0)} instead of {count}" for name, count in right.items()}

    def _is_settled(self, owner: str, known: Counts) -> bool:
        """Whether the functions that counted are over: nothing was counted for some minutes, or everything since is
        recorded, and the ledger has it."""
        settled_at = self.clock() - _SETTLED
        if not known or _moment(known, "changed_at") <= settled_at:
            return bool(known)
        recent = _each(self.tasks, owner, Filter(created_from=settled_at - _SETTLED))
        numbered = {task.reservation.number: task for task in recent if task.reservation and task.reservation.number}
        over = max((number for number, task in numbered.items() if task.created_at <= settled_at), default=None)
        if over is None:
            return False
        since = range(over + 1, int(known.get(NUMBER, 0)) + 1)
        return all(number in numbered and self.ledger.entries(numbered[number].id) for number in since)

    def _right(self, owner: str, counters: Collection[str], known: Counts) -> dict[str, Decimal]:
        """What is to stand in the place of the counts that are wrong."""
        counts = sum_up(owner, counters, known, self.ledger, self.clock())
        if counts.get("at_once"):  # after the sums were read: what has left the line since changed the counts
            counts["at_once"] = max(counts["at_once"] - self.queued(owner), ZERO)
        return {name: right for name, right in counts.items() if right != known.get(name, 0)}

    def _is_entered(self, owner: str, known: Counts) -> bool:
        """Whether the ledger has all of what was submitted since the last repair. Counts and ledger change together
        from then on."""
        since = max(_moment(known, "checked_at"), self.clock() - _FOLLOWED_WITHIN) - _SETTLED
        for number, task in enumerate(_each(self.tasks, owner, Filter(created_from=since))):
            if number == _MOST_FOLLOWED or (task.reservation and not self.ledger.entries(task.id)):
                return False
        return True


@dataclass(frozen=True, slots=True)
class SweepCounts:
    """Repairs the counts of all owners that have limits, and forgets those of days and months that are over.

    An owner costs one read if nothing was counted for it since its counts were compared last.
    """

    counters_of: Callable[[], Mapping[str, Collection[str]]]  # of owners with limits
    repair: RepairCounts
    clock: Clock

    def __call__(self, seconds_left: SecondsLeft) -> int:
        """How many owners' counts were repaired."""
        repaired, compared = 0, 0
        for owner, counters in self._some(self.counters_of()):
            if seconds_left() < _RESERVE or compared == _MOST_COMPARED:
                break
            with suppress(TryLater):  # the next sweep is soon
                known = self._without_outdated(owner, self.repair.counters.counts(owner))
                if known.get("checked_at", 0) == known.get("changed_at", 0):
                    continue
                compared += 1
                repaired += bool(self.repair(owner, counters))
        return repaired

    def _without_outdated(self, owner: str, known: Counts) -> Counts:
        """Raises TryLater."""
        while names := outdated(known, self.clock().date()):
            self.repair.counters.forget(owner, names)
            known = {name: there for name, there in known.items() if name not in names}
        return known

    def _some(self, owners: Mapping[str, Collection[str]]) -> list[tuple[str, Collection[str]]]:
        """In another order each time, so that owners who cannot be repaired do not keep the same ones waiting."""
        random = Random(self.clock().timestamp())  # noqa: S311 - no secret
        return random.sample(sorted(owners.items()), min(len(owners), _MOST_OWNERS))


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


def _moment(known: Counts, name: str) -> datetime:
    return datetime.fromtimestamp(int(known.get(name, 0)), UTC)


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
