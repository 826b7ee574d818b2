"""Early end: what follows when a task is observed beside its own execution, because of a callback or in a list."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from reelkeep.domain import transitions
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Busy, Missing, Observation, Unreadable
from reelkeep.domain.task import Task
from reelkeep.ports.platform import SecondsLeft
from reelkeep.ports.providers import Provider
from reelkeep.ports.tasks import Executions, Finalizing, Tasks
from reelkeep.services.finalize import Finalize
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.poll import Verdict
from reelkeep.services.record import try_record
from reelkeep.services.room import Room


@dataclass(frozen=True, slots=True)
class RecordEarlyEnd:
    """Records it. If it is the task's end, that is finalized at once, without a walk through the state machine, and
    its place at the provider goes to the next one. The execution that waits for the task finds nothing left to do, or
    does what was not done.

    It can only help: what is not learned is not held against the task, and its next poll in turn stays where it is.
    """

    tasks: Tasks
    forecasts: Forecasts
    finalizing: Finalizing
    room: Room

    def __call__(
        self, task: Task, provider: Provider, observation: Observation, now: datetime, unfinished_at: datetime
    ) -> Task | None:
        """The task as it is recorded, or None if somebody else learned as much meanwhile, or nothing was learned. It
        had not ended at `unfinished_at`. Raises TryLater."""
        if isinstance(observation, Busy | Missing | Unreadable):
            return None
        forecast = self.forecasts.of(task.provider, task.request, provider.typical_seconds)
        after = try_record(
            task, lambda task: transitions.observed_early(task, observation, forecast, now), tasks=self.tasks
        )
        if after is None:
            return None
        self.forecasts.learn(task, after, observation, forecast, unfinished_at)
        if after.is_generated:
            with suppress(TryLater):  # the execution that waits gets there, later
                self.finalizing.start(after)
            with suppress(TryLater):  # its slot's lease runs out
                self.room.leave(after)
        return after


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
