"""Records a change of a task, whoever else is changing it at the same moment."""

from __future__ import annotations

from collections.abc import Callable

from reelkeep.domain.errors import Stale
from reelkeep.domain.task import Backward, Task
from reelkeep.ports import Tasks

_ATTEMPTS = 8


def record(task: Task, change: Callable[[Task], Task], *, tasks: Tasks) -> Task:
    """Applies the change to the task as it is now, and returns what is recorded afterwards.

    A change that would move the task back is not made: the task stays where it is.
    Raises Stale if others win every time.
    """
    for _ in range(_ATTEMPTS):
        try:
            return tasks.save(change(task))
        except Backward:
            return task
        except Stale:
            task = read(task.id, tasks=tasks)
    raise Stale(f"task {task.id} changes too often")


def read(task_id: str, *, tasks: Tasks) -> Task:
    """Raises LookupError for a task that was never recorded: somebody made up an event."""
    task = tasks.get(task_id)
    if task is None:
        raise LookupError(f"no task {task_id}")
    return task
