"""Remove: what has not begun is cancelled; what ended is taken out of its owner's sight. The archive keeps it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from reelkeep.domain import ids
from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.task import State, Task
from reelkeep.ports import Caller, Clock, Manifests, Providers, Tasks
from reelkeep.services.cancel import cancel
from reelkeep.services.query import show
from reelkeep.services.record import record


def remove(
    task_id: str,
    caller: Caller,
    keeps: Collection[State] = (),
    *,
    tasks: Tasks,
    manifests: Manifests,
    providers: Providers,
    clock: Clock,
) -> Task:
    """Raises CannotCancel for a task under way, or in a state that the dialect keeps in sight; NotFound if it is not
    this owner's, or was removed before."""
    try:
        task = show(task_id, caller, tasks=tasks)
    except NotFound:
        _keep_removal(task_id, caller, tasks=tasks, manifests=manifests)
        raise
    if task.state in keeps:
        raise CannotCancel(task.state)
    if not task.state.terminal:
        return cancel(task_id, caller, tasks=tasks, providers=providers, clock=clock)
    now = clock()
    task = record(task, lambda task: replace(task, removed_at=now, updated_at=now), tasks=tasks)
    manifests.write_manifest(task)  # or a rebuilt table would show it again
    return task


def _keep_removal(task_id: str, caller: Caller, *, tasks: Tasks, manifests: Manifests) -> None:
    """Who removes it again may never have heard that it is removed: the archive may not know yet."""
    task = tasks.get(task_id) if ids.is_task_id(task_id) else None
    if task is not None and task.owner == caller.owner and task.removed_at:
        manifests.write_manifest(task)
