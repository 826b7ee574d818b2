"""Query: show one task, list some, follow a permanent link. An owner sees its own tasks only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from reelkeep.domain import ids, links, room
from reelkeep.domain.counts import Counts
from reelkeep.domain.errors import NotFound, TryLater, lacking, wrong
from reelkeep.domain.listing import EVERY_OWNER, MOST_OWNERS, Listing, Page
from reelkeep.domain.room import InLine, Turn
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import DispatchStatus, Task
from reelkeep.ports.archive import Requests, Sign
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock, Secret
from reelkeep.ports.providers import Slots
from reelkeep.ports.tasks import Tasks
from reelkeep.services.forecasts import Forecasts


def show(task_id: str, caller: Caller, *, tasks: Tasks, operates: bool = False) -> Task:
    """Raises NotFound for an id that is not ours or not this owner's: the two look the same from outside.

    If the caller `operates` the service, every owner's is shown."""
    task = find(task_id, caller, tasks=tasks, operates=operates)
    if task.removed_at:
        raise _unknown(task_id)
    return task


def find(task_id: str, caller: Caller, *, tasks: Tasks, operates: bool = False) -> Task:
    """Also a task that its owner has hidden or erased. Raises NotFound as `show` does."""
    task = tasks.get(task_id) if ids.is_task_id(task_id) else None
    if task is None or (task.owner != caller.owner and not operates):
        raise _unknown(task_id)
    return task


def _unknown(task_id: str) -> NotFound:
    return NotFound(f"there is no task {task_id[:64]}", field="task_id")


@dataclass(frozen=True, slots=True)
class ShowWhole:
    """Shows a task with the payload that the client gave it, however big, until the stored request expires.

    To operators it shows every owner's.
    """

    tasks: Tasks
    requests: Requests

    def __call__(self, task_id: str, caller: Caller) -> Task:
        """Raises NotFound as `show` does."""
        task = show(task_id, caller, tasks=self.tasks, operates=Scope.OPERATE in caller.scopes)
        if task.request.payload_omitted:
            with suppress(LookupError):
                return task.asking(self.requests.request(task.request_key))
        return task


class _Line(NamedTuple):
    read_at: datetime
    waiting: list[InLine]
    turns: list[Turn]
    held: int


@dataclass(frozen=True, slots=True)
class FindPlace:
    """Finds where a task is in line, if it waits for room at its provider, or for its owner's tasks.

    However many wait and ask, few items are read: the first of each owner, once in a while for all who ask.
    """

    slots: Slots
    forecasts: Forecasts
    clock: Clock
    counts: Callable[[str], Counts] = lambda _: {}  # of what limits are checked by; raises TryLater
    _lines: dict[str, _Line] = field(default_factory=dict)  # by provider

    def __call__(self, task: Task) -> Task:
        waits = task.dispatch.status is DispatchStatus.WAITING and not task.dispatch.slot
        if not waits or task.state.terminal or not room.waits_in_line(task):
            return task
        with suppress(TryLater):  # the rest of the task can be shown
            line = self._line(room.line_of(task), task)
            usual = self.forecasts.of(task.provider, task.request).quantile(0.5)
            place = room.place(task, line.waiting, line.turns, line.held, usual, self.clock())
            return replace(task, place=place)
        return task

    def _line(self, provider: str, task: Task) -> _Line:
        now, known = self.clock(), self._lines.get(provider)
        if known is None or now >= known.read_at + room.COUNTED_FOR:
            turns = self.slots.turns(provider)
            waiting = [
                each for owner in room.counted(turns) for each in self.slots.line(provider, owner, room.MOST_COUNTED)
            ]
            if room.waits_for_owner(task):
                held = int(self.counts(task.owner).get("at_once", 0))
            else:
                held = len(self.slots.leases(provider)[1])
            known = _Line(now, waiting, turns, held)
            self._lines[provider] = known
        return known


@dataclass(frozen=True, slots=True)
class ListTasks:
    tasks: Tasks
    clock: Clock
    owners: Callable[[], Sequence[str]] = tuple  # every owner who has a key

    def __call__(self, listing: Listing, caller: Caller, window: timedelta | None = None) -> Page:
        """One page. `window` is how far back it reaches from its end, or from now, if the listing does not say.

        Raises Forbidden for another owner's tasks, which operators may list, InvalidRequest for too many owners'.
        """
        asked = listing.filter
        if window and asked.created_from is None and not asked.task_ids:
            end = min(asked.created_to or self.clock(), self.clock())
            beginning = max(end, datetime.min.replace(tzinfo=UTC) + window) - window
            listing = replace(listing, filter=replace(asked, created_from=beginning))
        return self.tasks.page(self._owners(listing, caller), listing)

    def _owners(self, listing: Listing, caller: Caller) -> str | tuple[str, ...]:
        if listing.owner in ("", caller.owner):
            return caller.owner
        if Scope.OPERATE not in caller.scopes:
            raise lacking(Scope.OPERATE)
        if listing.owner != EVERY_OWNER:
            return listing.owner
        if listing.filter.unfinished or listing.filter.task_ids:  # these are found without an owner
            return ()
        names = tuple(sorted({caller.owner, *self.owners()}))
        if len(names) > MOST_OWNERS:
            several = f"{len(names)} owners, and the finished tasks of {MOST_OWNERS} at most are listed together"
            raise wrong("owner", f"must name one: there are {several}")
        return names


@dataclass(frozen=True, slots=True)
class FollowLink:
    tasks: Tasks
    sign: Sign
    secret: Secret

    def __call__(
        self, token: str, task_id: str, file: str, method: str, name: str = "", *, attachment: bool = False
    ) -> str:
        """The signed link that a permanent link leads to. `name` is what the client wants the file to be called.

        Raises NotFound for a link that is not one of ours, or was revoked, and for the file of an erased task. While
        a lost table is not rebuilt, files are still found.
        """
        task = self.tasks.get(task_id) if ids.is_task_id(task_id) else None
        kept = [asset.archived for asset in task.assets if asset.archived] if task else []
        epochs = [each.link_epoch for each in kept if each.key.endswith(f"/{file}")] if task else [0]
        secret = self.secret.value().encode()
        if not any(links.is_valid(token, task_id, file, secret, epoch) for epoch in epochs):
            raise NotFound("there is no such file any more, or its link was revoked")
        name = links.safe_name(name) or (links.file_name(task, file) if task else file)
        return self.sign(task_id, file, method, name, attachment=attachment)
