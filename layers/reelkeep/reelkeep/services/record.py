"""Records a change of a task under an optimistic lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reelkeep.domain.errors import Stale
from reelkeep.domain.task import Backward, Task
from reelkeep.ports.archive import Manifests
from reelkeep.ports.tasks import Tasks

_ATTEMPTS = 8

Change = Callable[[Task], Task]  # raises Backward if there is nothing to change any more


class Superseded(Exception):
    """A newer run has taken the task over. This one ends, and changes nothing any more."""


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


def write_latest_manifest(task: Task, *, tasks: Tasks, manifests: Manifests) -> None:
    """Writes it again if the task was changed meanwhile, so that a rebuilt table shows nothing out of date."""
    for _ in range(_ATTEMPTS):
        manifests.write_manifest(task)
        latest = read(task.id, tasks=tasks)
        if latest.version == task.version:
            return
        task = latest


def read(task_id: str, *, tasks: Tasks) -> Task:
    """Raises LookupError for a task that was never recorded: somebody made up an event."""
    task = tasks.get(task_id)
    if task is None:
        raise LookupError(f"no task {task_id}")
    return task


def read_in_run(task_id: str, run: int | None, *, tasks: Tasks) -> Task:
    """The task, whose next write takes it over for this run. Raises LookupError, Superseded.

    An execution that release 0.2.0 started knows no number, and goes on as the current run.
    """
    task = read(task_id, tasks=tasks)
    return task if run is None else _taken_over(task, run)


def record_in_run(task: Task, change: Change, *, tasks: Tasks) -> Task:
    """As `record`, for the run that read this task. Raises Superseded if a newer one has taken it over since."""
    run = task.executions
    recorded = record(task, lambda task: change(_taken_over(task, run)), tasks=tasks)
    return replace(recorded, executions=run)


def _taken_over(task: Task, run: int) -> Task:
    if task.executions > run:
        raise Superseded(f"run {task.executions} of task {task.id} has taken over from run {run}")
    return replace(task, executions=run)
