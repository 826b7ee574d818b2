"""Poll: ask the provider how a task is doing, record what it said, and say when to ask again.

What may have been accepted is never placed again, however late its provider's list is, and whatever its clock says:
absence counts only if the list shows a later task of ours. Without that proof the task waits for `_OUT_OF_ORDER_FOR`,
and ends as failed, `outcome unknown`; if it is listed later, it is adopted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.claims import claim_of_likely_repeat
from reelkeep.domain.errors import Misconfigured
from reelkeep.domain.notices import alerts
from reelkeep.domain.notices.notice import possible_repeat, possible_repeat_attributes
from reelkeep.domain.observation import (
    Absent,
    Busy,
    Failed,
    Finding,
    Found,
    Missing,
    Observation,
    Pending,
    Succeeded,
    Uncertain,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.record_size import fits_record
from reelkeep.domain.task import Backward, Failure, FailureClass, State, Submission, Task
from reelkeep.ports import Claims, Clock, Notices, Provider, Providers, Requests, Tasks
from reelkeep.services.place import Unrecorded, place
from reelkeep.services.reconcile import find
from reelkeep.services.record import read, record

_MISSING_MEANS_LOST = 6  # answers in a row that the provider does not know the task; the first may be too early
_LOST = (Submission.PLACING, Submission.UNKNOWN)
_MOST_PLACEMENTS = 3  # of a task whose answers get lost each time: then something else is wrong
_TOLD_AFTER = timedelta(minutes=10)  # of answers that are not understood
_CALL_IS_OVER_AFTER = timedelta(minutes=2)  # and so is the function that made it
_OUT_OF_ORDER_FOR = timedelta(hours=6)  # at most; then a provider is not waited for any more
_UNKNOWN_OUTCOME = Failure(
    reason=FailureClass.LOST,
    message="outcome unknown: the provider's answer to the submission was lost, and it cannot be found there; "
    "submitted again, it may be paid for twice",
)

_UNPLACEABLE = Failure(
    reason=FailureClass.PROVIDER,
    message=f"the provider's answers to {_MOST_PLACEMENTS} submissions were lost or named no task, and it lists none",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a step of the state machine says of a task."""

    task_id: str
    finished: bool
    wait_seconds: int = 1
    state: str = ""
    trouble: str = ""
    lost: str = ""  # what was generated and is not to be had, and why; said once, with the notice
    provider_task_id: str = ""  # the provider's answer to the submission, if it could not be recorded

    @property
    def facts(self) -> dict[str, str | bool | int]:
        """For the log."""
        return asdict(self)

    @property
    def answer(self) -> dict[str, str | bool | int]:
        """For the state machine, which carries ids only."""
        known = {"provider_task_id": self.provider_task_id} if self.provider_task_id else {}
        return {"task_id": self.task_id, "finished": self.finished, "wait_seconds": self.wait_seconds, **known}


def poll(
    task_id: str,
    provider_task_id: str = "",
    *,
    tasks: Tasks,
    claims: Claims,
    requests: Requests,
    providers: Providers,
    notices: Notices,
    clock: Clock,
) -> Verdict:
    """Never raises for what a provider does; faults of our own platform do raise, and the machine repeats them.

    `provider_task_id` is the provider's answer to the submission, if it could not be recorded.
    """
    task = read(task_id, tasks=tasks)
    if _through(task):
        return Verdict(task_id, finished=True)
    if task.looks == 0 and task.fingerprint:
        task = _compared(task, tasks=tasks, claims=claims, notices=notices, now=clock())
    try:
        provider = providers.get(task.provider)
    except Misconfigured as wrong:
        task = _without_provider(task, str(wrong), tasks=tasks, now=clock())
    else:
        match task.submission:
            case Submission.PLACED:
                task = _look(task, provider, tasks=tasks, now=clock())
            case Submission.WAITING if not provider_task_id:
                try:
                    task = _place_again(task, provider, tasks=tasks, requests=requests, now=clock())
                except Unrecorded as accepted:
                    return Verdict(task_id, finished=False, provider_task_id=accepted.provider_task_id)
            case Submission.WAITING | Submission.PLACING | Submission.UNKNOWN:
                finding: Finding = Found(provider_task_id)
                if not provider_task_id:
                    finding = find(task, provider, tasks=tasks, claims=claims, providers=providers, now=clock())
                task = _settled(task, finding, provider, tasks=tasks, now=clock())
                if isinstance(finding, Found) and task.submission is Submission.PLACED:  # it may be done long since
                    task = _look(task, provider, tasks=tasks, now=clock())
    now = clock()
    if task.not_understood_announced_at is None and now - (task.not_understood_since or now) >= _TOLD_AFTER:
        alert = alerts.not_understood(task, now)
        notices.publish(alert, alerts.attributes(task, alert))
        task = record(task, lambda task: replace(task, not_understood_announced_at=now), tasks=tasks)
    if _is_overdue(task, now):
        task = record(task, lambda task: _expired(task, now), tasks=tasks)
    wait = schedule.seconds_until(task.next_look_at, now)
    unrecorded = "" if task.provider_task_id else provider_task_id
    return Verdict(task_id, _through(task), wait, task.state, task.trouble, provider_task_id=unrecorded)


