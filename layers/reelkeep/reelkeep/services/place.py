"""Places a task with its provider: the one billable call, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Accepted, NotYet, Refused, Unknown
from reelkeep.domain.task import Request, State, Submission, Task
from reelkeep.ports import Provider, Tasks
from reelkeep.services.record import record


class Unrecorded(TryLater):
    """The provider accepted the task, and that could not be recorded."""

    def __init__(self, provider_task_id: str) -> None:
        super().__init__("what the provider answered could not be recorded")
        self.provider_task_id = provider_task_id


def place(task: Task, request: Request, provider: Provider, *, tasks: Tasks, now: datetime) -> Task:
    """Makes the call, once, and records the outcome.

    `task` must be recorded as `placing` before: whoever finds it so later knows that the call may have been made.
    Raises Unrecorded, TryLater.
    """
    try:
        placement = provider.place(task.asking(request))
    except Exception as fault:  # of ours; the call may have been made before
        placement = Unknown(f"a fault in the submission: {type(fault).__name__}")
    expected = provider.typical_seconds or schedule.expected_seconds(request)
    deadline = max(task.deadline, schedule.deadline(request, now))  # what is placed late has its whole time, too

    def outcome(task: Task) -> Task:
        match placement:
            case Accepted(provider_task_id, credits, seed):
                return task.advanced(
                    State.QUEUEING,
                    now,
                    submission=Submission.PLACED,
                    provider_task_id=provider_task_id,
                    deadline=deadline,
                    credits=credits,
                    seed=seed,
                    setbacks=0,
                    trouble="",
                    next_look_at=now + timedelta(seconds=schedule.first_wait(expected)),
                )
            case Refused(failure):
                return replace(task.failed(failure, now), submission=Submission.REFUSED)
            case NotYet(retry_after):
                wait = schedule.next_wait(task, expected, now, retry_after)
                return task.advanced(
                    State.CREATED,
                    now,
                    submission=Submission.WAITING,
                    setbacks=task.setbacks + 1,
                    trouble="the provider could not be reached or was busy",
                    next_look_at=now + timedelta(seconds=wait),
                )
            case Unknown(reason):
                return task.advanced(
                    State.CREATED,
                    now,
                    submission=Submission.UNKNOWN,
                    deadline=deadline,
                    trouble=reason,
                    next_look_at=now + timedelta(seconds=schedule.first_wait(expected)),
                )

    try:
        return record(task, outcome, tasks=tasks)
    except TryLater as error:
        if isinstance(placement, Accepted):
            raise Unrecorded(placement.provider_task_id) from error
        raise
