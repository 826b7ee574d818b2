"""Seen end: what follows when the end of a task is seen beside its own execution, by a callback or in a list."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from reelkeep.domain.errors import TryLater
from reelkeep.domain.task import Task
from reelkeep.ports import Executions, Finalizing, SecondsLeft
from reelkeep.services.finalize import Finalize
from reelkeep.services.poll import Verdict
from reelkeep.services.room import Room


@dataclass(frozen=True, slots=True)
class SeenEnd:
    """The task is finalized at once, without a walk through the state machine, and its place at the provider goes to
    the next one. The execution that waits for the task finds nothing left to do, or does what was not done."""

    finalizing: Finalizing
    room: Room

    def __call__(self, task: Task) -> None:
        with suppress(TryLater):  # the execution that waits gets there, later
            self.finalizing.start(task)
        with suppress(TryLater):  # its slot's lease runs out
            self.room.leave(task)


@dataclass(frozen=True, slots=True)
class FinalizeDirectly:
    """Finalizes a task beside its execution. What cannot be archived yet is left to the task's next run."""

    finalize: Finalize
    executions: Callable[[], Executions]  # hardly ever needed

    def __call__(self, task_id: str, seconds_left: SecondsLeft, run: int | None = None) -> Verdict:
        """Raises as Finalize does, and TryLater; both mean that it is to be repeated."""
        verdict = self.finalize(task_id, seconds_left, run)
        if verdict.task is not None and not verdict.finished:
            self.executions().start(replace(verdict.task, executions=verdict.run + 1), verdict.wait_seconds)
        return verdict
