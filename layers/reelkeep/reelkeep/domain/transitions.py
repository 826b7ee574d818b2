"""What becomes of a task when its provider answers, or does not. Pure: a task and what was learned in, a task out.

A transition raises Backward if it comes too late: the task has moved on, and stays as it is.

What may have been accepted is never sent again, however late its provider's list is, and whatever its clock says:
absence counts only if the list shows an earlier and a later task of ours. Without that proof the task waits for
`schedule.UNCLEAR_FOR`, and ends as failed, `outcome unknown`; if it is listed later, it is adopted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from reelkeep.domain import schedule
from reelkeep.domain.durations import Forecast
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Finding,
    Found,
    Missing,
    NotYet,
    Observation,
    Pending,
    Refused,
    Succeeded,
    Uncertain,
    Unknown,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.record_size import fits_record
from reelkeep.domain.room import waits_for_owner
from reelkeep.domain.task import (
    Announcements,
    Backward,
    Dispatch,
    DispatchStatus,
    Failure,
    FailureClass,
    Request,
    State,
    Task,
)

UNANSWERED = (DispatchStatus.STARTED, DispatchStatus.UNKNOWN)
_MISSED_BY = timedelta(seconds=2)  # at most, by a poll that is planned for a moment: waits are whole seconds
_OUTCOME_UNKNOWN = Failure(
    reason=FailureClass.LOST,
    message="outcome unknown: the provider's answer to the submission was lost, and it cannot be found there; "
    "submitted again, it may be paid for twice",
)
_NEVER_NAMED = Failure(
    reason=FailureClass.PROVIDER,
    message=f"the provider's answers to {schedule.MAX_DISPATCHES} submissions were lost or named no task, "
    "and it lists none",
)


# --- room at the provider ---


def starting(
    task: Task, slot: str, account: str, request: Request, now: datetime, typical_seconds: float | None = None
) -> Task:
    """The billable call is about to be made."""
    start_by = task.dispatch.start_by or task.deadline  # release 0.2.0 recorded no other
    return replace(task, deadline=schedule.deadline(request, now)).with_dispatch(
        status=DispatchStatus.STARTED,
        start_by=start_by,
        started_at=now,
        attempts=task.dispatch.attempts + 1,
        slot=slot,
        account=account,
        typical_seconds=typical_seconds,
    )


def in_line(task: Task, now: datetime, slot: str = "", look_at: datetime | None = None) -> Task:
    """There is no room at the provider: `slot`, if the task had one, is none. It is started when its turn comes, and
    checks by itself after a while, or at the moment that is given."""
    if task.dispatch.status is not DispatchStatus.WAITING:
        raise Backward("it does not wait any more")
    if task.dispatch.slot not in ("", slot):
        raise Backward("its turn has come meanwhile")
    jitter = Random(f"{task.id}/{now.timestamp()}").random()  # noqa: S311 - no secret
    wait = schedule.seconds_until(look_at, now) if look_at else schedule.turn_wait(jitter)
    whom = "one of its owner's tasks to end" if waits_for_owner(task) else "room at the provider"
    return _waiting(task.with_dispatch(slot=""), f"it waits for {whom}", now, wait)


def placed(task: Task, now: datetime) -> Task:
    """From now on it counts among its owner's tasks at once, and its next run looks for room at the provider."""
    if task.dispatch.status is not DispatchStatus.WAITING or task.is_generated or task.is_of_newer_release:
        raise Backward("it does not wait any more")
    if task.reservation is None or not task.reservation.queued:
        raise Backward("its turn has come already")
    return replace(task, reservation=replace(task.reservation, queued=False), updated_at=now)


def called_up(task: Task, slot: str, now: datetime) -> Task:
    """Its turn has come: it has a slot, which its next run uses."""
    if task.dispatch.status is not DispatchStatus.WAITING or task.is_generated or task.is_of_newer_release:
        raise Backward("it does not wait any more")
    return replace(task.with_dispatch(slot=slot), updated_at=now)


