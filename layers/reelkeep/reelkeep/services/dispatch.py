"""Dispatch: the one billable call for a task, and the record of its outcome."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from reelkeep.domain import transitions
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Accepted, NotYet, Unknown
from reelkeep.domain.task import DispatchStatus, Request, Task
from reelkeep.ports.providers import Provider
from reelkeep.ports.tasks import Tasks
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.record import record
from reelkeep.services.room import Room


class Unrecorded(TryLater):
    """The provider accepted the task, and that could not be recorded."""

    def __init__(self, provider_task_id: str) -> None:
        super().__init__("what the provider answered could not be recorded")
        self.provider_task_id = provider_task_id


@dataclass(frozen=True, slots=True)
class DispatchTask:
    """Makes the call, once, and records the outcome."""

    tasks: Tasks
    room: Room
    forecasts: Forecasts

    def __call__(self, task: Task, request: Request, provider: Provider, now: datetime) -> Task:
        """`task` must be recorded as `started` before: whoever finds it so later knows that the call may have been
        made. Raises Unrecorded, TryLater."""
        forecast = self.forecasts.of(provider.name, request, provider.typical_seconds)
        # Before the call: nothing may come between it and its record.
        reports = self.room.reports.read(provider, now)
        seen_at = reports.next_report_at(task, now)
        try:
            outcome = provider.dispatch(task.asking(request))
        except Exception as fault:  # of ours; the call may have been made before
            outcome = Unknown(f"a fault in the submission: {type(fault).__name__}")
        try_again_at, slot = None, task.dispatch.slot
        if isinstance(outcome, NotYet) and outcome.reached:
            with suppress(TryLater):  # its slot's lease runs out
                try_again_at = self.room.refused(task, provider)

        def changed(task: Task) -> Task:
            after = transitions.dispatched(task, outcome, request, forecast, now)
            after = transitions.polled_late(after, forecast, seen_at, now) if seen_at else after
            return transitions.in_line(after, now, slot, try_again_at) if try_again_at else after

        try:
            task = record(task, changed, tasks=self.tasks)
        except TryLater as error:
            if isinstance(outcome, Accepted):
                raise Unrecorded(outcome.provider_task_id) from error
            raise
        with suppress(TryLater):  # it is in line with its next poll, or its slot's lease runs out
            if try_again_at:
                self.room.join(task, provider, slot)
            elif task.dispatch.status is DispatchStatus.ACCEPTED:
                self.room.accepted(task, provider)
            elif task.dispatch.status is DispatchStatus.REFUSED:
                self.room.leave(task)
        if isinstance(outcome, Accepted) and reports.lacks_watch(now):
            with suppress(TryLater):  # another task starts it, or the sweep
                self.room.executions.watch(provider.name, now)
                self.room.reports.forget(provider)
        return task
