"""What becomes of a task when its provider answers, or does not. Pure: a task and what was learned in, a task out.

A transition raises Backward if it comes too late: the task has moved on, and stays as it is.

What may have been accepted is never sent again, however late its provider's list is, and whatever its clock says:
absence counts only if the list shows an earlier and a later task of ours. Without that proof the task waits for
`schedule.UNCLEAR_FOR`, and ends as failed, `outcome unknown`; if it is listed later, it is adopted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    Busy,
    Failed,
    Finding,
    Found,
    Missing,
    NotYet,
    Observation,
    Pending,
    Placement,
    Refused,
    Succeeded,
    Uncertain,
    Unknown,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.record_size import fits_record
from reelkeep.domain.task import Backward, Failure, FailureClass, Request, State, Submission, Task

UNANSWERED = (Submission.PLACING, Submission.UNKNOWN)
_OUTCOME_UNKNOWN = Failure(
    reason=FailureClass.LOST,
    message="outcome unknown: the provider's answer to the submission was lost, and it cannot be found there; "
    "submitted again, it may be paid for twice",
)
_NEVER_NAMED = Failure(
    reason=FailureClass.PROVIDER,
    message=f"the provider's answers to {schedule.MAX_PLACEMENTS} submissions were lost or named no task, "
    "and it lists none",
)


# --- the billable call ---


def placed(task: Task, placement: Placement, request: Request, expected: float, now: datetime) -> Task:
    """The provider answered the billable call. `request` is the whole one, and `expected` its usual seconds."""
    deadline = max(task.deadline, schedule.deadline(request, now))  # what is placed late has its whole time, too
    first_poll = now + timedelta(seconds=schedule.first_wait(expected))
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
                next_look_at=first_poll,
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
                next_look_at=first_poll,
            )


def reconciled(task: Task, finding: Finding, asked: Task, expected: float, now: datetime) -> Task:
    """The provider was asked what became of the call that `asked` had made."""
    about = (*UNANSWERED, Submission.WAITING) if isinstance(finding, Found) else UNANSWERED
    if task.submission not in about or task.lost_since != asked.lost_since:
        raise Backward("what was found is about an earlier call, or comes too late")
    since = now - task.lost_since
    match finding:
        case Found(provider_task_id):
            found = replace(
                task,
                submission=Submission.PLACED,
                provider_task_id=provider_task_id,
                deadline=max(task.deadline, schedule.deadline(task.request, task.lost_since)),
            )
            return _poll_later(found.advanced(State.QUEUEING, now), expected, now)
        case Absent() if since < schedule.LISTED_IN_ORDER_AFTER:
            return back_off(task, "the provider does not list this task yet", expected, now)
        case Absent() if task.placements >= schedule.MAX_PLACEMENTS:
            return task.failed(_NEVER_NAMED, now)
        case Absent():
            wait = schedule.next_wait(task, expected, now)
            return task.advanced(
                State.CREATED,
                now,
                submission=Submission.WAITING,
                next_look_at=now + timedelta(seconds=wait),
                trouble="the submission did not arrive at the provider",
            )
        case Uncertain(reason) if since < schedule.UNCLEAR_FOR:
            return back_off(task, f"the provider's answer to the submission was lost: {reason}", expected, now)
        case Untraceable() if since < schedule.CALL_IS_OVER_AFTER:  # whoever makes it may yet hear the answer
            return back_off(task, "the provider's answer to the submission was lost", expected, now)
        case Uncertain() | Untraceable():
            return task.failed(_OUTCOME_UNKNOWN, now)


# --- polls ---


def observed(task: Task, observation: Observation, expected: float, now: datetime) -> Task:
    """The provider said how the task is doing."""
    if task.is_generated:  # another poll was quicker, and what it saw may be archived by now
        raise Backward(f"{task.state} is not observed any more")
    match observation:
        case Pending(state, word):
            state = max(state, task.state, key=list(State).index)
            task = replace(
                task,
                setbacks=0,
                absences=0,
                trouble=f"the provider says {word!r}" if word else "",
                not_understood_since=(task.not_understood_since or now) if word else None,
            )
            return _poll_later(task.advanced(state, now), expected, now)
        case Succeeded(creations) if not fits_record(task.request, creations):
            too_many = Unreadable("the provider names more files than a task's record has room for", made=True)
            return observed(task, too_many, expected, now)
        case Succeeded(creations, credits, seed, tokens):
            return task.with_creations(creations).advanced(
                State.ARCHIVING,
                now,
                tokens=tokens,
                credits=task.credits if credits is None else credits,
                seed=task.seed if seed is None else seed,
                succeeded_at=now,
                looks=task.looks + 1,
                setbacks=0,
                trouble="",
            )
        case Failed(failure):
            return replace(task.failed(failure, now), looks=task.looks + 1)
        case Missing() if task.absences + 1 >= schedule.MAX_NOT_FOUND:
            message = "the provider does not know this task any more"
            return task.failed(Failure(reason=FailureClass.LOST, message=message), now)
        case Missing():
            task = replace(task, absences=task.absences + 1)
            return back_off(task, "the provider does not know this task", expected, now)
        case Busy(reason, retry_after):
            return back_off(task, reason, expected, now, retry_after)
        case Unreadable(reason, made=made):
            task = replace(task, not_understood_since=task.not_understood_since or now)
            if not made:
                return back_off(task, reason, expected, now)
            errors = task.setbacks if task.succeeded_at else 0
            task = replace(task, succeeded_at=task.succeeded_at or now, setbacks=errors)
            task = back_off(task, reason, expected, now)
            soon = now + timedelta(seconds=schedule.copy_wait(errors, 1.0))  # the links may be there in a moment
            return replace(task, next_look_at=min(soon, task.next_look_at or soon))


def observed_early(task: Task, observation: Observation, expected: float, now: datetime) -> Task:
    """As `observed`, for a poll out of turn. It can only help: the next poll in turn stays where it is.

    If it shows the end, the task gets an execution, which is counted here: the one that waits does not know.
    """
    after = observed(task, observation, expected, now)
    if after.is_generated:
        return replace(after, runs=task.runs + 1)
    return replace(after, next_look_at=task.next_look_at)


def back_off(task: Task, error: str, expected: float, now: datetime, retry_after: float | None = None) -> Task:
    """Nothing was learned."""
    task = replace(task, setbacks=task.setbacks + 1, trouble=error)
    return _poll_later(task.advanced(task.state, now), expected, now, retry_after)


def _poll_later(task: Task, expected: float, now: datetime, retry_after: float | None = None) -> Task:
    wait = schedule.next_wait(task, expected, now, retry_after)
    return replace(task, looks=task.looks + 1, next_look_at=now + timedelta(seconds=wait))


# --- the deadline ---


def is_overdue(task: Task, now: datetime) -> bool:
    """A provider that cannot be heard or understood at the deadline may have made it all the same."""
    patience = schedule.UNCLEAR_FOR if _is_unclear(task) else timedelta()
    return not task.is_generated and now >= task.deadline + patience


def expired(task: Task, now: datetime) -> Task:
    if not is_overdue(task, now):
        raise Backward("another poll was luckier")
    return task.failed(_failure_at_deadline(task), now)


def _is_unclear(task: Task) -> bool:
    """What the provider said last does not tell what became of the task."""
    unclear = task.setbacks > 0 or task.not_understood_since is not None
    return unclear and task.submission is not Submission.WAITING


def _failure_at_deadline(task: Task) -> Failure:
    if task.submission in UNANSWERED:
        return _OUTCOME_UNKNOWN
    last = f"; last: {task.trouble}" if task.trouble else ""
    if task.succeeded_at:
        return Failure(reason=FailureClass.LOST, message=f"the provider says that it made it, but not where{last}")
    if task.not_understood_since:
        message = f"the provider answered, but not in words that are understood here{last}; submitted again, "
        return Failure(reason=FailureClass.LOST, message=f"{message}it may be paid for twice")
    message = f"no result within {task.deadline - task.created_at}{last}"
    return Failure(reason=FailureClass.DEADLINE, message=message, retryable=not _is_unclear(task))
