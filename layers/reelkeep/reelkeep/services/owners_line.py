"""The line of an owner: what was submitted while it had as many tasks at once as it may have, and waits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from reelkeep.domain import counts, room, transitions
from reelkeep.domain.errors import NotFound, Stale, TryLater
from reelkeep.domain.owner_settings import USUAL_SETTINGS, OwnerSettings
from reelkeep.domain.room import InLine
from reelkeep.domain.task import Backward, Task
from reelkeep.ports.owners import Counters
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Slots
from reelkeep.ports.tasks import Executions, Tasks
from reelkeep.services.record import read

_MOST_STARTS = 40  # by one function; those that end next start more
_ATTEMPTS = 4  # at a task that others change at the same moment


@dataclass(frozen=True, slots=True)
class OwnersLine:
    """Lets the next tasks of an owner go on when others have ended, the most urgent first, then the oldest.

    That a task goes on and that it counts is one write. So whichever function dies, no count is wrong; what it leaves
    undone is done when the next task ends, or when a task in line checks by itself.
    """

    tasks: Tasks
    slots: Slots
    counters: Counters
    settings_of: Callable[[str], OwnerSettings]
    executions: Executions
    clock: Clock

    def is_waited_for(self, owner: str) -> bool:
        """Raises TryLater."""
        return self._first(owner) is not None

    def left(self, task: Task) -> None:
        """The ledger has entered that its provider is done with it. Raises TryLater."""
        if task.is_generated and task.reservation and "" in task.reservation.counters:
            self.start_next(task.owner)

    def start_next(self, owner: str) -> None:
        """Raises TryLater. Costs one read if none is in line."""
        for _ in range(_MOST_STARTS):
            first = self._first(owner)
            if first is None:
                return
            settings, now = self._settings(owner), self.clock()
            if settings.stopped or counts.is_full(
                settings.limits, counts.use(self.counters.counts(owner), "", "", now)
            ):
                return
            task = self.tasks.get(first.task_id)
            try:
                placed = task and self._place(task, settings)
            except _Full:
                return
            self.slots.withdraw(first)
            if placed:
                with suppress(TryLater):  # the run that waits gets there, later
                    self.executions.start(replace(placed, executions=placed.executions + 1), wait_seconds=0)

    def _place(self, task: Task, settings: OwnerSettings) -> Task | None:
        """The task as it goes on; None if it does not wait any more. Raises _Full, TryLater."""
        for _ in range(_ATTEMPTS):
            now = self.clock()
            try:
                placed = self.tasks.save_counted(transitions.placed(task, now), counts.place_of(settings.limits), now)
            except Backward:
                return None
            except Stale:
                task = read(task.id, tasks=self.tasks)
                continue
            if placed is None:
                raise _Full
            return placed
        raise Stale(f"task {task.id} changes too often")

    def _first(self, owner: str) -> InLine | None:
        return self.slots.first(room.owners_line(owner), owner)

    def _settings(self, owner: str) -> OwnerSettings:
        try:
            return self.settings_of(owner)
        except NotFound:
            return USUAL_SETTINGS


class _Full(Exception):
    """Another task took the place."""
