"""How a dialect talks about HTTP without doing any: a request to be made, the response that came."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from reelkeep.domain.drift import AccountBalance
from reelkeep.domain.observation import DispatchOutcome, Finding, ListedPage, Observation
from reelkeep.domain.task import Task

Json = Any  # what json.loads returns


def parse_json(text: bytes) -> Json:
    """The value of strict JSON in UTF-8. Raises ValueError for anything else, and for nesting that is too deep to be
    worked with; its text is fit for a client.

    Python's own parser also takes NaN, Infinity and halves of surrogate pairs, which could not be sent on.
    """
    try:
        parsed = json.loads(text)
        json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg.lower()} at line {error.lineno} column {error.colno}") from error
    except UnicodeDecodeError:
        raise
    except UnicodeEncodeError as error:
        raise ValueError("it has one half of a character that takes two") from error
    except ValueError as error:
        raise ValueError("a number in it is NaN, infinite or too long") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if text.count(b"[") + text.count(b"{") > _DEEPEST and _is_deep(parsed):
        raise ValueError(_TOO_DEEP)
    return parsed


_DEEPEST = 100  # levels; what clients mean has ten
_TOO_DEEP = "it is nested too deeply"


def _is_deep(value: Json) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inner for each in values]
    return any(isinstance(each, dict | list) for each in level)


def repair_json(body: bytes) -> Json:
    """The JSON that a provider meant, fit to be stored and sent. Raises ValueError if it is not JSON at all.

    Bytes and halves of surrogate pairs that are no character become U+FFFD; NaN, Infinity and numbers without a
    sensible size become null, in any case; a byte order mark, a guard against scripts, a comma before a closing
    bracket, and what follows the document is skipped.
    """
    text = (
        body.decode(json.detect_encoding(body), "replace").strip(_AROUND).removeprefix(")]}'").lstrip(_AROUND + ",")
    )
    try:
        try:
            said, end = _REPAIRING.raw_decode(text)
        except ValueError:
            text = _NO_JSON.sub(_as_json, text)
            said, end = _REPAIRING.raw_decode(text)
        if end < len(text) and not isinstance(said, dict | list):
            raise ValueError("text that begins with a value")
        return _whole_characters(said) if "\\u" in text else said
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


# What JavaScript and Python write, and JSON has no word for; strings are passed over.
_NO_JSON = re.compile(
    r'"(?:[^"\\]|\\.)*"|,(?=\s*[\]}])|[-+]?\b(?:nan|inf(?:inity)?|none|undefined)\b', re.IGNORECASE | re.DOTALL
)


def _as_json(found: re.Match[str]) -> str:
    text = found[0]
    return text if text.startswith('"') else "" if text == "," else "null"


_AROUND = "\ufeff\0\xa0 \t\r\n\f\v"
_MOST_DIGITS = 1000  # Python refuses to read more than 4,300


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _finite(number: str) -> float | None:
    found = float(number)
    return found if math.isfinite(found) else None


_REPAIRING = json.JSONDecoder(strict=False, parse_int=_whole, parse_float=_finite, parse_constant=_finite)


def _whole_characters(value: Json) -> Json:
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_whole_characters(item) for item in value]
        case dict():
            return {_whole_characters(name): _whole_characters(item) for name, item in value.items()}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """A request to a provider, below its base URL, without its credentials."""

    method: str
    path: str  # escaped
    query: tuple[tuple[str, str], ...] = ()
    body: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderResponse:
    """What a provider answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Json | None:
        """The body's JSON, repaired, or None if it is not JSON."""
        try:
            return repair_json(self.body)
        except ValueError:
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the provider asks us to wait (RFC 9110, 10.2.3); until a date, by its own clock."""
        said = self.headers.get("retry-after", "")
        try:
            seconds = float(said)
        except ValueError:
            until, date = _moment(said), self.date
            return max(0.0, (until - date).total_seconds()) if until and date else None
        return max(0.0, seconds) if math.isfinite(seconds) else None

    @property
    def date(self) -> datetime | None:
        """When it was made, by the provider's clock (RFC 9110, 6.6.1)."""
        return _moment(self.headers.get("date", ""))


def _moment(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # needed only where a list is read

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else None


# The other task that we placed and the provider has under this id, if there is one. Raises TryLater.
OtherTask = Callable[[str], Task | None]
Search = Generator[ProviderRequest, ProviderResponse, Finding]  # requests, one after another, and what follows
Pages = Generator[ProviderRequest | ListedPage, ProviderResponse, None]  # after each request, what its answer lists
Roll = Generator[ProviderRequest, ProviderResponse, dict[str, Observation]]  # requests; what their answers show


class NoList(Exception):
    """What was answered to a Search, to Pages or to a Roll is no page of a list."""

    def __init__(self, answer: ProviderResponse) -> None:
        super().__init__(f"the provider answered {answer.status} when it was asked for its list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Shows that a call to us was made with our key: its HMAC-SHA256 of a text."""

    text: bytes
    digest: bytes
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """How a provider calls us when a task changes."""

    field: str  # of the billable call's body, that takes our address
    # From our address and the headers of a call to it; None if they hold none that can be read.
    signature: Callable[[str, Mapping[str, str]], Signature | None] | None = None  # None: it signs nothing


class ProviderDialect(Protocol):
    """A wire format as its provider's client speaks it. Pure: it sees no clock and no socket."""

    name: str
    authorization: str  # the Authorization header with {key} in it
    callbacks: Callbacks | None  # None if it makes none
    lists: bool  # whether one call shows how a hundred tasks are doing

    def credential(self, key: str, now: datetime) -> str:
        """What stands in the place of {key}: the configured key, or what is made of it for this moment."""

    def dispatch(self, task: Task) -> ProviderRequest:
        """The billable call. Raises InvalidRequest for what cannot be expressed, naming the client's field."""

    def read_dispatched(self, answer: ProviderResponse) -> DispatchOutcome: ...

    def observe(self, task: Task) -> ProviderRequest: ...

    def read_observed(self, answer: ProviderResponse) -> Observation: ...

    def observe_all(self, tasks: Sequence[Task]) -> Roll:
        """How these tasks are doing, by their ids there, as far as the list shows them; others may be among them."""

    def successes(self, since: datetime) -> Pages:
        """What succeeded since then, or may have; nothing at all if the format has no list."""

    def ask_account(self, now: datetime) -> ProviderRequest | None:
        """The request for how many tasks the account may have at once and what it has left; None if the format has
        none."""

    def read_slots(self, answer: ProviderResponse) -> int | None: ...

    def read_balance(self, answer: ProviderResponse) -> AccountBalance | None: ...

    def cancel(self, task: Task) -> ProviderRequest | None:
        """None if the format has no way to cancel."""

    def read_cancelled(self, answer: ProviderResponse) -> bool:
        """Whether it is cancelled for certain."""

    def find(self, task: Task, other: OtherTask) -> Search | None:
        """How to find out whether a dispatch with a lost answer was accepted; None if there is no way to know.

        It is Absent only if the provider's list shows tasks of ours whose calls came before and after: no time that
        the provider names proves anything.
        """
