"""Remove: what has not begun is cancelled; what ended is taken out of its owner's sight. The archive keeps it."""

from __future__ import annotations

from dataclasses import replace

from reelkeep.domain.task import Task
from reelkeep.ports import Caller, Clock, Providers, Tasks
from reelkeep.services.cancel import cancel
from reelkeep.services.query import show
from reelkeep.services.record import record


def remove(task_id: str, caller: Caller, *, tasks: Tasks, providers: Providers, clock: Clock) -> Task:
    """Raises CannotCancel for a task under way, NotFound if it is not this owner's, or was removed before."""
    task = show(task_id, caller, tasks=tasks)
    if not task.state.terminal:
        return cancel(task_id, caller, tasks=tasks, providers=providers, clock=clock)
    now = clock()
    return record(task, lambda task: replace(task, removed_at=now, updated_at=now), tasks=tasks)
