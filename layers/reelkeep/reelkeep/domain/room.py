"""Room at a provider: how many tasks it takes at once, which ones those are, and whose turn is next.

A task that goes to its provider holds a lease on one of the provider's slots until the provider is done with it. What
finds no slot free waits in line. Owners take turns, the one whose last turn is longest ago first; of one owner's
tasks the more urgent goes first, then the older one.

How many slots there are is declared, or learned: the provider's refusals show the limit, and from time to time one
task more is tried. So a limit that was learned from a passing shortage grows again.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from reelkeep.domain import schedule
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import DispatchStatus, Place, Priority, Task

HEADER = "Reelkeep-Priority"  # for dialects that have no field for it
LEASE = timedelta(minutes=5)  # then a task that finds no free slot checks whether this one is still at its provider
MOST_SLOTS = 10_000  # of a provider: their leases are read whenever one is looked for
MOST_COUNTED = 200  # of an owner's tasks in line, for a place in it
MOST_OWNERS = 50  # whose tasks are counted for it
COUNTED_FOR = timedelta(seconds=10)
_FIRST_PAUSE = timedelta(seconds=15)  # before one task more is tried, after a refusal that may be about the rate
_NEXT_PAUSE = timedelta(minutes=10)  # after the provider refused that one, too; doubles with every further one
_LONGEST_PAUSE = timedelta(hours=1)
_TOLD_FOR = timedelta(hours=6)
_TRIED = "+"  # ends the name of a slot beyond what was learned


@dataclass(frozen=True, slots=True)
class Lease:
    """A task's hold on a slot. After `until`, it counts only if the task's record says the same."""

    slot: str
    task_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Limit:
    """What a provider's refusals taught: how many tasks it takes at once, and when one more is tried."""

    slots: int
    try_more_at: datetime
    pause: timedelta = _FIRST_PAUSE


@dataclass(frozen=True, slots=True)
class InLine:
    """A task that waits in line. Sorted as it is among its owner's."""

    provider: str
    owner: str
    urgency: int  # lowest first
    task_id: str


@dataclass(frozen=True, slots=True)
class Turn:
    """An owner's place in the round."""

    owner: str
    number: int  # the owner with the lowest one is next
    joined: int = 0  # how often a task of this owner joined the line


def priority_of(text: str) -> Priority:
    """Of the header's value. Raises InvalidRequest."""
    try:
        return Priority(text.strip().lower())
    except ValueError:
        words = ", ".join(Priority)
        raise InvalidRequest(f"{HEADER} must be one of {words}", field=HEADER) from None


# --- slots ---


def needs_slot(task: Task) -> bool:
    """An off-peak task waits at its provider by design, for up to two days: it must not hold up others."""
    return not task.request.off_peak


def waits_for_owner(task: Task) -> bool:
    """Its owner has as many tasks at once as it may have, and wants others to wait."""
    return task.reservation is not None and task.reservation.queued


def waits_in_line(task: Task) -> bool:
    """Whether it is in line while it waits."""
    return waits_for_owner(task) or needs_slot(task)


def capacity(declared: int | None, learned: Limit | None, now: datetime) -> int | None:
    """How many tasks the provider may have at once; None if nothing limits them."""
    if learned is None:
        return declared
    slots = learned.slots + (now >= learned.try_more_at)
    return slots if declared is None else min(slots, declared)


def free_slot(leases: Collection[Lease], most: int | None, learned: Limit | None, task_id: str) -> str | None:
    """The slot that this task should try to lease; None if all are taken.

    Tasks that try at the same moment begin at different slots, so that they rarely collide. Without a limit
    each task has a slot of its own.
    """
    if most is None:
        return task_id
    if len(leases) >= most:
        return None
    taken = {lease.slot.rstrip(_TRIED) for lease in leases}
    free = [name for name in (f"{number:05}" for number in range(1, most + 1)) if name not in taken]
    name = free[crc32(task_id.encode()) % len(free)]
    return f"{name}{_TRIED}" if learned and len(leases) >= learned.slots else name


def is_tried(slot: str) -> bool:
    """Whether it is one more than the provider is known to take."""
    return slot.endswith(_TRIED)


