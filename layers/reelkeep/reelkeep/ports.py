"""What the services need from outside, as Protocols that the adapters implement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from reelkeep.domain.claims import Claim
from reelkeep.domain.counts import Changes, Counts, Demand
from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.limits import NO_LIMITS, Limits
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.notices.subscription import Policy, SnsState, Subscription
from reelkeep.domain.observation import DispatchOutcome, Finding, Listed, Observation
from reelkeep.domain.owner_settings import USUAL_SETTINGS, OwnerSettings
from reelkeep.domain.room import InLine, Lease, Limit, Turn
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.domain.task import ArchivedFile, Asset, Price, Request, Task
from reelkeep.domain.upstream import Health, Trouble
from reelkeep.domain.wire import OtherTask

if TYPE_CHECKING:  # most functions do without them
    from reelkeep.domain.dead_letters import DeadLetter
    from reelkeep.domain.drift import AccountBalance, Reading
    from reelkeep.domain.keys import ApiKey, KeyWish
    from reelkeep.domain.ledger import Account, Balance, Entry
    from reelkeep.domain.links import Links
    from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
    from reelkeep.domain.notices.webhooks import Delivery, DeliveryMessage, ReleaseMessage, WaitingDelivery, Webhook

Clock = Callable[[], datetime]
SecondsLeft = Callable[[], float]  # until this function is stopped
Report = Callable[[str, str, float], None]  # a provider, the name of a metric, its value
NoteTrouble = Callable[[str, Health, str], None]  # of a provider, of a kind, in words; writes nothing, never raises


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

    def reserve(self, owner: str, demand: Demand, now: datetime) -> Counts | None:
        """Counts a submission, and returns None; or the counts that there are if one of them does not let it."""

    def give_back(self, owner: str, changes: Changes, token: str) -> None:
        """Takes these from the counts. A second time, with the same token, changes nothing."""

    def warned(self, owner: str, name: str, amount: Decimal) -> None:
        """Sets this count, unless it is higher."""

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

    def create(self, owner: str, wish: KeyWish, now: datetime) -> tuple[str, ApiKey]:
        """The key itself, which cannot be had again, and what is kept of it. Raises InvalidRequest."""

    def all(self, owner: str) -> list[ApiKey]:
        """Oldest first; revoked ones too."""

    def revoke(self, key_id: str, now: datetime, owner: str) -> ApiKey:
        """A second time changes nothing. Raises NotFound."""


class Claims(Protocol):
    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        """The claim that stands from now on: this one, or the one of the same owner and name that was made before.

        One that has expired gives way, and so does one for the task `instead_of`. Raises TryLater.
        """


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

    def lookouts(self, provider: str, most_held: int = 0) -> tuple[Mapping[str, datetime], int]:
        """What sees ends there beside the tasks' own polls, and until when; and how many slots tasks hold, counted
        up to `most_held`. What was recorded a moment ago may be missing."""

    def look_out(self, provider: str, name: str, until: datetime) -> None:
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


class SourceGone(Exception):
    """The link is dead (403, 404, 410): only a fresh one can help."""


class SourceBusy(Exception):
    """The file cannot be fetched right now."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceBad(Exception):
    """What the link leads to is not the media it claims to be, too large, or where we must not go."""


class SourceTooLarge(SourceBad):
    """Nothing that waits makes it smaller."""


class SourceNotMedia(SourceBad):
    """The bytes are not recognised as the media that they should be."""

    def __init__(self, message: str, size: int = 0, quarantined: ArchivedFile | None = None) -> None:
        super().__init__(message)
        self.size = size  # in bytes, as far as they were read
        self.quarantined = quarantined  # where they were set aside, if they were


class Requests(Protocol):
    """Whole requests that are too big for the table, beside the assets in the archive. They expire."""

    def store_request(self, task: Task) -> str:
        """Stores the task's request and returns its key."""

    def request(self, key: str) -> Request:
        """Raises LookupError if it has expired."""


class Manifests(Protocol):
    def write_manifest(self, task: Task) -> None:
        """Writes everything that is known of the task beside its assets."""


class Erasure(Protocol):
    def erase_files(self, task_id: str) -> None:
        """Every version of every file of the task but its manifest, and all but the last version of that.

        A second time finishes what the first one began.
        """


class Archive(Manifests, Protocol):
    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        """Copies the file of this name of the task's creation with this number (from 1), and verifies it.

        It takes so many seconds at most, and is busy then. Raises SourceGone, SourceBusy, SourceBad; nothing is
        visible in the archive then. Bytes that are not media are set aside (SourceNotMedia), unless as many or more
        were set aside before.
        """


class Sign(Protocol):
    def __call__(self, task_id: str, file: str, method: str, name: str = "", /, *, attachment: bool = False) -> str:
        """A link to that file, valid for an hour. Browsers save it under this name, and at once as an attachment."""


class Secret(Protocol):
    def value(self) -> str: ...


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


