"""Provider callback: a provider calls about a task. That is a hint to poll now, and nothing else is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from reelkeep.domain import ids
from reelkeep.domain.errors import Conflict, NotFound, Stale, Unauthorized
from reelkeep.domain.provider_callbacks import CALLBACK_REPLAY_WINDOW
from reelkeep.domain.task import Backward, State, Task
from reelkeep.ports.platform import Clock
from reelkeep.ports.providers import Provider, Providers, SeenCallbacks
from reelkeep.ports.tasks import Tasks
from reelkeep.services.early_end import RecordEarlyEnd
from reelkeep.services.record import try_record

_BETWEEN_POLLS = timedelta(seconds=1)  # of one task, however often the provider calls


@dataclass(frozen=True, slots=True)
class ProviderCallback:
    """Polls once. If the provider is done, the task is finalized at once. If not, nothing changes: polling goes on as
    planned.

    A signed callback is accepted once. What fails on our side is not, and may be repeated as it was.
    """

    tasks: Tasks
    providers: Providers
    seen: SeenCallbacks
    record_early_end: RecordEarlyEnd
    clock: Clock
    pause: Callable[[float], None]

    def __call__(self, token: str, task_id: str, headers: Mapping[str, str]) -> None:
        """Raises NotFound for an address that is not ours, and Unauthorized for a signature that is old or not the
        provider's, both before anything is read or written; Conflict for a callback that was accepted before;
        TryLater."""
        called_at = self.clock()
        provider = self.providers.called(token, task_id) if ids.is_task_id(task_id) else None
        if provider is None:
            raise NotFound("there is nothing here")
        name = provider.signed(task_id, headers, called_at)
        if name is None:
            raise Unauthorized("the signature is missing, wrong or old")
        if name and self.seen.contains(provider.name, name):
            raise Conflict("this callback was made before")
        self._poll(task_id, provider, called_at)
        if name:
            self.seen.add(provider.name, name, called_at + CALLBACK_REPLAY_WINDOW)

    def _poll(self, task_id: str, provider: Provider, called_at: datetime) -> None:
        task = self._claim(task_id, called_at)
        if task is None:
            return
        now, observation = self.clock(), provider.observe(task)
        after = self.record_early_end(task, provider, observation, now, unfinished_at=now)  # it called at once
        if after is not None and after.is_generated:
            self.record_early_end.room.reports.called_back(provider.name, called_at)

    def _claim(self, task_id: str, called_at: datetime) -> Task | None:
        """The task, for us alone to poll; None if its end is known, or a poll was begun since the provider called."""

        def claimed(task: Task) -> Task:
            last = task.polling.called_back_at
            if not _is_awaited(task) or (last and last >= called_at):
                raise Backward("there is no need to poll")
            early = (last + _BETWEEN_POLLS - self.clock()).total_seconds() if last else 0
            if early > 0:  # not now, but after that: what changed since the last poll must not go unseen
                self.pause(early)
                raise Stale("it may have changed in the meantime")
            return task.with_polling(called_back_at=self.clock())

        task = self.tasks.get(task_id)
        if task is None:
            return None
        with suppress(Stale):
            return try_record(task, claimed, tasks=self.tasks)
        return None


def _is_awaited(task: Task) -> bool:
    """The provider has it, and is at work on it as far as we know."""
    return task.state in (State.QUEUEING, State.PROCESSING)
