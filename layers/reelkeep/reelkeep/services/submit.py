"""Submit: take a task in, place it with a provider, and start seeing it through."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import ids, schedule
from reelkeep.domain.claims import Claim, check_key, claim_of, fingerprint, key_reused
from reelkeep.domain.errors import InvalidRequest, Refused, Stale, TryLater
from reelkeep.domain.record_size import needs_truncation, truncate_request
from reelkeep.domain.task import Backward, FailureClass, Request, State, Submission, Task
from reelkeep.ports import Caller, Claims, Clock, Destinations, Executions, Providers, Requests, Tasks
from reelkeep.services.place import Unrecorded, place
from reelkeep.services.record import read, record

PLACING_TAKES_AT_MOST = timedelta(seconds=35)  # longer than a function of the API may run
_TIME_TO_CALL = timedelta(seconds=5)  # the call takes 20 s at most, and the function has 29 s for everything


def submit(
    request: Request,
    caller: Caller,
    key: str | None = None,
    attempt: int | None = None,
    *,
    tasks: Tasks,
    claims: Claims,
    requests: Requests,
    providers: Providers,
    executions: Executions,
    destinations: Destinations,
    clock: Clock,
    new_id: Callable[[datetime], str],
) -> Task:
    """The accepted task. Raises InvalidRequest before anything is recorded, Refused if the provider said no.

    Whatever else the provider does, the client gets its task: the machine finds out what became of it.
    `key` is the client's own name for this submission: sent again with the same request it gives the same task, or
    the same refusal. Raises KeyReused if it comes with another request.
    `attempt` is how often the client has sent this very request before, if it counts that: from 1 on, it is the task
    of the latest first attempt.
    """
    now = clock()  # of what follows, looking a name up may take its time, too
    check_key(key)
    if request.callback_url:
        destinations.check(request.callback_url, "callback_url")
    source = _source(request, caller, tasks=tasks)
    provider = providers.choose(replace(request, provider=source.provider) if source else request)
    sent, request = request, request.with_default_model(provider.default_model)
    task_id = new_id(now)
    task = Task(
        id=task_id,
        owner=caller.owner,
        key_id=caller.key_id,
        provider=provider.name,
        request=request,
        created_at=ids.created_at(task_id),
        updated_at=now,
        deadline=schedule.deadline(request, now),
        placing_at=now,
        placements=1,
        next_look_at=now + PLACING_TAKES_AT_MOST,
        source_creation=source.creation if source else "",
    )
    provider.check(task)
    claim = claim_of(
        sent,
        owner=caller.owner,
        key=key,
        window=caller.repeat_window,
        attempt=attempt,
        task_id=task_id,
        now=now,
    )
    if claim is None:
        task = replace(task, fingerprint=fingerprint(sent))
    elif claim.sort == "attempt" and attempt == 0:
        _begin(claim, claims=claims, now=now)
    else:
        claimed_id, known = _claimed(claim, claims=claims, tasks=tasks, now=now)
        if known:
            return _repeated(known, request, tasks=tasks, executions=executions, now=now)
        task = replace(task, id=claimed_id, created_at=ids.created_at(claimed_id))
    if needs_truncation(request):
        task = replace(task, request_key=requests.store_request(task), request=truncate_request(request))
    try:
        task = tasks.create(task)
    except Stale:  # by the same submission, which came twice at once: only one of them calls the provider
        return _repeated(read(task.id, tasks=tasks), request, tasks=tasks, executions=executions, now=now)
    unrecorded = ""
    with suppress(TryLater):  # recorded as placing, whatever could not be recorded after that
        if clock() - now < _TIME_TO_CALL:
            try:
                task = place(task, request, provider, tasks=tasks, now=now)
            except Unrecorded as accepted:
                unrecorded = accepted.provider_task_id
        else:
            task = record(task, _left_to_the_machine, tasks=tasks)
        if task.submission is Submission.REFUSED and not task.promised:
            task = record(task, lambda task: replace(task, told_at=now), tasks=tasks)  # by this very answer
    return _accepted(task, request, unrecorded, executions=executions, now=now)


def _begin(claim: Claim, *, claims: Claims, now: datetime) -> None:
    """Takes the place of an earlier first attempt: this is another task, whatever it looks like."""
    standing = claims.claim(claim, now)
    if standing.task_id != claim.task_id:
        claims.claim(claim, now, instead_of=standing.task_id)


def _claimed(claim: Claim, *, claims: Claims, tasks: Tasks, now: datetime) -> tuple[str, Task | None]:
    """The id of the task that this submission is for, and the task if an earlier one recorded it.

    Not recorded means that the earlier one has not come so far, or never will: whoever creates the task first
    goes on. Raises KeyReused.
    """
    standing = claims.claim(claim, now)
    if standing.fingerprint != claim.fingerprint:
        raise key_reused()
    known = _earlier(standing, claim, tasks=tasks)
    if (
        known and claim.sort in ("request", "attempt") and _was_in_vain(known)
    ):  # this is no repeat: somebody tries once more
        standing = claims.claim(claim, now, instead_of=known.id)
        known = _earlier(standing, claim, tasks=tasks)
    return standing.task_id, known


def _earlier(standing: Claim, claim: Claim, *, tasks: Tasks) -> Task | None:
    return tasks.get(standing.task_id) if standing.task_id != claim.task_id else None


def _was_in_vain(task: Task) -> bool:
    """Over without a result, and certainly without one that is still to come."""
    lost = task.failure is not None and task.failure.reason is FailureClass.LOST
    return task.state.terminal and task.state is not State.SUCCESS and not lost


def _left_to_the_machine(task: Task) -> Task:
    return replace(task, submission=Submission.WAITING, next_look_at=task.updated_at)


def _repeated(task: Task, request: Request, *, tasks: Tasks, executions: Executions, now: datetime) -> Task:
    """The task of an earlier submission, as it is now. Raises Refused."""
    task = record(task, _promised, tasks=tasks)
    return _accepted(task, request, executions=executions, now=now)


def _promised(task: Task) -> Task:
    """Should the provider refuse it yet, a notice has to say so: this client's answer does not."""
    if task.submission is not Submission.PLACING or task.promised:
        raise Backward("there is nothing to remember")
    return replace(task, promised=True)


def _accepted(task: Task, request: Request, unrecorded: str = "", *, executions: Executions, now: datetime) -> Task:
    """With an execution to see it through. Raises Refused."""
    if task.submission is Submission.REFUSED and task.failure is not None:
        raise Refused(task.failure)
    if not task.state.terminal:
        with suppress(TryLater):  # the client must get its task; the sweep starts an execution later
            executions.start(task, schedule.seconds_until(task.next_look_at, now), unrecorded)
    return task.asking(request)


@dataclass(frozen=True, slots=True)
class _Source:
    provider: str
    creation: str  # its id there


def _source(request: Request, caller: Caller, *, tasks: Tasks) -> _Source | None:
    """Where the creation is known that the request builds on; None if it names none of ours."""
    found = ids.task_of_creation(request.creation_id)
    if found is None:
        return None
    task_id, number = found
    task = tasks.get(task_id)
    if task is None or task.owner != caller.owner or number > len(task.creations):
        raise InvalidRequest(f"there is no creation {request.creation_id}", field="creation_id")
    if request.provider not in ("", task.provider):
        raise InvalidRequest(f"the creation {request.creation_id} is at another provider", field="creation_id")
    return _Source(task.provider, task.creations[number - 1].provider_id)
