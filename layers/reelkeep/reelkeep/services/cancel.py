"""Cancel: stop a task that has not begun, if its provider still can."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from reelkeep.domain.errors import CannotCancel, TryLater
from reelkeep.domain.observation import Pending
from reelkeep.domain.task import Backward, DispatchStatus, Failure, FailureClass, State, Task
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Providers
from reelkeep.ports.tasks import Tasks
from reelkeep.services.query import show
from reelkeep.services.record import record
from reelkeep.services.room import Room

_BY_CLIENT = Failure(reason=FailureClass.CANCELLED, code="UserCancelled", message="cancelled by the client")


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancels a task. The running execution sees the end at its next poll, and announces it."""

    tasks: Tasks
    providers: Providers
    room: Room
    clock: Clock

    def __call__(self, task_id: str, caller: Caller) -> Task:
        """The cancelled task. Raises CannotCancel if it is too late, NotFound if it is not this owner's."""
        task = show(task_id, caller, tasks=self.tasks)
        if task.dispatch.status is DispatchStatus.WAITING and not task.state.terminal:
            task = self._record(task)
        elif task.state in (State.QUEUEING, State.PROCESSING) and task.dispatch.status is DispatchStatus.ACCEPTED:
            provider = self.providers.get(task.provider)
            # What we know of it is a while old; and there are providers where the call that cancels a task in the
            # queue erases one that is done.
            seen = provider.observe(task)
            if seen == Pending(State.QUEUEING) and provider.cancel(task):
                task = self._record(task)
            elif isinstance(seen, Pending):
                raise CannotCancel(seen.state)
        if task.state is not State.CANCELLED:
            raise CannotCancel(task.state)
        return task

    def _record(self, task: Task) -> Task:
        """Unless the billable call was begun meanwhile, or another poll saw that the task is done: what was made is
        archived."""
        now, cancelled_in = self.clock(), task.dispatch.status

        def change(task: Task) -> Task:
            if task.state is State.ARCHIVING or task.dispatch.status is not cancelled_in:
                raise Backward("it is too late")
            return task.failed(_BY_CLIENT, now)

        task = record(task, change, tasks=self.tasks)
        if task.state.terminal:
            with suppress(TryLater):  # the running execution does that, too
                self.room.leave(task)
        return task