def _compared(task: Task, *, tasks: Tasks, claims: Claims, notices: Notices, now: datetime) -> Task:
    """Tells the owner if an SDK may have repeated the request by itself. It may also be meant: both are made."""
    first = claims.claim(claim_of_likely_repeat(task), now)
    if first.task_id >= task.id or task.possible_repeat:
        return task
    task = replace(task, possible_repeat=first.task_id)
    notices.publish(possible_repeat(task, now), possible_repeat_attributes(task))
    return record(task, lambda task: replace(task, possible_repeat=first.task_id), tasks=tasks)


def _through(task: Task) -> bool:
    return task.state is State.ARCHIVING or task.state.terminal


def _without_provider(task: Task, trouble: str, *, tasks: Tasks, now: datetime) -> Task:
    """Somebody will mend the configuration before the deadline; until then it is as if the provider were busy."""
    expected = schedule.expected_seconds(task.request)
    return record(task, lambda task: _setback(task, trouble, None, expected, now), tasks=tasks)


def _look(task: Task, provider: Provider, *, tasks: Tasks, now: datetime) -> Task:
    observation = provider.observe(task)
    if isinstance(observation, Unreadable) and observation.raw:
        tasks.keep_odd_answer(task.id, observation.reason, observation.raw, now)
    expected = provider.typical_seconds or schedule.expected_seconds(task.request)
    return record(task, lambda task: _observed(task, observation, expected, now), tasks=tasks)


def glance(task: Task, provider: Provider, *, tasks: Tasks, now: datetime) -> Task:
    """A look out of turn at a task that the provider has. It can only help: what is not learned is not held against
    the task, and the next look in turn stays where it is.

    Whoever sees the end so gives the task an execution, which is counted here: the one that waits does not know.
    """
    observation = provider.observe(task)
    match observation:
        case Busy() | Missing() | Unreadable():
            return task
        case Pending() | Succeeded() | Failed():
            pass
    expected = provider.typical_seconds or schedule.expected_seconds(task.request)

    def seen(task: Task) -> Task:
        after = _observed(task, observation, expected, now)
        if _through(after):
            return replace(after, runs=task.runs + 1)
        return replace(after, next_look_at=task.next_look_at)

    return record(task, seen, tasks=tasks)


def _observed(task: Task, observation: Observation, expected: float, now: datetime) -> Task:
    """The task after this observation. Raises Backward for one that comes too late."""
    if _through(task):  # another look came first, and what it saw may be half kept by now
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
            return _next_look(task.advanced(state, now), expected, now)
        case Succeeded(creations) if not fits_record(task.request, creations):
            unheard_of = Unreadable("the provider names more files than a task's record has room for", made=True)
            return _observed(task, unheard_of, expected, now)
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
        case Missing() if task.absences + 1 >= _MISSING_MEANS_LOST:
            message = "the provider does not know this task any more"
            return task.failed(Failure(reason=FailureClass.LOST, message=message), now)
        case Missing():
            task = replace(task, absences=task.absences + 1)
            return _setback(task, "the provider does not know this task", None, expected, now)
        case Busy(reason, retry_after):
            return _setback(task, reason, retry_after, expected, now)
        case Unreadable(reason, made=made):
            task = replace(task, not_understood_since=task.not_understood_since or now)
            if not made:
                return _setback(task, reason, None, expected, now)
            errors = task.setbacks if task.succeeded_at else 0
            task = replace(task, succeeded_at=task.succeeded_at or now, setbacks=errors)
            task = _setback(task, reason, None, expected, now)
            soon = now + timedelta(seconds=schedule.copy_wait(errors, 1.0))  # the links may be there in a moment
            return replace(task, next_look_at=min(soon, task.next_look_at or soon))


