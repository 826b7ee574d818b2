"""Webhooks, the deliveries to them, and the retry schedule. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from reelkeep.domain import ids
from reelkeep.domain.notices.notice import News
from reelkeep.domain.task import State

_ORDER = {state.value: number for number, state in enumerate(State)}
CALLBACKS = "callbacks"  # the id of the webhook that stands for every `callback_url` of an owner
MAX_WEBHOOKS = 20  # per owner
DELIVERY_TTL = timedelta(days=30)  # of the record of a delivery
SECRET_OVERLAP = timedelta(hours=24)  # in which the previous secret signs, too
PAUSE_AFTER = timedelta(days=5)  # without one success
REPORT_AFTER = timedelta(hours=1)  # without one success; then the owner is notified, once
GIVE_UP_AFTER = timedelta(days=1)  # of waiting for a receiver that does not answer
ANNOUNCED_STATES = tuple(state for state in State if state not in (State.CREATED, State.QUEUEING))
DEFAULT_STATES = tuple(state for state in ANNOUNCED_STATES if state.terminal)
# To a client of any dialect, a task that is archiving is still processing.
CALLBACK_STATES = tuple(state for state in ANNOUNCED_STATES if state is not State.ARCHIVING)

_WAITS = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 8 * 3600)  # seconds; 23 h 43 min in all
ATTEMPTS = len(_WAITS) + 1
_REMEMBERED_ATTEMPTS = 50  # from before a replay
_GONE = 410  # for good: RFC 9110, section 15.5.11
_WEBHOOK_ID = re.compile(r"wh_[0-9a-f]{32}")
_DELIVERY_ID = re.compile(r"dl_[0-9a-f]{32}")


class BodyFormat(StrEnum):
    """`event` is a CloudEvent; `dialect` is what the task's format shows of it, or posts (OpenAI)."""

    EVENT = "event"
    DIALECT = "dialect"


class PauseReason(StrEnum):
    """Why a webhook gets no messages."""

    OWNER = "owner"  # the owner paused it
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # no message has arrived for days


