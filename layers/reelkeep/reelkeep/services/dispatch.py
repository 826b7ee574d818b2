"""Dispatch: the one billable call for a task, and the record of its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reelkeep.domain import schedule, transitions
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Accepted, Unknown
from reelkeep.domain.task import Request, Task
from reelkeep.ports import Provider, Tasks
from reelkeep.services.record import record


class Unrecorded(TryLater):
    """The provider accepted the task, and that could not be recorded."""

    def __init__(self, provider_task_id: str) -> None:
        super().__init__("what the provider answered could not be recorded")
        self.provider_task_id = provider_task_id


@dataclass(frozen=True, slots=True)
class DispatchTask:
    """Makes the call, once, and records the outcome."""

    tasks: Tasks

    def __call__(self, task: Task, request: Request, provider: Provider, now: datetime) -> Task:
        """`task` must be recorded as `started` before: whoever finds it so later knows that the call may have been
        made. Raises Unrecorded, TryLater."""
        try:
            outcome = provider.dispatch(task.asking(request))
        except Exception as fault:  # of ours; the call may have been made before
            outcome = Unknown(f"a fault in the submission: {type(fault).__name__}")
        expected = schedule.expected_at(provider.typical_seconds, request)
        try:
            return record(
                task, lambda task: transitions.dispatched(task, outcome, request, expected, now), tasks=self.tasks
            )
        except TryLater as error:
            if isinstance(outcome, Accepted):
                raise Unrecorded(outcome.provider_task_id) from error
            raise
