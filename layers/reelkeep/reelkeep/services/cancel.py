"""Cancel: stop a task that has not begun, if its provider still can."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from reelkeep.domain.errors import CannotCancel, Stale
from reelkeep.domain.observation import Pending
from reelkeep.domain.task import Backward, Failure, FailureClass, State, Submission, Task
from reelkeep.ports import Caller, Clock, Providers, Tasks
from reelkeep.services.query import show
from reelkeep.services.record import record

_BY_CLIENT = Failure(reason=FailureClass.CANCELLED, code="UserCancelled", message="cancelled by the client")


def cancel(task_id: str, caller: Caller, *, tasks: Tasks, providers: Providers, clock: Clock) -> Task:
    """The cancelled task. Raises CannotCancel if it is too late, NotFound if it is not this owner's.

    The running execution sees the end at its next look, and tells.
    """
    task = show(task_id, caller, tasks=tasks)
    if task.state is State.CANCELLED:
        return task
    match task.submission:
        case Submission.WAITING if not task.state.terminal:  # a placement begun meanwhile wins: this is stale then
            with suppress(Stale):
                return tasks.save(task.failed(_BY_CLIENT, clock()))
        case Submission.PLACED if task.state in (State.QUEUEING, State.PROCESSING):
            provider = providers.get(task.provider)
            # What we know of it is a while old; and there are providers where the call that cancels a task in the
            # queue erases one that is done.
            seen = provider.observe(task)
            if seen == Pending(State.QUEUEING) and provider.cancel(task):
                return _cancelled(task, tasks=tasks, now=clock())
            if isinstance(seen, Pending):
                raise CannotCancel(seen.state)
    raise CannotCancel(task.state)


def _cancelled(task: Task, *, tasks: Tasks, now: datetime) -> Task:
    """Raises CannotCancel if another look saw meanwhile that it is done: what was made is kept."""

    def change(task: Task) -> Task:
        if task.state is State.ARCHIVING:
            raise Backward("it is done")
        return task.failed(_BY_CLIENT, now)

    task = record(task, change, tasks=tasks)
    if task.state is not State.CANCELLED:
        raise CannotCancel(task.state)
    return task
