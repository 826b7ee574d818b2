"""The ledger follows the tasks: what a change of a task costs is entered, once."""

from __future__ import annotations

from dataclasses import dataclass

from reelkeep.domain.errors import Stale
from reelkeep.domain.ledger import OTHER_TAGS, entries
from reelkeep.domain.task import Task
from reelkeep.ports.owners import Ledger

_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class KeepLedger:
    """Adds the entries that a task's ledger lacks. Repeating it adds nothing; so it also mends a ledger."""

    ledger: Ledger

    def __call__(self, task: Task) -> int:
        """The number of entries that were added. Raises TryLater."""
        for attempt in range(_ATTEMPTS):
            is_new = task.version == attempt == 0  # then nothing is entered, unless this is a repetition
            before = () if is_new else self.ledger.entries(task.id)
            lacking = entries(task, before, None if before else self._tags(task))
            if not lacking:
                return 0
            try:
                self.ledger.add(task, before, lacking)
            except Stale:  # another one has entered something
                continue
            return len(lacking)
        raise Stale(f"the ledger of task {task.id} changes too often")

    def _tags(self, task: Task) -> tuple[str, ...]:
        """Where every task has a tag of its own, only so many have a sum of their own."""
        tags = tuple(sorted(task.request.tags))
        return tags if not tags or self.ledger.admits(task.owner, task.created_at.date(), tags) else OTHER_TAGS