# --- the billable call ---


def dispatched(task: Task, outcome: DispatchOutcome, request: Request, forecast: Forecast, now: datetime) -> Task:
    """The provider answered the billable call. `request` is the whole one, and `forecast` that of its end."""
    deadline = schedule.deadline(request, now)  # what is dispatched late has its whole time, too
    first_poll = now + timedelta(seconds=schedule.first_wait(request, forecast))
    match outcome:
        case Accepted(provider_task_id, credits, seed):
            accepted = task.with_dispatch(status=DispatchStatus.ACCEPTED)
            return accepted.with_polling(consecutive_errors=0, next_poll_at=first_poll).advanced(
                State.QUEUEING,
                now,
                provider_task_id=provider_task_id,
                deadline=deadline,
                credits=credits,
                seed=seed,
                last_error="",
            )
        case Refused(failure):
            return task.failed(failure, now).with_dispatch(status=DispatchStatus.REFUSED)
        case NotYet(retry_after):
            wait = schedule.back_off_wait(task, forecast, now, retry_after)
            error = "the provider could not be reached or was busy"
            waiting = _waiting(left_to_wait(task), error, now, wait)
            waiting = waiting.with_dispatch(attempts=task.dispatch.attempts - 1)
            return waiting.with_polling(consecutive_errors=task.polling.consecutive_errors + 1)
        case Unknown(reason):
            unknown = task.with_dispatch(status=DispatchStatus.UNKNOWN).with_polling(next_poll_at=first_poll)
            return unknown.advanced(State.CREATED, now, deadline=deadline, last_error=reason)


def left_to_wait(task: Task) -> Task:
    """From now on the limit of waiting holds, not that of the call."""
    task = replace(task, deadline=task.dispatch.start_by or task.deadline)
    return task.with_dispatch(status=DispatchStatus.WAITING)


def _waiting(task: Task, error: str, now: datetime, wait: int) -> Task:
    """The call certainly made nothing, and is made again."""
    task = task.with_dispatch(status=DispatchStatus.WAITING)
    task = task.with_polling(next_poll_at=now + timedelta(seconds=wait))
    return task.advanced(State.CREATED, now, last_error=error)


def reconciled(task: Task, finding: Finding, asked: Task, forecast: Forecast, now: datetime) -> Task:
    """The provider was asked what became of the call that `asked` had made."""
    about = (*UNANSWERED, DispatchStatus.WAITING) if isinstance(finding, Found) else UNANSWERED
    if task.dispatch.status not in about or task.dispatched_at != asked.dispatched_at:
        raise Backward("what was found is about an earlier call, or comes too late")
    since = now - task.dispatched_at
    match finding:
        case Found(provider_task_id):
            deadline = schedule.deadline(task.request, task.dispatched_at)
            found = task.with_dispatch(status=DispatchStatus.ACCEPTED).advanced(
                State.QUEUEING, now, provider_task_id=provider_task_id, deadline=deadline
            )
            return _poll_later(found, forecast, now)
        case Absent() if since < schedule.LISTED_IN_ORDER_AFTER:
            return back_off(task, "the provider does not list this task yet", forecast, now)
        case Absent() if task.dispatch.attempts >= schedule.MAX_DISPATCHES:
            return task.failed(_NEVER_NAMED, now)
        case Absent():
            wait = schedule.back_off_wait(task, forecast, now)
            return _waiting(task, "the submission did not arrive at the provider", now, wait)
        case Uncertain(reason) if since < schedule.UNCLEAR_FOR:
            return back_off(task, f"the provider's answer to the submission was lost: {reason}", forecast, now)
        case Untraceable() if (
            since < schedule.CALL_IS_OVER_AFTER
        ):  # the function that makes the call may still get the answer
            return back_off(task, "the provider's answer to the submission was lost", forecast, now)
        case Uncertain() | Untraceable():
            return task.failed(_OUTCOME_UNKNOWN, now)


