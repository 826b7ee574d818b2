"""Tasks, their submissions, and their executions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from reelkeep.domain.claims import Claim
from reelkeep.domain.counts import Demand
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Task


class Claims(Protocol):
    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        """The claim that stands from now on: this one, or the one of the same owner and name that was made before.

        One that has expired gives way, and so does one for the task `instead_of`. Raises TryLater.
        """


class Due(NamedTuple):
    """What the sweep needs to know of every unfinished task."""

    task_id: str
    overdue_at: datetime
    links_die_at: datetime  # those of its files that are not archived


class Tasks(Protocol):
    def create(self, task: Task) -> Task:
        """Raises Stale if there is a task of this id, TryLater."""

    def create_under(self, claim: Claim, task: Task) -> Task:
        """As `create`. Raises Stale also if the claim, which another submission has made, stands no more."""

    def get(self, task_id: str) -> Task | None: ...

    def save(self, task: Task) -> Task:
        """Replaces the record this task was read from. Raises Stale if somebody else did so meanwhile, TryLater."""

    def save_counted(self, task: Task, demand: Demand, now: datetime) -> Task | None:
        """As `save`, and counts it for its owner: both or neither. None if a count does not let it."""

    def page(self, owners: str | tuple[str, ...], listing: Listing) -> Page:
        """Of one owner's tasks, or of several owners'. If no owner is named, of all; only for unfinished tasks."""

    def unfinished(self) -> Iterator[Task]:
        """Every task that has not ended, or whose end is not announced yet; oldest first within a shard."""

    def due(self, shard: str) -> Iterator[Due]:
        """Of those whose ids end in this hexadecimal digit; what was recorded seconds ago may be missing.

        A task that release 0.2.0 recorded is always overdue. Raises TryLater.
        """

    def get_all(self, task_ids: Sequence[str]) -> list[Task]:
        """A hundred at most, without those that are not there. Raises TryLater."""

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        """Our tasks that have this id at this provider. One that was recorded seconds ago may be missing."""

    def store_raw_response(self, task_id: str, reason: str, raw: bytes, now: datetime) -> None:
        """For diagnosis, for 30 days; secrets are taken out."""

    def erase_raw_responses(self, task_id: str) -> None: ...


class Executions(Protocol):
    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        """Starts the run whose number the task has (`executions`); a second time changes nothing. Raises TryLater.

        `provider_task_id` goes along to the first poll if it could not be recorded.
        """

    def watch(self, provider: str, now: datetime) -> None:
        """Starts a watch of this provider's list, one a minute at most. Raises TryLater."""


class Finalizing(Protocol):
    def start(self, task: Task) -> None:
        """Has the task finalized at once, beside its execution, and does not wait for it. Raises TryLater."""
