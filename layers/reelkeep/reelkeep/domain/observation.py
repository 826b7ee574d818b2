"""What a provider said, at one moment. Expected failures are values; `match` on these unions without a default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reelkeep.domain.task import Creation, Failure, Request, State

KEY_REFUSED = "the provider refused the key that Reelkeep has for it"  # begins the reason or message that says so

# --- the answer to the billable call ---


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_task_id: str
    credits: int | Decimal | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly not accepted, and not worth repeating as it is."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class NotYet:
    """Certainly not accepted, but worth repeating later: 429, or the provider was not reached at all."""

    retry_after: float | None = None  # seconds
    reached: bool = True  # then it has as many tasks as it takes


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been accepted: the answer was lost or cannot be read."""

    reason: str


DispatchOutcome = Accepted | Refused | NotYet | Unknown

# --- the answer to "did it arrive?", when the answer to the billable call was lost ---


@dataclass(frozen=True, slots=True)
class Found:
    provider_task_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Certainly not accepted: the provider showed all that it accepted at that time, and it is not among that.

    A list may be older than the call or cut short, and its times may be wrong. So it must have shown tasks of ours
    that were submitted before and after, known by their ids: a list that does not proves nothing, and is Uncertain.
    """


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It cannot be found out now; later it may be."""

    reason: str


@dataclass(frozen=True, slots=True)
class Untraceable:
    """It can never be found out at this provider."""


Finding = Found | Absent | Uncertain | Untraceable

# --- the answer to "how is it going?" ---


@dataclass(frozen=True, slots=True)
class Pending:
    state: State  # queueing or processing
    word: str = ""  # the provider's own, if we do not know it: not finished yet


@dataclass(frozen=True, slots=True)
class Succeeded:
    creations: tuple[Creation, ...]
    credits: int | Decimal | None = None
    seed: int | None = None
    tokens: int | None = None
    seconds: float | None = None  # that it took, by the provider's clock; None if its answer has no times


@dataclass(frozen=True, slots=True)
class Failed:
    failure: Failure


@dataclass(frozen=True, slots=True)
class Busy:
    """Nothing was learned: 429, 5xx, a time-out, no connection."""

    reason: str
    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something was said that makes no sense; `raw` is kept for diagnosis, without its secrets."""

    reason: str
    raw: bytes = b""
    made: bool = False  # it said so much, but not where


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider does not know this task (any more)."""


Observation = Pending | Succeeded | Failed | Busy | Unreadable | Missing

# --- the answer to "what have you made?" ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A success that the provider lists, whoever asked for it."""

    provider_task_id: str
    created_at: datetime | None  # by the provider's clock, which may be wrong; None if it makes no sense
    request: Request  # as far as the list shows it; its payload is what the provider was given
    seen: Observation  # anything but Succeeded if the list has no links: then the task itself must be polled


@dataclass(frozen=True, slots=True)
class ListedPage:
    successes: tuple[Listed, ...]
    unreadable: int = 0  # rows that are no objects, and successes without an id
