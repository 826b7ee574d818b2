"""Records a change of a task, whoever else is changing it at the same moment."""

from __future__ import annotations

from collections.abc import Callable

from reelkeep.domain.errors import Stale
from reelkeep.domain.task import Backward, Task
from reelkeep.ports import Tasks

_ATTEMPTS = 8

Change = Callable[[Task], Task]  # raises Backward if there is nothing to change any more


def record(task: Task, change: Change, *, tasks: Tasks) -> Task:
    """The task as it is recorded afterwards: with the change, or as it is if the change comes too late.

    Raises Stale if others win every time.
    """
    latest = task

    def noted(task: Task) -> Task:
        nonlocal latest
        latest = task
        return change(task)

    return try_record(task, noted, tasks=tasks) or latest


def try_record(task: Task, change: Change, *, tasks: Tasks) -> Task | None:
    """The changed task, or None if the change comes too late. Raises Stale if others win every time."""
    for _ in range(_ATTEMPTS):
        try:
            return tasks.save(change(task))
        except Backward:
            return None
        except Stale:
            task = read(task.id, tasks=tasks)
    raise Stale(f"task {task.id} changes too often")


def read(task_id: str, *, tasks: Tasks) -> Task:
    """Raises LookupError for a task that was never recorded: somebody made up an event."""
    task = tasks.get(task_id)
    if task is None:
        raise LookupError(f"no task {task_id}")
    return task