# --- polls ---


def observed(task: Task, observation: Observation, forecast: Forecast, now: datetime) -> Task:
    """The provider said how the task is doing."""
    if task.is_generated:  # another poll was quicker, and what it saw may be archived by now
        raise Backward(f"{task.state} is not observed any more")
    match observation:
        case Pending(state, word):
            state = max(state, task.state, key=list(State).index)
            since = (task.polling.not_understood_since or now) if word else None
            error = f"the provider says {word!r}" if word else ""
            task = task.with_polling(
                consecutive_errors=0,
                consecutive_not_found=0,
                not_understood_since=since,
                not_understood=task.polling.not_understood + bool(word),
            )
            return _poll_later(task.advanced(state, now, last_error=error), forecast, now)
        case Succeeded(creations) if not fits_record(task.request, creations):
            too_many = Unreadable("the provider names more files than a task's record has room for", made=True)
            return observed(task, too_many, forecast, now)
        case Succeeded(creations, credits, seed, tokens):
            return (
                _polled(task, consecutive_errors=0)
                .with_creations(creations)
                .advanced(
                    State.ARCHIVING,
                    now,
                    tokens=tokens,
                    credits=task.credits if credits is None else credits,
                    seed=task.seed if seed is None else seed,
                    succeeded_at=now,
                    last_error="",
                )
            )
        case Failed(failure):
            return _polled(task.failed(failure, now))
        case Missing() if task.polling.consecutive_not_found + 1 >= schedule.MAX_NOT_FOUND:
            message = "the provider does not know this task any more"
            return task.failed(Failure(reason=FailureClass.LOST, message=message), now)
        case Missing():
            task = task.with_polling(consecutive_not_found=task.polling.consecutive_not_found + 1)
            return back_off(task, "the provider does not know this task", forecast, now)
        case Busy(reason, retry_after):
            return back_off(task, reason, forecast, now, retry_after)
        case Unreadable(reason, made=made):
            task = task.with_polling(
                not_understood_since=task.polling.not_understood_since or now,
                not_understood=task.polling.not_understood + 1,
            )
            if not made:
                return back_off(task, reason, forecast, now)
            errors = task.polling.consecutive_errors if task.succeeded_at else 0
            task = replace(task, succeeded_at=task.succeeded_at or now).with_polling(consecutive_errors=errors)
            task = back_off(task, reason, forecast, now)
            soon = now + timedelta(seconds=schedule.copy_wait(errors, 1.0))  # the links may be there in a moment
            return task.with_polling(next_poll_at=min(soon, task.polling.next_poll_at or soon))


def polled_late(task: Task, forecast: Forecast, seen_at: datetime, now: datetime) -> Task:
    """A callback or the watch, which looks for ends at `seen_at`, is expected to see that of the task first: its next
    poll is a fallback."""
    if task.is_generated or task.polling.next_poll_at is None or task.dispatch.status is not DispatchStatus.ACCEPTED:
        return task
    if seen_at > task.polling.next_poll_at:  # the watch began to wait before it knew of this task
        return task
    wait = schedule.fallback_wait(task, forecast, now)
    return task.with_polling(next_poll_at=max(now + timedelta(seconds=wait), task.polling.next_poll_at))


def observed_early(task: Task, observation: Observation, forecast: Forecast, now: datetime) -> Task:
    """As `observed`, for a poll out of turn. It can only help: the next poll in turn stays where it is."""
    after = observed(task, observation, forecast, now)
    return after.with_polling(next_poll_at=task.polling.next_poll_at)


def back_off(task: Task, error: str, forecast: Forecast, now: datetime, retry_after: float | None = None) -> Task:
    """Nothing was learned."""
    task = task.with_polling(consecutive_errors=task.polling.consecutive_errors + 1)
    wait = schedule.back_off_wait(task, forecast, now, retry_after)
    return _polled(task.advanced(task.state, now, last_error=error), next_poll_at=now + timedelta(seconds=wait))