def holds(task: Task | None, lease: Lease, now: datetime) -> bool:
    """Whether the task is still at its provider, by its own record, on the slot of a lease that ran out."""
    if task is None or task.is_generated or task.dispatch.slot != lease.slot:
        return False
    if task.dispatch.status is DispatchStatus.ACCEPTED:
        return True
    lost = task.dispatch.status in (DispatchStatus.STARTED, DispatchStatus.UNKNOWN)
    return lost and now - task.dispatched_at < schedule.LISTED_IN_ORDER_AFTER  # it is made by then, or never was


def refused(others: int, learned: Limit | None, now: datetime) -> Limit:
    """The provider refused a task while it had so many `others` of ours."""
    if learned is None or 2 * others < learned.slots:  # it took far more before
        pause = _FIRST_PAUSE
    elif now < learned.try_more_at:  # several were sent at once: one refusal is as good as another
        pause = learned.pause
    else:
        pause = min(max(2 * learned.pause, _NEXT_PAUSE), _LONGEST_PAUSE)
    return Limit(max(1, others), now + pause, pause)


def told(slots: int, learned: Limit | None, now: datetime) -> Limit:
    """The provider says itself what it takes. It is asked again before more is tried. If it refused some of these a
    little while ago, others use the account, too: what that taught holds until more is tried."""
    if learned and learned.slots < slots and now < learned.try_more_at <= now + _LONGEST_PAUSE:
        return learned
    return Limit(min(slots, MOST_SLOTS), now + _TOLD_FOR)


def accepted_more(leases: int, learned: Limit, now: datetime) -> Limit:
    """The provider took the one more that was tried; the next one is tried at once."""
    return replace(learned, slots=min(max(learned.slots, leases), MOST_SLOTS), try_more_at=now)


# --- the line ---


def line_of(task: Task) -> str:
    """Whose slots it takes: its provider's, or those of an account that several providers share. Before that, its
    owner's."""
    return owners_line(task.owner) if waits_for_owner(task) else task.dispatch.line or task.provider


def owners_line(owner: str) -> str:
    """Of tasks that wait until another one of their owner ends. No provider has such a name."""
    return f"owner:{owner}"


def waiting(task: Task) -> InLine:
    return InLine(line_of(task), task.owner, list(Priority).index(task.request.priority), task.id)


def next_turn(turns: Iterable[Turn]) -> Turn | None:
    return min(turns, key=_order, default=None)


def number_after(turns: Iterable[Turn], now: datetime) -> int:
    """Of the turn after all that there are. Who joins the round later begins with the time of that moment, too."""
    return max(joining_number(now), *(turn.number + 1 for turn in turns))


def joining_number(now: datetime) -> int:
    """Microseconds: an owner who joins the round comes after those who wait since before."""
    return int(now.timestamp() * 1_000_000)


def position(task: InLine, line: Sequence[InLine], turns: Sequence[Turn]) -> int:
    """Its position among those to start, from 1, if no other task comes."""
    order = {turn.owner: _order(turn) for turn in turns}
    own = order.get(task.owner, (sys.maxsize, task.owner))  # it joined the round since that was read
    before: dict[str, int] = {}
    for each in line:
        before[each.owner] = before.get(each.owner, 0) + 1
    rounds = _own_before(task, line)
    others = (
        min(count, rounds + (order.get(owner, (0, owner)) < own))
        for owner, count in before.items()
        if owner != task.owner
    )
    return rounds + sum(others) + 1


def place(
    task: Task, line: Sequence[InLine], turns: Sequence[Turn], held: int, usual_seconds: float, now: datetime
) -> Place:
    """Where the task is in line, of which the first `MOST_COUNTED` of each owner are known. While others wait, all
    slots are `held`."""
    number = position(waiting(task), line, turns)
    seconds = number * usual_seconds / max(1, held)
    at_least = _own_before(waiting(task), line) >= MOST_COUNTED or len(turns) > MOST_OWNERS
    return Place(number, now + timedelta(seconds=seconds), at_least)


def counted(turns: Iterable[Turn]) -> list[str]:
    """The owners whose tasks are counted: those whose turns are next."""
    return [turn.owner for turn in sorted(turns, key=_order)[:MOST_OWNERS]]


def _own_before(task: InLine, line: Iterable[InLine]) -> int:
    """How many tasks of the same owner start before this one."""
    return sum(each.owner == task.owner and _urgency(each) < _urgency(task) for each in line)


def _order(turn: Turn) -> tuple[int, str]:
    return turn.number, turn.owner


def _urgency(waiting: InLine) -> tuple[int, str]:
    return waiting.urgency, waiting.task_id
