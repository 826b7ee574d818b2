"""Sweep: give every unfinished task without a running execution a new one, and tell operators what is in danger."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.notices import alerts
from reelkeep.domain.task import Task
from reelkeep.ports import Clock, Executions, Notices, SecondsLeft, Tasks
from reelkeep.services.record import record

_GRACE = timedelta(minutes=10)  # a look that late means that nobody is looking; what is well is kept by then
_LINKS_LIVE = timedelta(hours=24)  # if they do not say
_FIRST_PATIENCE = timedelta(minutes=10)  # with an execution that records nothing; doubles with every further one
_LONGEST_PATIENCE = timedelta(hours=6)
_RESERVE = 60.0  # seconds of the function's time in which operators are told


@dataclass(frozen=True, slots=True)
class Swept:
    unfinished: int
    restarted: int
    links_expiring_soon: int  # tasks about to lose a link to something that is not kept
    left: int = 0  # for the next time: there was no more time, or nobody could say whether they are watched


def sweep(
    *,
    tasks: Tasks,
    executions: Executions,
    notices: Notices,
    soon: timedelta,
    clock: Clock,
    seconds_left: SecondsLeft,
    everything: bool = False,
) -> Swept:
    """What is nearest to losing its links goes first. Operators are told once of a task that loses one so `soon`.

    With `everything`, also tasks that are not overdue are checked: after a restart of the local cloud.
    Raises TryLater in the end if nobody can say of any task whether it is watched.
    """
    unfinished = 0
    now, unwatched = clock(), []
    expiring: list[Task] = []
    for task in tasks.unfinished():
        unfinished += 1
        if _in_danger(task, now, soon):
            expiring.append(task)
        if everything or now >= (task.next_look_at or task.updated_at) + _GRACE:
            unwatched.append(task)
    unwatched.sort(key=_loses_its_links_at)
    restarted, looked_at, left = 0, 0, len(unwatched)
    fault: TryLater | None = None
    for task in unwatched:
        if seconds_left() < _RESERVE:
            break
        try:
            watched = executions.running(task)
        except TryLater as error:  # the others must not wait for it
            fault = error
            continue
        looked_at, left = looked_at + 1, left - 1
        if not watched:
            with suppress(TryLater):
                restarted += restart(task, tasks=tasks, executions=executions, now=now)
    for task in expiring:  # after everything that saves them
        if task.warned_at is None:
            _warn(task, now, tasks=tasks, notices=notices)
    if fault and not looked_at:
        raise fault
    return Swept(unfinished, restarted, len(expiring), left)


def _warn(task: Task, now: datetime, *, tasks: Tasks, notices: Notices) -> None:
    event = alerts.links_expiring(task, now)
    notices.publish(event, alerts.attributes(task, event))
    record(task, lambda task: replace(task, warned_at=now), tasks=tasks)


def _in_danger(task: Task, now: datetime, soon: timedelta) -> bool:
    """Not so while it has only just been made: a cover's link may live for one hour from the beginning."""
    dies_at, made_at = task.links_die_at, task.succeeded_at or task.updated_at
    return dies_at is not None and dies_at - now < soon and now - made_at >= _GRACE


def _loses_its_links_at(task: Task) -> datetime:
    """Of a task without links, when it would if it had just been made when it was last looked at."""
    return task.links_die_at or (task.succeeded_at or task.updated_at) + _LINKS_LIVE


def restart(task: Task, *, tasks: Tasks, executions: Executions, now: datetime) -> bool:
    """Gives it an execution under the next number. Whether it did: not if somebody is at work on the task.

    The next look is put off for longer each time, and every look that succeeds sets it anew. So a task that no
    execution gets on with does not fill the dead-letter queue. Raises TryLater.
    """
    patience = min(_FIRST_PATIENCE * 2 ** min(task.runs, 10), _LONGEST_PATIENCE)
    try:
        task = tasks.save(replace(task, runs=task.runs + 1, next_look_at=now + patience))
    except Stale:  # somebody is at work on it
        return False
    executions.start(task, wait_seconds=1)
    return True
