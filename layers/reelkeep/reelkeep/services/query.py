"""Query: show one task, list some, follow a permanent link. An owner sees its own tasks only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reelkeep.domain import ids, links, room
from reelkeep.domain.errors import NotFound, TryLater
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import DispatchStatus, Task
from reelkeep.ports import Caller, Clock, Requests, Secret, Sign, Slots, Tasks


def show(task_id: str, caller: Caller, *, tasks: Tasks) -> Task:
    """Raises NotFound for an id that is not ours or not this owner's: the two look the same from outside."""
    task = tasks.get(task_id) if ids.is_task_id(task_id) else None
    if task is None or task.owner != caller.owner or task.removed_at:
        raise NotFound(f"there is no task {task_id[:64]}", field="task_id")
    return task


@dataclass(frozen=True, slots=True)
class ShowWhole:
    """Shows a task with the payload that the client gave it, however big, until the stored request expires."""

    tasks: Tasks
    requests: Requests

    def __call__(self, task_id: str, caller: Caller) -> Task:
        """Raises NotFound as `show` does."""
        task = show(task_id, caller, tasks=self.tasks)
        if task.request.payload_omitted:
            with suppress(LookupError):
                return task.asking(self.requests.request(task.request_key))
        return task


@dataclass(frozen=True, slots=True)
class FindPlace:
    """Finds where a task is in line, if it waits for room at its provider."""

    slots: Slots
    clock: Clock

    def __call__(self, task: Task) -> Task:
        waits = task.dispatch.status is DispatchStatus.WAITING and not task.dispatch.slot
        if not waits or task.state.terminal or not room.needs_slot(task):
            return task
        with suppress(TryLater):  # the rest of the task can be shown
            line, turns = self.slots.line(task.provider), self.slots.turns(task.provider)
            held = len(self.slots.leases(task.provider)[1])
            return replace(task, place=room.place(task, line, turns, held, self.clock()))
        return task


@dataclass(frozen=True, slots=True)
class ListTasks:
    tasks: Tasks
    clock: Clock

    def __call__(self, listing: Listing, caller: Caller, window: timedelta | None = None) -> Page:
        """One page. `window` is how far back it reaches from its end, or from now, if the listing does not say."""
        asked = listing.filter
        if window and asked.created_from is None and not asked.task_ids:
            end = min(asked.created_to or self.clock(), self.clock())
            beginning = max(end, datetime.min.replace(tzinfo=UTC) + window) - window
            listing = replace(listing, filter=replace(asked, created_from=beginning))
        return self.tasks.page(caller.owner, listing)


@dataclass(frozen=True, slots=True)
class FollowLink:
    sign: Sign
    secret: Secret

    def __call__(self, token: str, task_id: str, file: str, method: str, download: str = "") -> str:
        """The signed link that a permanent link leads to. Raises NotFound for a link that is not one of ours."""
        if not links.is_valid(token, task_id, file, self.secret.value().encode()):
            raise NotFound("there is no such file, or its link was revoked")
        return self.sign(task_id, file, method, download)
