"""Providers, their slots, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.observation import DispatchOutcome, Finding, Listed, Observation
from reelkeep.domain.room import InLine, Lease, Limit, Turn
from reelkeep.domain.task import Asset, Price, Request, Task
from reelkeep.domain.upstream import Health, Trouble
from reelkeep.domain.wire import OtherTask

if TYPE_CHECKING:  # most functions do without them
    from reelkeep.domain.drift import AccountBalance, Reading

NoteTrouble = Callable[[str, Health, str], None]  # of a provider, of a kind, in words; writes nothing, never raises


class Slots(Protocol):
    """Providers' slots, who holds them, and the line of those who wait for one. Everything raises TryLater."""

    def learned(self, provider: str) -> Limit | None: ...

    def learn(self, provider: str, limit: Limit) -> None: ...

    def leases(self, provider: str) -> tuple[Limit | None, list[Lease]]:
        """With what was learned. Leases that ran out are among them."""

    def lease(self, provider: str, lease: Lease) -> bool:
        """Whether the task holds the slot now: not if another one does, even if its lease ran out."""

    def give_back(self, provider: str, slot: str, task_id: str) -> None:
        """Does nothing if another task holds it."""

    def join(self, waiting: InLine, now: datetime) -> None:
        """Puts the task in line, and its owner in the round. A second time changes nothing."""

    def withdraw(self, waiting: InLine) -> bool:
        """Takes it out of the line. Whether it was there."""

    def turns(self, provider: str) -> list[Turn]: ...

    def is_waited_for(self, provider: str) -> bool:
        """Whether any owner is in the round. However many are, one of them is read."""

    def first(self, provider: str, owner: str) -> InLine | None:
        """The most urgent task of the owner that waits; of several, the oldest."""

    def count_line(self, provider: str) -> tuple[int, bool]:
        """How many tasks wait, and whether there may be more: of very many, not all are counted."""

    def line(self, provider: str, owner: str, most: int) -> list[InLine]:
        """The first of the owner's tasks that wait, at most `most`; what joined a moment ago may be missing."""

    def advance(self, provider: str, owner: str, number: int) -> None:
        """The owner had its turn."""

    def end_reports(self, provider: str, most_held: int = 0) -> tuple[Mapping[str, datetime], int]:
        """What sees ends there beside the tasks' own polls, and until when; and how many slots tasks hold, counted
        up to `most_held`. What was recorded a moment ago may be missing."""

    def record_end_report(self, provider: str, name: str, until: datetime) -> None:
        """Records it, or replaces what was recorded under this name."""

    def hold_watch(self, provider: str, name: str, until: datetime, now: datetime) -> bool:
        """Whether this watch of the provider's list is the one that is alive, which it is until then. Raises
        TryLater."""

    def end_turns(self, provider: str, turn: Turn) -> None:
        """Takes the owner out of the round, unless one of its tasks joined the line since the turn was read."""


class Troubles(Protocol):
    """What went wrong with providers."""

    def all(self, provider: str) -> list[Trouble]:
        """Of the last 30 days, the latest of each kind. Raises TryLater."""


class Durations(Protocol):
    """How long tasks took at their providers."""

    def known(self, provider: str) -> Known:
        """What was recorded seconds ago may be missing. Raises TryLater."""

    def learn(self, provider: str, combination: Combination, place: int, end: End) -> None:
        """Puts the end in its place among those of the combination. Raises TryLater."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is fetched from."""

    url: str
    allow_private: bool = False  # whether it may live on a private address
    headers: Mapping[str, str] = field(default_factory=dict)  # the provider's key, where the file needs it


class Provider(Protocol):
    """One upstream account."""

    name: str
    account: str  # a fingerprint of its address and key
    typical_seconds: float | None  # how long a task takes there, if the configuration says so
    default_model: str  # of submissions that name none
    slots: int | None  # how many tasks it takes at once, if the configuration says so
    line: str  # whose slots those are: its name, or that of an account which it shares with others
    adopt_for: str  # the owner of what it made without us; empty if that is left alone
    calls_back: bool  # whether it is asked to, when a task changes
    lists: bool  # whether one call shows how a hundred tasks are doing

    def check(self, task: Task) -> None:
        """Raises InvalidRequest, naming the client's field, for what cannot be expressed there."""

    def price(self, request: Request, now: datetime) -> Price | None:
        """Of a task that is submitted now; None if the price list does not have it."""

    def dispatch(self, task: Task) -> DispatchOutcome:
        """The billable call."""

    def observe(self, task: Task) -> Observation:
        """Another account than the one that has the task is Busy, never Missing."""

    def observe_all(self, tasks: Sequence[Task]) -> Mapping[str, Observation]:
        """How these tasks are doing, by their ids there, as far as its list shows them; others may be among them.
        Raises TryLater if it cannot be read."""

    def successes(self, since: datetime, now: datetime) -> Iterator[Listed]:
        """What it lists as made since then, or somewhat earlier, by our clock; nothing if it has no list.

        Raises TryLater in the middle of it if the list cannot be read on.
        """

    def ask_slots(self) -> int | None:
        """How many tasks its account may have at once; None if it cannot be found out now."""

    def ask_balance(self) -> AccountBalance | None:
        """What its account has left, if it tells, and now."""

    def cancel(self, task: Task) -> bool:
        """Whether it is now cancelled for certain."""

    def source(self, asset: Asset) -> Source:
        """Where the file is now. The key goes to the provider's own address, and nowhere else."""

    def has_file(self, asset: Asset) -> bool:
        """Whether the link leads to a file now. Nothing of it is read."""

    def find(self, task: Task, other: OtherTask) -> Finding:
        """What became of a dispatch whose answer was lost; `other` knows the rest of our tasks at that account.

        Another account than the one that it was made with proves no absence."""

    def signed(self, task_id: str, headers: Mapping[str, str], now: datetime) -> str | None:
        """A name that only the callback with these headers has.

        None if its signature is wrong or too old; empty if this provider signs no callbacks.
        """


class Providers(Protocol):
    def choose(self, request: Request) -> Provider:
        """By name, by the model's pattern, or the dialect's default. Raises InvalidRequest if none fits."""

    def get(self, name: str) -> Provider:
        """Raises Misconfigured if it is gone from the configuration."""

    def accounts(self) -> Sequence[Sequence[Provider]]:
        """All of them; those that use the same account together."""

    def called(self, token: str, task_id: str) -> Provider | None:
        """The provider that received this token with this task; None if none did."""


class SeenCallbacks(Protocol):
    """The provider callbacks that were taken, for as long as their signatures are valid."""

    def contains(self, provider: str, name: str) -> bool:
        """Raises TryLater."""

    def add(self, provider: str, name: str, until: datetime) -> None:
        """Raises TryLater."""


class Balances(Protocol):
    """The last balance that each account told. Everything raises TryLater."""

    def last(self, account: str) -> Reading | None: ...

    def save(self, account: str, reading: Reading) -> None: ...
