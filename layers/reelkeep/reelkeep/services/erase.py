"""Erase: nothing stays of a task but a record that there was one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from reelkeep.domain import transitions
from reelkeep.domain.errors import Conflict
from reelkeep.domain.notices.webhooks import CALLBACKS, Delivery, delivery_ids_until
from reelkeep.domain.task import Backward, Task
from reelkeep.ports.archive import Erasure, Manifests
from reelkeep.ports.notices import Deliveries, Waiting, Webhooks
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.ports.tasks import Tasks
from reelkeep.services.query import find
from reelkeep.services.record import record

_PAGE = 100
_ANNOUNCED_WITHIN = timedelta(days=2)  # after its end; a late file arrives within 30 hours


@dataclass(frozen=True, slots=True)
class Erase:
    """Erases a task: its record, every version of its files and its manifest, what was sent about it.

    The record goes first, with which the task is in no list and its links lead nowhere. Each further step can be
    repeated, and a repetition of the call finishes what a crash left undone. The record and the manifest that stay
    keep the provider's id, or the task would be adopted as one that nobody knows.
    """

    tasks: Tasks
    manifests: Manifests
    files: Erasure
    webhooks: Webhooks
    deliveries: Deliveries
    waiting: Waiting
    clock: Clock

    def __call__(self, task_id: str, caller: Caller) -> Task:
        """What stays. Raises NotFound for a task that is not this owner's, Conflict for one that is under way."""
        now = self.clock()

        def erased(task: Task) -> Task:
            if task.erased_at:
                raise Backward("it is erased")
            if not transitions.can_be_erased(task, now):
                raise Conflict(
                    "the task is under way, or a file of it: cancel it, or wait for its end", field="task_id"
                )
            return transitions.erased(task, now)

        task = record(find(task_id, caller, tasks=self.tasks), erased, tasks=self.tasks)
        self.manifests.write_manifest(task)
        self.files.erase_files(task.id)
        self.tasks.erase_raw_responses(task.id)
        for delivery in list(self._sent(task)):
            self.waiting.remove(delivery)
            self.deliveries.delete(delivery)
        return task

    def _sent(self, task: Task) -> Iterator[Delivery]:
        until = task.updated_at + timedelta(seconds=1)
        if task.finished_at:  # to hide it long after its end is no change that is announced
            until = min(until, task.finished_at + _ANNOUNCED_WITHIN)
        first, last = delivery_ids_until(task.created_at), delivery_ids_until(until)
        for webhook_id in (CALLBACKS, *(webhook.id for webhook in self.webhooks.of(task.owner))):
            before = last
            while page := self.deliveries.page(task.owner, webhook_id, _PAGE, before):
                yield from (each for each in page if each.task_id == task.id)
                before = page[-1].id
                if before < first:
                    break