class Notices(Protocol):
    def publish(self, notice: Mapping[str, Any], attributes: Mapping[str, str | Sequence[str]]) -> None: ...


class Subscriptions(Protocol):
    """The records of subscriptions."""

    def add(self, subscription: Subscription) -> None:
        """Raises Conflict if its endpoint is subscribed already, LimitReached."""

    def get(self, owner: str, subscription_id: str) -> Subscription | None:
        """Also a removed one, for 30 days."""

    def of(self, owner: str) -> list[Subscription]:
        """Without removed ones; oldest first."""

    def save(self, subscription: Subscription) -> Subscription:
        """Raises Stale if somebody else changed it since it was read."""

    def remove(self, subscription: Subscription, now: datetime) -> None:
        """Its endpoint is free again. Raises Stale as `save` does."""


class Topic(Protocol):
    """The SNS topic that notifications are published to."""

    def subscribe(self, subscription: Subscription) -> str:
        """The ARN, the same at every repetition; "" if SNS does not say it yet.

        Raises InvalidRequest for an endpoint that SNS refuses, Conflict if SNS has another subscription of it,
        LimitReached.
        """

    def state(self, arn: str) -> SnsState: ...

    def set_filter_policy(self, arn: str, policy: Policy) -> None:
        """It holds within 15 minutes. Does nothing if the subscription is gone. Raises LimitReached."""

    def unsubscribe(self, arn: str) -> None:
        """A second time changes nothing."""


class Destinations(Protocol):
    def check(self, url: str, field: str) -> None:
        """Raises InvalidRequest, naming the field, for an address that cannot receive messages."""


class Unanswered(Exception):
    """No answer came. The message says why."""


class Post(Protocol):
    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer. Raises Unanswered."""


class Webhooks(Protocol):
    def create(self, webhook: Webhook) -> Webhook: ...

    def get(self, owner: str, webhook_id: str) -> Webhook | None: ...

    def of(self, owner: str) -> Sequence[Webhook]:
        """Oldest first."""

    def save(self, webhook: Webhook) -> Webhook:
        """Raises Stale if somebody else changed it since it was read."""

    def delete(self, owner: str, webhook_id: str) -> None: ...


class Deliveries(Protocol):
    def add(self, delivery: Delivery) -> Delivery:
        """Records it. If there is one of this id, returns that one instead."""

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None: ...

    def save(self, delivery: Delivery) -> Delivery:
        """Raises Stale if somebody else changed it since it was read."""

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> Sequence[Delivery]:
        """Newest first, of those with an id below `before`."""

    def delete(self, delivery: Delivery) -> None:
        """A second time changes nothing."""


class CircuitBreakers(Protocol):
    """How receivers have answered lately."""

    def get(self, owner: str, receiver: str) -> CircuitBreaker | None: ...

    def save(self, breaker: CircuitBreaker, now: datetime) -> CircuitBreaker:
        """Raises Stale if somebody else changed it since it was read."""


class Waiting(Protocol):
    """The deliveries that are not done yet, for each receiver in the order of their places."""

    def put(self, waiting: WaitingDelivery) -> None:
        """Adds it, or replaces it."""

    def first(self, delivery: Delivery) -> WaitingDelivery | None:
        """The first one of its group."""

    def remove(self, delivery: Delivery) -> None:
        """A second time changes nothing."""

    def page(self, owner: str, receiver: str, after: str, size: int) -> Sequence[WaitingDelivery]:
        """The next ones after this place, as many at most; none if there are no more."""

    def lease(self, waiting: Sequence[WaitingDelivery], due: datetime) -> None:
        """They are due again at this moment, should they still wait by then."""


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


class Balances(Protocol):
    """The last balance that each account told. Everything raises TryLater."""

    def last(self, account: str) -> Reading | None: ...

    def save(self, account: str, reading: Reading) -> None: ...


class DeadLetters(Protocol):
    """What failed for good. What is read is hidden from other readers for a while, until it is put back."""

    def count(self) -> int: ...

    def all(self, *, hidden_seconds: int, most: float) -> list[DeadLetter]:
        """Oldest first. Of very many, some ten more than `most` at the most."""

    def put_back(self, messages: Sequence[DeadLetter]) -> None: ...

    def delete(self, message: DeadLetter) -> None: ...


class Outbox(Protocol):
    """The queue of what is due, or will be within a quarter of an hour. It has no order, and may repeat a message."""

    def put(self, *messages: tuple[DeliveryMessage | ReleaseMessage, float]) -> None:
        """Each comes out after so many seconds, or somewhat later."""

    def dead_letter(self, delivery: Delivery) -> None:
        """To the queue of what was given up."""


@dataclass(frozen=True, slots=True)
class Rendered:
    body: Any  # JSON
    scheme: str = ""  # of a second signature


class Render(Protocol):
    def __call__(self, task: Task, links: Links) -> Rendered:
        """What the dialect of the task's client shows of it, or posts to webhooks."""