def _setback(task: Task, trouble: str, retry_after: float | None, expected: float, now: datetime) -> Task:
    task = replace(task, setbacks=task.setbacks + 1, trouble=trouble)
    return _next_look(task.advanced(task.state, now), expected, now, retry_after)


def _next_look(task: Task, expected: float, now: datetime, retry_after: float | None = None) -> Task:
    wait = schedule.next_wait(task, expected, now, retry_after)
    return replace(task, looks=task.looks + 1, next_look_at=now + timedelta(seconds=wait))


def _place_again(task: Task, provider: Provider, *, tasks: Tasks, requests: Requests, now: datetime) -> Task:
    """The provider was busy or out of reach before, so the call was certainly not accepted."""
    if now >= task.deadline:
        return task
    request = requests.request(task.request_key) if task.request_key else task.request
    task = replace(task, submission=Submission.PLACING, placing_at=now, placements=task.placements + 1)
    task = tasks.save(task)  # Stale: cancelled meanwhile, or another run
    return place(task, request, provider, tasks=tasks, now=now)


def _settled(task: Task, finding: Finding, provider: Provider, *, tasks: Tasks, now: datetime) -> Task:
    expected = provider.typical_seconds or schedule.expected_seconds(task.request)
    since = now - task.lost_since

    def outcome(current: Task) -> Task:
        about = (*_LOST, Submission.WAITING) if isinstance(finding, Found) else _LOST
        if current.submission not in about or current.lost_since != task.lost_since:
            raise Backward("what was found is about an earlier call, or comes too late")
        match finding:
            case Found(provider_task_id):
                placed = replace(
                    current,
                    submission=Submission.PLACED,
                    provider_task_id=provider_task_id,
                    deadline=max(current.deadline, schedule.deadline(current.request, current.lost_since)),
                )
                return _next_look(placed.advanced(State.QUEUEING, now), expected, now)
            case Absent() if since < schedule.LISTED_IN_ORDER_AFTER:
                return _setback(current, "the provider does not list this task yet", None, expected, now)
            case Absent() if current.placements >= _MOST_PLACEMENTS:
                return current.failed(_UNPLACEABLE, now)
            case Absent():
                wait = schedule.next_wait(current, expected, now)
                return current.advanced(
                    State.CREATED,
                    now,
                    submission=Submission.WAITING,
                    next_look_at=now + timedelta(seconds=wait),
                    trouble="the submission did not arrive at the provider",
                )
            case Uncertain(reason) if since < _OUT_OF_ORDER_FOR:
                return _setback(
                    current, f"the provider's answer to the submission was lost: {reason}", None, expected, now
                )
            case Untraceable() if since < _CALL_IS_OVER_AFTER:  # whoever makes it may yet hear the answer
                return _setback(current, "the provider's answer to the submission was lost", None, expected, now)
            case Uncertain() | Untraceable():
                return current.failed(_UNKNOWN_OUTCOME, now)

    return record(task, outcome, tasks=tasks)


def _is_overdue(task: Task, now: datetime) -> bool:
    """A provider that cannot be heard or understood at the deadline may have made it all the same."""
    unheard = _is_unheard(task)
    return not _through(task) and now >= task.deadline + (_OUT_OF_ORDER_FOR if unheard else timedelta())


def _is_unheard(task: Task) -> bool:
    unsure = task.setbacks > 0 or task.not_understood_since is not None
    return unsure and task.submission is not Submission.WAITING


def _expired(task: Task, now: datetime) -> Task:
    if not _is_overdue(task, now):
        raise Backward("another look was luckier")
    return task.failed(_overdue(task), now)


def _overdue(task: Task) -> Failure:
    if task.submission in _LOST:
        return _UNKNOWN_OUTCOME
    trouble = f"; last: {task.trouble}" if task.trouble else ""
    if task.succeeded_at:
        return Failure(reason=FailureClass.LOST, message=f"the provider says that it made it, but not where{trouble}")
    if task.not_understood_since:
        message = f"the provider answered, but not in words that are understood here{trouble}; submitted again, "
        return Failure(reason=FailureClass.LOST, message=f"{message}it may be paid for twice")
    message = f"no result within {task.deadline - task.created_at}{trouble}"
    return Failure(reason=FailureClass.DEADLINE, message=message, retryable=not _is_unheard(task))
