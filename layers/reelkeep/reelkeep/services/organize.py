"""Organize: an owner labels its tasks, hides them, and brings them back. The archive keeps them all the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from reelkeep.domain import archiving
from reelkeep.domain.errors import Conflict
from reelkeep.domain.tags import Labels
from reelkeep.domain.task import Backward, Task
from reelkeep.ports.archive import Manifests
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.ports.tasks import Tasks
from reelkeep.services.query import find, show
from reelkeep.services.record import record, write_latest_manifest

RESTORABLE_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Organize:
    """Changes what an owner sees of a task, and nothing of what becomes of it.

    Every method raises NotFound for a task that is not this owner's. A repetition finishes what a crash left undone.
    """

    tasks: Tasks
    manifests: Manifests
    clock: Clock

    def change(self, labels: Labels, caller: Caller) -> Task:
        """Raises NotFound for a hidden task, too."""

        def labelled(task: Task) -> Task:
            tags = task.request.tags if labels.tags is None else labels.tags
            starred = task.starred if labels.starred is None else labels.starred
            if (tags, starred) == (task.request.tags, task.starred):
                raise Backward("it is labelled so")
            return replace(task, request=replace(task.request, tags=tags), starred=starred)

        task = show(labels.task_id, caller, tasks=self.tasks)
        return self._archived(record(task, labelled, tasks=self.tasks))

    def hide(self, task_id: str, caller: Caller) -> Task:
        """Takes it out of its owner's sight. What is under way goes on."""
        now = self.clock()

        def hidden(task: Task) -> Task:
            if task.removed_at:
                raise Backward("it is hidden")
            return replace(task, removed_at=now, updated_at=now)

        return self._archived(record(self._find(task_id, caller), hidden, tasks=self.tasks))

    def restore(self, task_id: str, caller: Caller) -> Task:
        """Raises Conflict if it was hidden too long ago. One that is in sight stays there."""
        now = self.clock()

        def restored(task: Task) -> Task:
            if task.removed_at is None:
                raise Backward("it is in sight")
            if now - task.removed_at > RESTORABLE_FOR:
                raise Conflict(f"the task was hidden more than {RESTORABLE_FOR.days} days ago", field="task_id")
            return replace(task, removed_at=None, updated_at=now)

        return self._archived(record(self._find(task_id, caller), restored, tasks=self.tasks))

    def revoke_links(self, task_id: str, caller: Caller) -> Task:
        """The task with other permanent links. What the ones before led to can be fetched for an hour, by whoever
        followed them. Also of a hidden task: its links go on leading to its files."""
        return self._archived(record(self._find(task_id, caller), archiving.with_other_links, tasks=self.tasks))

    def _find(self, task_id: str, caller: Caller) -> Task:
        """Also a hidden one."""
        task = find(task_id, caller, tasks=self.tasks)
        return show(task_id, caller, tasks=self.tasks) if task.erased_at else task

    def _archived(self, task: Task) -> Task:
        """Or a rebuilt table would show it as it was. Finalize writes the manifest of a task that has not ended."""
        if task.state.terminal:
            write_latest_manifest(task, tasks=self.tasks, manifests=self.manifests)
        return task
