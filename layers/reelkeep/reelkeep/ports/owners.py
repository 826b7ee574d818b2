"""Who asks: keys, owners, what counts against their limits, what they spent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from reelkeep.domain.counts import Changes, Counts, Demand
from reelkeep.domain.limits import NO_LIMITS, Limits
from reelkeep.domain.owner_settings import USUAL_SETTINGS, OwnerSettings
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.domain.task import Task

if TYPE_CHECKING:  # most functions do without them
    from reelkeep.domain.keys import ApiKey, KeySettings
    from reelkeep.domain.ledger import Account, Balance, Entry


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the owner of a key, and which key."""

    owner: str
    key_id: str
    ends_at: datetime | None = None  # of the key, which makes none that would be good for longer
    scopes: frozenset[Scope] = USUAL  # of the key, which makes none with more
    limits: Limits = NO_LIMITS  # of the key alone
    settings: OwnerSettings = USUAL_SETTINGS
    stopped_providers: frozenset[str] = frozenset()

    @property
    def repeat_window(self) -> timedelta:
        """In which an identical body is taken as a repeat, without a key for it."""
        return timedelta(seconds=self.settings.repeat_window)


class Keys(Protocol):
    def caller(self, key: str) -> Caller | None:
        """Who this key belongs to; None if it is unknown or revoked."""


class Counters(Protocol):
    """What counts against the limits of owners. Everything raises TryLater."""

    def counts(self, owner: str) -> Counts: ...

    def reserve(self, owner: str, demand: Demand, now: datetime) -> Counts | int:
        """Counts a submission, and returns its number; or the counts that there are, if one does not let it."""

    def give_back(self, owner: str, changes: Changes, token: str) -> None:
        """Takes these from the counts. A second time, with the same token, changes nothing."""

    def warned(self, owner: str, name: str, amount: Decimal) -> None:
        """Sets this count, unless it is higher."""

    def forget(self, owner: str, names: Collection[str]) -> None: ...

    def rebuild(self, owner: str, counts: Changes, known: Counts | None = None) -> bool:
        """Sets these counts. Whether it did: not if one of them is another than is `known`, or a submission came."""


class Owners(Protocol):
    def settings(self, name: str) -> OwnerSettings:
        """Raises NotFound."""

    def change(self, name: str, edit: Callable[[OwnerSettings], OwnerSettings]) -> OwnerSettings:
        """Raises InvalidRequest, NotFound, Stale."""

    def stop_provider(self, provider: str, *, start: bool = False) -> frozenset[str]:
        """From now on it gets no submissions, or gets them again. All that are stopped then."""


class OwnersKeys(Protocol):
    """The keys of an owner, as it manages them itself."""

    def create(self, owner: str, wanted: KeySettings, now: datetime) -> tuple[str, ApiKey]:
        """The key itself, which cannot be had again, and what is kept of it. Raises InvalidRequest."""

    def all(self, owner: str) -> list[ApiKey]:
        """Oldest first; revoked ones too."""

    def revoke(self, key_id: str, now: datetime, owner: str) -> ApiKey:
        """A second time changes nothing. Raises NotFound."""


class Ledger(Protocol):
    """What tasks cost: the entries of each, and their sums. Everything raises TryLater."""

    def entries(self, task_id: str) -> Sequence[Entry]:
        """In their order."""

    def add(self, task: Task, before: Sequence[Entry], entries: Sequence[Entry]) -> None:
        """All of them, and what they change in the sums and in the counts of limits, or nothing. Raises Stale if a
        number is taken."""

    def admits(self, owner: str, day: date, tags: tuple[str, ...]) -> bool:
        """Whether this set of tags has sums of its own on that day: it has any, or the owner has few enough."""

    def sums(self, day: date, owner: str | None) -> Iterable[tuple[Account, Balance]]:
        """Of the tasks submitted on that day, by this owner or by all. An account may come more than once."""
