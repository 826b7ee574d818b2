"""Submit: take a task in, place it with a provider, and start seeing it through."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import ids, schedule
from reelkeep.domain.errors import InvalidRequest, Refused, TryLater
from reelkeep.domain.slim import is_big, slim
from reelkeep.domain.task import Request, State, Task
from reelkeep.ports import Caller, Clock, Executions, Providers, Requests, Tasks
from reelkeep.services.place import place
from reelkeep.services.record import record

PLACING_TAKES_AT_MOST = timedelta(seconds=60)  # longer than a function of the API may run


def submit(
    request: Request,
    caller: Caller,
    *,
    tasks: Tasks,
    requests: Requests,
    providers: Providers,
    executions: Executions,
    clock: Clock,
    new_id: Callable[[datetime], str],
) -> Task:
    """The accepted task. Raises InvalidRequest before anything is recorded, Refused if the provider said no.

    Whatever else the provider does, the client gets its task: the machine finds out what became of it.
    """
    source = _source(request, caller, tasks=tasks)
    provider = providers.choose(replace(request, provider=source.provider) if source else request)
    now = clock()
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
        next_look_at=now + PLACING_TAKES_AT_MOST,
        source_creation=source.creation if source else "",
    )
    provider.check(task)
    if is_big(request):
        task = replace(task, request_key=requests.keep_request(task), request=slim(request))
    task = place(tasks.create(task), request, provider, tasks=tasks, now=now)
    if task.state is State.FAILED and task.failure is not None:
        record(task, lambda task: replace(task, told_at=now), tasks=tasks)  # by this very answer
        raise Refused(task.failure)
    with suppress(TryLater):  # the client must get its task; the sweep starts an execution later
        executions.start(task, wait_seconds=schedule.seconds_until(task.next_look_at, now))
    return replace(task, request=request)


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