def _poll_later(task: Task, forecast: Forecast, now: datetime) -> Task:
    wait = schedule.next_wait(task, forecast, now)
    return _polled(task, next_poll_at=now + timedelta(seconds=wait))


def _polled(task: Task, **changes: Any) -> Task:
    return task.with_polling(polls=task.polling.polls + 1, restarts=0, **changes)


# --- the deadline ---


def is_overdue(task: Task, now: datetime) -> bool:
    """A provider whose answers cannot be had or understood at the deadline may still have made it."""
    patience = schedule.UNCLEAR_FOR if _is_unclear(task) else timedelta()
    return not task.is_generated and now >= task.deadline + patience


def is_asked_again(task: Task, planned_at: datetime | None) -> bool:
    """Whether this poll was planned for the deadline, or for before and came late: its answer may be an old one, and
    nothing was asked for a while, so it alone does not end the task."""
    is_clear = task.dispatch.status is DispatchStatus.ACCEPTED and not _is_unclear(task)
    return is_clear and planned_at is not None and planned_at < task.deadline + _MISSED_BY


def expired(task: Task, now: datetime) -> Task:
    if not is_overdue(task, now):
        raise Backward("another poll was luckier")
    return task.failed(_failure_at_deadline(task), now)


def _is_unclear(task: Task) -> bool:
    """The provider's last answer does not show what became of the task."""
    unclear = task.polling.consecutive_errors > 0 or task.polling.not_understood_since is not None
    return unclear and task.dispatch.status is not DispatchStatus.WAITING


def _failure_at_deadline(task: Task) -> Failure:
    if task.dispatch.status in UNANSWERED:
        return _OUTCOME_UNKNOWN
    last = f"; last: {task.last_error}" if task.last_error else ""
    if task.succeeded_at:
        return Failure(reason=FailureClass.LOST, message=f"the provider says that it made it, but not where{last}")
    if task.polling.not_understood_since:
        message = f"the provider answered, but not in words that are understood here{last}; submitted again, "
        return Failure(reason=FailureClass.LOST, message=f"{message}it may be paid for twice")
    if task.dispatch.status is DispatchStatus.WAITING:
        message = f"not started within {task.deadline - task.created_at}{last}"
    else:
        message = f"no result within {task.deadline - task.dispatched_at}{last}"
    # What was not understood, more than for a moment, may have said that it was made.
    is_clear = not _is_unclear(task) and task.polling.not_understood <= 1
    return Failure(reason=FailureClass.DEADLINE, message=message, retryable=is_clear)


def can_be_erased(task: Task, now: datetime) -> bool:
    """Whether nothing is done any more with a task that has ended."""
    is_announced = task.announcements.announced_at is not None
    return task.state.terminal and is_announced and not (task.copying_until and now < task.copying_until)


def erased(task: Task, now: datetime) -> Task:
    """What stays: that there was a task, when, whose and where, and how it ended."""
    failure = task.failure and Failure(reason=task.failure.reason, retryable=task.failure.retryable)
    return Task(
        id=task.id,
        owner=task.owner,
        key_id=task.key_id,
        provider=task.provider,
        provider_task_id=task.provider_task_id,
        request=Request(dialect=task.request.dialect, kind=task.request.kind),
        created_at=task.created_at,
        updated_at=task.updated_at,
        deadline=task.deadline,
        finished_at=task.finished_at,
        removed_at=task.removed_at or now,
        erased_at=now,
        state=task.state,
        dispatch=Dispatch(status=task.dispatch.status, account=task.dispatch.account),
        announcements=Announcements(announced_at=task.announcements.announced_at),
        executions=task.executions,
        failure=failure,
        adopted_as=task.adopted_as,
        version=task.version,
    )
