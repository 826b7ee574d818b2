"""Query: show one task, list some, follow a permanent link. An owner sees its own tasks only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reelkeep.domain import ids, links
from reelkeep.domain.errors import NotFound
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Task
from reelkeep.ports import Caller, Clock, Requests, Secret, Sign, Tasks


def show(task_id: str, caller: Caller, *, tasks: Tasks) -> Task:
    """Raises NotFound for an id that is not ours or not this owner's: the two look the same from outside."""
    task = tasks.get(task_id) if ids.is_task_id(task_id) else None
    if task is None or task.owner != caller.owner or task.removed_at:
        raise NotFound(f"there is no task {task_id[:64]}", field="task_id")
    return task


def show_whole(task_id: str, caller: Caller, *, tasks: Tasks, requests: Requests) -> Task:
    """With the payload that the client gave it, however big."""
    task = show(task_id, caller, tasks=tasks)
    return task.asking(requests.request(task.request_key)) if task.request.payload_omitted else task


def list_tasks(
    listing: Listing, caller: Caller, window: timedelta | None = None, *, tasks: Tasks, clock: Clock
) -> Page:
    """One page. `window` is how far back it reaches from its end, or from now, if the listing does not say."""
    asked = listing.filter
    if window and asked.created_from is None and not asked.task_ids:
        end = min(asked.created_to or clock(), clock())
        beginning = max(end, datetime.min.replace(tzinfo=UTC) + window) - window
        listing = replace(listing, filter=replace(asked, created_from=beginning))
    return tasks.page(caller.owner, listing)


def follow(token: str, task_id: str, file: str, method: str, *, sign: Sign, secret: Secret) -> str:
    """The signed link that a permanent link leads to. Raises NotFound for a link that is not one of ours."""
    if not links.is_valid(token, task_id, file, secret.value().encode()):
        raise NotFound("there is no such file, or its link was revoked")
    return sign(task_id, file, method)