class Outcome(StrEnum):
    WAITING = "waiting"  # for its first attempt, or the next
    DELIVERED = "delivered"
    FAILED = "failed"  # given up
    HELD = "held"  # the webhook was paused


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    at: datetime
    status: int | None = None  # of the answer, if there was one
    error: str = ""  # why there was none
    milliseconds: int

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one webhook; at every repetition it has the same id and the same body."""

    id: str  # the message's, too; sorts by time
    owner: str
    webhook_id: str
    event: str  # the task's state, "updated", one of News, or "test"
    task_id: str = ""
    url: str
    body: str
    content_type: str = "application/json"
    scheme: str = ""  # of a second signature: "vidu"
    created_at: datetime
    outcome: Outcome = Outcome.WAITING
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: datetime | None = None
    replay_number: int = 0  # messages from before the latest replay are void
    attempts_before_replay: int = 0
    version: int = 0

    @property
    def receiver(self) -> str:
        """The webhook, or the scheme and host of a callback, whatever its path is."""
        if self.webhook_id != CALLBACKS:
            return self.webhook_id
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def group(self) -> str:
        """Messages of a group are delivered in order. A replay does not wait for messages that are older."""
        return f"{self.id}.{self.replay_number}" if self.replay_number else self.task_id or self.id

    @property
    def place(self) -> str:
        """Among what waits for its receiver: sorts by the task's time, then by the state; late files come last."""
        return f"{self.group}#{_ORDER.get(self.event, len(_ORDER))}#{self.id}"

    @property
    def message(self) -> DeliveryMessage:
        return DeliveryMessage(self.owner, self.webhook_id, self.id, self.replay_number)

    @property
    def waiting(self) -> WaitingDelivery:
        """As it waits while the outbox has a message for it."""
        expires_at = self.created_at + DELIVERY_TTL
        return WaitingDelivery(receiver=self.receiver, place=self.place, message=self.message, expires_at=expires_at)

    @property
    def url_without_query(self) -> str:
        """To show: the query may hold a secret of the owner's."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    @property
    def facts(self) -> dict[str, str | int | None]:
        """For the log."""
        return {
            "delivery_id": self.id,
            "webhook_id": self.webhook_id,
            "task_id": self.task_id,
            "event": self.event,
            "outcome": self.outcome,
            "attempts": len(self.attempts),
            "status": self.attempts[-1].status if self.attempts else None,
        }

    @property
    def is_gone(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].status == _GONE

    def awaits(self, message: DeliveryMessage) -> bool:
        """Whether this message of the outbox is still to be sent."""
        return self.outcome is Outcome.WAITING and self.replay_number == message.replay_number

    def replayed(self, now: datetime) -> Delivery:
        attempts = self.attempts[-_REMEMBERED_ATTEMPTS:]
        return replace(
            self,
            outcome=Outcome.WAITING,
            next_attempt_at=now,
            replay_number=self.replay_number + 1,
            attempts=attempts,
            attempts_before_replay=len(attempts),
        )

    def attempted(self, attempt: Attempt, jitter: float) -> Delivery:
        """After this attempt. The wait is multiplied by the jitter, so that not all messages come back at once."""
        tried = replace(self, attempts=(*self.attempts, attempt), next_attempt_at=None)
        if attempt.succeeded:
            return replace(tried, outcome=Outcome.DELIVERED)
        number = len(tried.attempts) - self.attempts_before_replay
        if attempt.status == _GONE or number >= ATTEMPTS:
            return replace(tried, outcome=Outcome.FAILED)
        return replace(tried, next_attempt_at=attempt.at + timedelta(seconds=_WAITS[number - 1] * jitter))


@dataclass(frozen=True, slots=True)
class DeliveryMessage:
    """A message of the outbox: an attempt is due. It holds ids only."""

    owner: str
    webhook_id: str
    delivery_id: str
    replay_number: int


@dataclass(frozen=True, slots=True)
class ReleaseMessage:
    """A message of the outbox: of those that wait for this receiver, some may be due."""

    owner: str
    receiver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDelivery:
    """A delivery that is not done yet."""

    receiver: str
    place: str
    message: DeliveryMessage
    expires_at: datetime  # with the record of the delivery
    since: datetime | None = None  # it has waited for a release
    due: datetime | None = None  # None while the outbox has a message for it, or for the one that goes before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that an owner's tasks are announced to. Its secret follows from its id and the generation."""

    id: str
    owner: str
    url: str = ""  # empty for callbacks: each task has its own
    states: tuple[State, ...] = DEFAULT_STATES
    news: tuple[News, ...] = ()
    body_format: BodyFormat = BodyFormat.EVENT
    description: str = ""
    paused: PauseReason | None = None
    created_at: datetime
    generation: int = 1  # of its secret
    rotated_at: datetime | None = None  # when the previous generation was replaced
    failing_since: datetime | None = None  # no message has arrived since
    reported: bool = False  # the owner was notified that it is failing
    version: int = 0  # of the record; every write names the one that it builds on

    def rotated(self, now: datetime) -> Webhook:
        """With another secret. That of generation 0, which was never shown, does not sign any more."""
        return replace(self, generation=self.generation + 1, rotated_at=now if self.generation else None)

    def generations(self, now: datetime) -> tuple[int, ...]:
        """Those whose secrets sign at this moment, the newest first."""
        overlaps = self.rotated_at is not None and now < self.rotated_at + SECRET_OVERLAP
        return (self.generation, self.generation - 1) if overlaps else (self.generation,)

    def with_settings(self, settings: WebhookSettings) -> Webhook:
        changed = replace(
            self,
            url=self.url if settings.url is None else settings.url,
            states=self.states if settings.states is None else settings.states,
            news=self.news if settings.news is None else settings.news,
            body_format=settings.body_format or self.body_format,
            description=self.description if settings.description is None else settings.description,
        )
        match settings.active:
            case None:
                return changed
            case True:
                return replace(changed, paused=None, failing_since=None, reported=False)
            case False:
                return replace(changed, paused=self.paused or PauseReason.OWNER)

    def after(self, delivery: Delivery, now: datetime) -> Webhook:
        """After an attempt of this delivery."""
        if self.paused:
            return self
        if delivery.outcome is Outcome.DELIVERED:
            return replace(self, failing_since=None, reported=False)
        if delivery.is_gone:
            return replace(self, paused=PauseReason.GONE)
        since = self.failing_since or now
        paused = delivery.outcome is Outcome.FAILED and now - since >= PAUSE_AFTER
        return replace(
            self,
            failing_since=since,
            reported=self.reported or now - since >= REPORT_AFTER,
            paused=PauseReason.FAILING if paused else None,
        )


def callbacks_webhook(owner: str, now: datetime) -> Webhook:
    """Stands for an owner's callbacks until their secret is rotated. Nobody has seen the secret of generation 0."""
    return Webhook(
        id=CALLBACKS,
        owner=owner,
        states=CALLBACK_STATES,
        body_format=BodyFormat.DIALECT,
        created_at=now,
        generation=0,
    )


# --- what an owner asks for, and gets ---


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What an owner sets of a webhook; None leaves it as it is."""

    webhook_id: str = ""
    url: str | None = None
    states: tuple[State, ...] | None = None
    news: tuple[News, ...] | None = None
    body_format: BodyFormat | None = None
    description: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class WebhookWithSecret:
    """The secret is shown this once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class DeliveryRef:
    webhook_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """A page of a webhook's deliveries, newest first."""

    webhook_id: str
    size: int
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    deliveries: tuple[Delivery, ...]
    next_cursor: str = ""


# --- ids ---


def new_webhook_id(now: datetime) -> str:
    return f"wh_{ids.new_task_id(now)}"


def is_webhook_id(text: str) -> bool:
    return text == CALLBACKS or _WEBHOOK_ID.fullmatch(text) is not None


def is_delivery_id(text: str) -> bool:
    return _DELIVERY_ID.fullmatch(text) is not None


def delivery_id(webhook_id: str, task_id: str, change: str, at: datetime) -> str:
    """The same for the same change of a task, however often it is announced."""
    digest = hashlib.sha256(f"{webhook_id}\n{task_id}\n{change}".encode()).hexdigest()
    return f"dl_{ids.first_id_at(at)[:12]}{digest[:20]}"


def delivery_ids_until(at: datetime) -> str:
    """Comes after the id of every delivery of a change before this moment, and before all others."""
    return f"dl_{ids.first_id_at(at)[:12]}"


def new_delivery_id(now: datetime) -> str:
    return f"dl_{ids.first_id_at(now)[:12]}{secrets.token_hex(10)}"
