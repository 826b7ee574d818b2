"""Sweep: give every unfinished task without a running execution a new one, and count what is in danger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain.errors import Stale
from reelkeep.domain.task import Task
from reelkeep.ports import Clock, Executions, Tasks

_GRACE = timedelta(minutes=10)  # a look that late means that nobody is looking
_SOON = timedelta(hours=4)
_FIRST_PATIENCE = timedelta(minutes=10)  # with an execution that records nothing; doubles with every further one
_LONGEST_PATIENCE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Swept:
    unfinished: int
    restarted: int
    links_expiring_soon: int  # tasks within four hours of losing a link to something that is not kept


def sweep(*, tasks: Tasks, executions: Executions, clock: Clock, everything: bool = False) -> Swept:
    """With `everything`, also tasks that are not overdue are checked: after a restart of the local cloud."""
    unfinished = restarted = expiring = 0
    for task in tasks.unfinished():
        now = clock()
        unfinished += 1
        expiring += _expires_soon(task, now)
        overdue = now >= (task.next_look_at or task.updated_at) + _GRACE
        if (everything or overdue) and not executions.running(task):
            restarted += restart(task, tasks=tasks, executions=executions, now=now)
    return Swept(unfinished, restarted, expiring)


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


def _expires_soon(task: Task, now: datetime) -> bool:
    deaths = (
        asset.expires_at
        for creation in task.creations
        for asset in creation.assets
        if asset.kept is None and not asset.lost and asset.expires_at
    )
    return any(death - now < _SOON for death in deaths)
