"""Remove: what has not begun is cancelled; what ended is taken out of its owner's sight. The archive keeps it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.task import State, Task
from reelkeep.ports.owners import Caller
from reelkeep.ports.tasks import Tasks
from reelkeep.services.organize import Organize
from reelkeep.services.query import show


@dataclass(frozen=True, slots=True)
class Remove:
    """Removes a task from its owner's sight, as other formats do."""

    tasks: Tasks
    organize: Organize
    cancel: Callable[[str, Caller], Task]

    def __call__(self, task_id: str, caller: Caller, keeps: Collection[State] = ()) -> Task:
        """Raises CannotCancel for a task under way, or in a state that the dialect keeps in sight; NotFound if it is
        not this owner's, or was removed before."""
        try:
            task = show(task_id, caller, tasks=self.tasks)
        except NotFound:
            with suppress(NotFound):  # the archive may not know of its removal yet
                self.organize.hide(task_id, caller)
            raise
        if task.state in keeps:
            raise CannotCancel(task.state)
        if not task.state.terminal:
            return self.cancel(task_id, caller)
        return self.organize.hide(task_id, caller)
