"""Remove: what has not begun is cancelled; what ended is taken out of its owner's sight. The archive keeps it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from reelkeep.domain import ids
from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.task import State, Task
from reelkeep.ports import Caller, Clock, Manifests, Tasks
from reelkeep.services.query import show
from reelkeep.services.record import record


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a task from its owner's sight."""

    tasks: Tasks
    manifests: Manifests
    cancel: Callable[[str, Caller], Task]
    clock: Clock

    def __call__(self, task_id: str, caller: Caller, keeps: Collection[State] = ()) -> Task:
        """Raises CannotCancel for a task under way, or in a state that the dialect keeps in sight; NotFound if it is
        not this owner's, or was removed before."""
        try:
            task = show(task_id, caller, tasks=self.tasks)
        except NotFound:
            self._write_removal(task_id, caller)
            raise
        if task.state in keeps:
            raise CannotCancel(task.state)
        if not task.state.terminal:
            return self.cancel(task_id, caller)
        now = self.clock()
        task = record(task, lambda task: replace(task, removed_at=now, updated_at=now), tasks=self.tasks)
        self.manifests.write_manifest(task)  # or a rebuilt table would show it again
        return task

    def _write_removal(self, task_id: str, caller: Caller) -> None:
        """Who removes it again may never have heard that it is removed: the archive may not know yet."""
        task = self.tasks.get(task_id) if ids.is_task_id(task_id) else None
        if task is not None and task.owner == caller.owner and task.removed_at:
            self.manifests.write_manifest(task)
