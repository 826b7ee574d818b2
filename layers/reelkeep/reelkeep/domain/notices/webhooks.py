"""Who is told by HTTP, what was sent to whom, and when it is tried again. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from reelkeep.domain import ids
from reelkeep.domain.task import State

CALLBACKS = "callbacks"  # the webhook that every `callback_url` of an owner belongs to
MOST = 20  # webhooks an owner
LIFE = timedelta(days=30)  # of what is known of a delivery
OVERLAP = timedelta(hours=24)  # in which the secret before this one signs along
FAILING_FOR = timedelta(days=5)  # without one success: then a webhook is paused
TOLD = tuple(state for state in State if state not in (State.CREATED, State.QUEUEING))  # the submission says these
USUALLY_TOLD = tuple(state for state in TOLD if state.terminal)
# Archiving is a state of ours: to a client of any dialect, the task is processing still.
TOLD_BY_CALLBACK = tuple(state for state in TOLD if state is not State.ARCHIVING)

_WAITS = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 8 * 3600)  # seconds; 23 h 43 min in all
ATTEMPTS = len(_WAITS) + 1
_LONGEST_WAIT = 11 * 3600 + 1800  # a queue hides a message for 12 hours at most, counted from when it was handed out
_REMEMBERED = 50  # attempts of earlier rounds
_GONE = 410  # RFC 9110: and it will stay so
_WEBHOOK_ID = re.compile(r"wh_[0-9a-f]{32}")
_DELIVERY_ID = re.compile(r"dl_[0-9a-f]{32}")


class Form(StrEnum):
    """`event` is a CloudEvent; `dialect` is what the task's format shows of it, or posts (OpenAI)."""

    EVENT = "event"  # a CloudEvent
    DIALECT = "dialect"  # what the task's own dialect shows of it


class Pause(StrEnum):
    """Why a webhook gets no messages."""

    OWNER = "owner"  # its owner wanted it
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # nothing has arrived for days


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that an owner's tasks are told to. Its secret follows from its id and the generation."""

    id: str
    owner: str
    url: str = ""  # empty for the one of the callbacks: each task has its own
    states: tuple[State, ...] = USUALLY_TOLD
    form: Form = Form.EVENT
    description: str = ""
    paused: Pause | None = None
    created_at: datetime
    generation: int = 1  # of its secret
    rotated_at: datetime | None = None  # when the generation before was superseded
    failing_since: datetime | None = None  # nothing has arrived since
    version: int = 0  # of the record; every write names the one it builds on

    def rotated(self, now: datetime) -> Webhook:
        """With another secret. One that nobody has seen does not sign along."""
        return replace(self, generation=self.generation + 1, rotated_at=now if self.generation else None)

    def generations(self, now: datetime) -> tuple[int, ...]:
        """Those whose secrets sign at this moment, the newest first."""
        overlaps = self.rotated_at is not None and now < self.rotated_at + OVERLAP
        return (self.generation, self.generation - 1) if overlaps else (self.generation,)

    def resumed(self) -> Webhook:
        return replace(self, paused=None, failing_since=None)


def of_callbacks(owner: str, now: datetime) -> Webhook:
    """What stands for an owner's callbacks until a secret is asked for: nobody has seen that of generation 0."""
    return Webhook(
        id=CALLBACKS, owner=owner, states=TOLD_BY_CALLBACK, form=Form.DIALECT, created_at=now, generation=0
    )


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one webhook; at every repetition it has the same id and the same body."""

    id: str  # the message's, too; sorts by time
    owner: str
    webhook_id: str
    event: str  # the task's state, or "test"
    task_id: str = ""
    url: str
    body: str
    content_type: str = "application/json"
    scheme: str = ""  # what else signs it: "vidu"
    created_at: datetime
    outcome: Outcome = Outcome.WAITING
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: datetime | None = None
    round: int = 0  # every replay begins another one; messages of an earlier one mean nothing any more
    attempts_before: int = 0  # in earlier rounds
    version: int = 0

    @property
    def group(self) -> str:
        """What is delivered in order. A replay does not wait for what it is ordered before."""
        about = self.task_id or self.id
        return f"{self.webhook_id}.{about}.{self.id}.{self.round}" if self.round else f"{self.webhook_id}.{about}"

    @property
    def shown_url(self) -> str:
        """Without its query, which may hold a secret of its owner's."""
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

    def replayed(self, now: datetime) -> Delivery:
        """Of the attempts before, so many are remembered as a record has room for."""
        attempts = self.attempts[-_REMEMBERED:]
        return replace(
            self,
            outcome=Outcome.WAITING,
            next_attempt_at=now,
            round=self.round + 1,
            attempts=attempts,
            attempts_before=len(attempts),
        )

    def attempted(self, attempt: Attempt, jitter: float) -> Delivery:
        """After this attempt. `jitter` is what the wait is multiplied by: not everything comes back at once."""
        tried = replace(self, attempts=(*self.attempts, attempt), next_attempt_at=None)
        if attempt.status is not None and 200 <= attempt.status < 300:
            return replace(tried, outcome=Outcome.DELIVERED)
        number = len(tried.attempts) - self.attempts_before
        if attempt.status == _GONE or number >= ATTEMPTS:
            return replace(tried, outcome=Outcome.FAILED)
        wait = min(_WAITS[number - 1] * jitter, _LONGEST_WAIT)
        return replace(tried, next_attempt_at=attempt.at + timedelta(seconds=wait))

    @property
    def refused_for_ever(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].status == _GONE


# --- what an owner asks for, and gets ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an owner wants of a webhook; None leaves it as it is."""

    webhook_id: str = ""
    url: str | None = None
    states: tuple[State, ...] | None = None
    form: Form | None = None
    description: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A webhook with its secret, which is shown this once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class Deliverable:
    """The name of a delivery, as a path has it."""

    webhook_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of the deliveries of a webhook, this many that come before that one."""

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


def delivery_id(webhook_id: str, task_id: str, state: State, at: datetime) -> str:
    """The same for the same change of a task, however often it is heard of."""
    digest = hashlib.sha256(f"{webhook_id}\n{task_id}\n{state}".encode()).hexdigest()
    return f"dl_{ids.first_id_at(at)[:12]}{digest[:20]}"


def new_delivery_id(now: datetime) -> str:
    return f"dl_{ids.first_id_at(now)[:12]}{secrets.token_hex(10)}"
