"""Wake: a provider calls about a task. That is a hint to look now, and nothing else that it says is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.domain import ids
from reelkeep.domain.errors import Conflict, NotFound, Stale, TryLater, Unauthorized
from reelkeep.domain.task import State, Task
from reelkeep.domain.wake import CALLBACK_REPLAY_WINDOW
from reelkeep.ports import Calls, Clock, Executions, Provider, Providers, Tasks
from reelkeep.services.poll import glance

_BETWEEN_LOOKS = timedelta(seconds=1)  # at one task, however often the provider calls
_ATTEMPTS = 8


def wake(
    token: str,
    task_id: str,
    headers: Mapping[str, str],
    *,
    tasks: Tasks,
    providers: Providers,
    calls: Calls,
    executions: Executions,
    clock: Clock,
    pause: Callable[[float], None],
) -> None:
    """If the provider is done, the task goes on at once, in a new execution; the one that waits will find nothing to
    do. If not, nothing changes: polling goes on as planned.

    A signed call is taken once. What fails on our side is not taken, and may be repeated as it was. Raises NotFound
    for an address that is not ours, and Unauthorized for a signature that is not the provider's or old, both before
    anything is read or written; Conflict for a call that was taken before; TryLater.
    """
    called_at = clock()
    provider = providers.called(token, task_id) if ids.is_task_id(task_id) else None
    if provider is None:
        raise NotFound("there is nothing here")
    call = provider.signed(task_id, headers, called_at)
    if call is None:
        raise Unauthorized("the signature is missing, wrong or old")
    if call and calls.taken(provider.name, call):
        raise Conflict("this call was made before")
    _wake(task_id, provider, called_at, tasks=tasks, executions=executions, clock=clock, pause=pause)
    if call:
        calls.take(provider.name, call, called_at + CALLBACK_REPLAY_WINDOW)


def _wake(
    task_id: str,
    provider: Provider,
    called_at: datetime,
    *,
    tasks: Tasks,
    executions: Executions,
    clock: Clock,
    pause: Callable[[float], None],
) -> None:
    task = _claimed(task_id, called_at, tasks=tasks, clock=clock, pause=pause)
    if task is None:
        return
    task = glance(task, provider, tasks=tasks, now=clock())
    if not _awaited(task):
        with suppress(TryLater):  # the execution that waits gets there, later
            executions.start(task, wait_seconds=0)


def _claimed(
    task_id: str, called_at: datetime, *, tasks: Tasks, clock: Clock, pause: Callable[[float], None]
) -> Task | None:
    """The task, for us alone to look at; None if its end is known, or a look was begun since the provider called."""
    for _ in range(_ATTEMPTS):
        task = tasks.get(task_id)
        if task is None or not _awaited(task):
            return None
        if task.woken_at is not None:
            if task.woken_at >= called_at:
                return None
            early = (task.woken_at + _BETWEEN_LOOKS - clock()).total_seconds()
            if early > 0:  # not now, but after that: what changed since the last look must not go unseen
                pause(early)
                continue
        with suppress(Stale):
            return tasks.save(replace(task, woken_at=clock()))
    return None


def _awaited(task: Task) -> bool:
    """The provider has it, and is at work on it as far as we know."""
    return task.state in (State.QUEUEING, State.PROCESSING)
