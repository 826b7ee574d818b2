"""Room: gives tasks slots at their provider, one after the other, and starts the next one when one ends.

What a function leaves undone when it dies is mended by others: a lease runs out, and a task in line looks by itself
after a while. So no write here depends on another one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reelkeep.domain import room, transitions
from reelkeep.domain.errors import Misconfigured, TryLater
from reelkeep.domain.owner_settings import NOTHING_STOPPED, Stopped
from reelkeep.domain.room import Lease, Limit
from reelkeep.domain.task import DispatchStatus, Task
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers, Slots
from reelkeep.ports.tasks import Executions, Tasks
from reelkeep.services.end_reports import EndReports
from reelkeep.services.record import try_record

_ATTEMPTS = 4  # at a slot that others are after, too
_MOST_CHECKS = 20  # of leases that ran out, at a time
# For so long nothing limits a provider that had no limit. A limit that others learn meanwhile costs a refused call.
_UNLIMITED_FOR = timedelta(seconds=10)
_MOST_STARTS = 40  # by one function; those that end next start more


@dataclass(frozen=True, slots=True)
class Room:
    tasks: Tasks
    slots: Slots
    providers: Providers
    executions: Executions
    reports: EndReports
    clock: Clock
    stopped: Callable[[], Stopped] = lambda: NOTHING_STOPPED  # raises TryLater
    start_owners_next: Callable[[str], object] = lambda _: None  # in line for its limits; raises TryLater
    _unlimited: dict[str, datetime] = field(default_factory=dict)  # until when that is taken for granted, by line
    _limited: set[str] = field(default_factory=set)  # lines; what was learned may change, and is never forgotten

    def enter(self, task: Task, provider: Provider) -> str | None:
        """A slot for the billable call, "" if it needs none; None if it has to wait in line. Raises TryLater."""
        if room.waits_for_owner(task):
            return None
        if not room.needs_slot(task):
            return ""
        found = self._lease(task.id, provider, newcomer=not task.dispatch.slot)
        return found[0] if found else None

    def is_held(self, task: Task) -> bool:
        """Whether an operator does not want it started. Raises TryLater."""
        stopped = self.stopped()
        return task.provider in stopped.providers or task.owner in stopped.owners

    def join(self, task: Task, provider: Provider, slot: str = "") -> None:
        """Puts a task in line that is recorded as waiting, takes the slot that it had, and starts whose turn it is.
        Raises TryLater."""
        self.slots.join(room.waiting(task), self.clock())
        if slot:
            self.slots.give_back(provider.line, slot, task.id)
        if room.waits_for_owner(task):
            self.start_owners_next(task.owner)
        else:
            self._start_next(provider)

    def leave(self, task: Task) -> None:
        """The task has ended, or does not wait any more: its place goes to the next one. Raises TryLater."""
        waited = task.dispatch.status is DispatchStatus.WAITING
        if waited and room.waits_in_line(task):
            self.slots.withdraw(room.waiting(task))
        if task.dispatch.slot:
            self.slots.give_back(room.line_of(task), task.dispatch.slot, task.id)
            with suppress(Misconfigured):
                provider = self.providers.get(task.provider)
                if not self._is_unlimited(provider):  # else no task waits for its place
                    self._start_next(provider)

    def accepted(self, task: Task, provider: Provider) -> None:
        """The provider took it. If that shows that it takes more than we knew, more are started."""
        if not room.is_tried(task.dispatch.slot):
            return
        limit, leases = self._leases(provider)
        if limit:
            self.slots.learn(provider.line, room.accepted_more(len(leases), limit, self.clock()))
            self._start_next(provider)

    def refused(self, task: Task, provider: Provider) -> datetime | None:
        """The provider has as many tasks as it takes. The task has to wait until another one ends, or one more is
        tried, which is then. None if there is no other one of ours: it tries again by itself, and keeps its slot."""
        if not task.dispatch.slot:
            return None
        limit, leases = self._leases(provider, count=True)
        others = sum(lease.task_id != task.id for lease in leases)
        limit = room.refused(others, limit, self.clock())
        self._limited.add(provider.line)
        self.slots.learn(provider.line, limit)
        return limit.try_more_at if others else None

    # ----------------------------------------------------------------------------------------------------------

    def _start_next(self, provider: Provider) -> None:
        stopped: Stopped | None = None
        for _ in range(_MOST_STARTS):
            turns = self.slots.turns(provider.line)
            if turns and stopped is None:
                stopped = self.stopped()
            turn = room.next_turn(turn for turn in turns if stopped and turn.owner not in stopped.owners)
            if turn is None or (stopped and provider.name in stopped.providers):
                return
            waiting = self.slots.first(provider.line, turn.owner)
            if waiting is None:
                self.slots.end_turns(provider.line, turn)
                continue
            leased = self._lease(waiting.task_id, provider)
            if leased is None:
                return
            slot, is_new = leased
            if not self.slots.withdraw(waiting):  # another function starts it, or it was cancelled
                if is_new:
                    self.slots.give_back(provider.line, slot, waiting.task_id)
                continue
            self.slots.advance(provider.line, turn.owner, room.number_after(turns, self.clock()))
            self._start(waiting.task_id, slot, provider, is_new=is_new)

    def _start(self, task_id: str, slot: str, provider: Provider, *, is_new: bool) -> None:
        task, now = self.tasks.get(task_id), self.clock()
        started = task and try_record(task, lambda task: transitions.called_up(task, slot, now), tasks=self.tasks)
        if not started:
            if is_new:  # else it is at its provider, on this slot
                self.slots.give_back(provider.line, slot, task_id)
            return
        with suppress(TryLater):  # the run that waits gets there, later
            self.executions.start(replace(started, executions=started.executions + 1), wait_seconds=0)

    def _lease(self, task_id: str, provider: Provider, *, newcomer: bool = False) -> tuple[str, bool] | None:
        """The task's slot, and whether it is a new one; None if there is none free, or others wait for it."""
        for _ in range(_ATTEMPTS):
            now = self.clock()
            limit, leases = self._leases(provider)
            mine = next((lease.slot for lease in leases if lease.task_id == task_id), None)
            most = room.capacity(provider.slots, limit, now)
            slot = mine or room.free_slot(leases, most, limit, task_id)
            if slot is None:
                return None
            if newcomer and mine is None and most is not None and self.slots.is_waited_for(provider.line):
                return None
            if self.slots.lease(provider.line, Lease(slot, task_id, now + room.LEASE)):
                return slot, mine is None
        return None

    def _leases(self, provider: Provider, *, count: bool = False) -> tuple[Limit | None, list[Lease]]:
        """What was learned, and the leases that count; none if nothing limits them, unless `count` is set."""
        if not count and self._is_unlimited(provider):
            return None, []
        now, checks, found = self.clock(), 0, list[Lease]()
        limit, leases = self.slots.leases(provider.line)
        for lease in leases:
            if lease.until <= now and checks < _MOST_CHECKS:
                checks += 1
                if not room.holds(self.tasks.get(lease.task_id), lease, now):
                    self.slots.give_back(provider.line, lease.slot, lease.task_id)
                    continue
                self.slots.lease(provider.line, Lease(lease.slot, lease.task_id, now + room.LEASE))
            elif lease.until <= now and count:  # too many to check: it shows nothing of what the provider takes
                continue
            found.append(lease)
        return limit, found

    def _is_unlimited(self, provider: Provider) -> bool:
        """Nothing declares or has shown how many tasks it takes at once."""
        now, line = self.clock(), provider.line
        if provider.slots is not None or line in self._limited:
            return False
        if now >= self._unlimited.get(line, now):
            if self.slots.learned(line):
                self._limited.add(line)
                return False
            self._unlimited[line] = now + _UNLIMITED_FOR
        return True


@dataclass(frozen=True, slots=True)
class LearnSlots:
    """Asks the providers how many tasks they take at once, where the configuration does not say so."""

    slots: Slots
    providers: Providers
    clock: Clock

    def __call__(self) -> dict[str, int | str]:
        """The answer of each provider, by name, or why there is none. An error of one does not affect the others."""
        found: dict[str, int | str] = {}
        for provider in (each for account in self.providers.accounts() for each in account):
            try:
                if provider.slots is None and (told := provider.ask_slots()):
                    learned = self.slots.learned(provider.line)
                    self.slots.learn(provider.line, room.told(told, learned, self.clock()))
                    found[provider.name] = told
            except Exception as fault:
                found[provider.name] = repr(fault)
        return found
