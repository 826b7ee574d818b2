"""What a dialect is to its clients: routes that parse what comes in and write what goes out. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, Protocol, TypeVar

from reelkeep.dialects.grammar.query import Parameter
from reelkeep.domain.errors import BodyTooLarge, ClientError, InvalidRequest, Missing, Refused
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Failure, Request, State, Task
from reelkeep.domain.wire import Json, parse_json

_REPLACED = "\ufffd".encode()
# Bytes. A function is handed an event of 6,291,556 bytes at most, of which headers and path, which come twice, may
# take 32 KiB. JSON, XML and text are in it as they are, anything else in base64. A quotation mark counts twice.
LARGEST_BODY = 6 * 1024 * 1024 - 32 * 1024
LARGEST_IN_BASE64 = LARGEST_BODY * 3 // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """A client's request. Header names are in lower case; `query` keeps repeated names and their order."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    variables: Mapping[str, str] = field(default_factory=dict)  # what the route's path took out of the path
    largest_body: int = LARGEST_BODY  # of this content type, which whoever routes it has checked

    def json(self, limit: int = LARGEST_BODY) -> dict[str, Json]:
        """The body's JSON object. Raises InvalidRequest, and BodyTooLarge beyond a limit of the operation's own."""
        if len(self.body) > limit:
            raise BodyTooLarge(f"the body has {len(self.body)} bytes, the limit is {limit}")
        if _REPLACED in self.body:  # by the gateway, which hands on JSON as text
            raise InvalidRequest("the body is not valid UTF-8: it has U+FFFD in the place of a character")
        try:
            parsed = parse_json(self.body)
        except JSONDecodeError as error:
            place = f"{error.msg.lower()} at line {error.lineno} column {error.colno}"
            raise InvalidRequest(f"the body is not valid JSON: {place}") from error
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"the body is not valid UTF-8: see byte {error.start}") from error
        except ValueError as error:
            raise InvalidRequest("the body is not valid JSON") from error
        if not isinstance(parsed, dict):
            raise InvalidRequest("the body is not a JSON object")
        return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int = 200
    body: Json | str | bytes | None = None  # a string or bytes go out as they are, anything else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of a dialect. `path` holds names in braces; each matches one segment of a path.

    For the OpenAPI document: its `operation` (a unique name, for generated clients), a `summary`, `details`, the
    `parameters` of its query, by their names in the dialect's `wire` modules the `body` that is sent (`form`: as a
    form) and the `reply`, and `errors` that do not follow from what it takes. Examples are rendered.
    """

    method: str
    path: str
    operation: str = ""
    summary: str = ""
    details: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    form: str = ""
    reply: str = ""
    errors: tuple[type[ClientError], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Route):
    parse: Callable[[Http], Request]
    render: Callable[[Task], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Route):
    """Shows the task that the path's `task_id` names. Receivers get its body, unless there is an event."""

    callbacks_signed_by: str = ""  # the dialect's own scheme, beside the one that signs every callback
    event: Callable[[Task, Links], Json] | None = None  # what the dialect posts to webhooks
    render: Callable[[Task, Links], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Route):
    window: timedelta | None = None  # how far back it reaches when the client names no beginning
    numbered: bool = False  # its pages have numbers only, no cursor to go on from
    parse: Callable[[Http], Listing]
    render: Callable[[Page, Links, Listing], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Route):
    """Cancels the task that the path's `task_id` names."""

    render: Callable[[Task], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Route):
    """Cancels the task that the path's `task_id` names if it has not begun; takes it out of sight if it ended."""

    keeps: frozenset[State] = frozenset()  # it is refused to take tasks that ended so out of sight
    render: Callable[[Task], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content(Route):
    """Leads to one file of the task that the path's `task_id` names. `parse` names the asset: video, cover, ..."""

    parse: Callable[[Http], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Route):
    """Something of an owner's that is not a task."""

    parse: Callable[[Http], Any]
    render: Callable[[Any], Reply]

    @property
    def service(self) -> str:
        """The name of what serves it: show_webhook for showWebhook."""
        return re.sub("(?=[A-Z])", "_", self.operation).lower()


R = TypeVar("R")


def row(table: Mapping[Any, R], error: ClientError) -> R:
    """What a format's table of errors has for this one's class, or else for the nearest class above it; of what a
    provider refused, first for the class of its failure."""
    missing = (Missing,) if isinstance(error, InvalidRequest) and error.missing else ()
    reason = (error.failure.reason,) if isinstance(error, Refused) else ()
    kinds = (*missing, *reason, *type(error).__mro__)
    return next(table[kind] for kind in kinds if kind in table)


def naming(error: InvalidRequest, names: Mapping[str, str]) -> str:
    """Its message, with the field that is wrong as clients write it; `names` are theirs by ours."""
    field = names.get(error.field) or error.field
    message = re.sub(rf"(?<![\w.]){re.escape(error.field)}\b", field, error.message)
    return message if field in message else f"{field}: {message}"


def explained(failure: Failure, word: str) -> str:
    """For a person; with the provider's own code, if that is not the word that the client reads."""
    is_told = failure.code in ("", word) or failure.code in failure.message
    return f"{failure.message or failure.reason.value}{'' if is_told else f' ({failure.code})'}"


AnyRoute = Submit | Show | List | Cancel | Remove | Content | Operation


class Dialect(Protocol):
    """A wire format as its server speaks it."""

    name: str
    prefixes: tuple[str, ...]  # every path that begins so is answered in this dialect, errors too

    @property
    def routes(self) -> tuple[AnyRoute, ...]: ...

    def render_error(self, error: ClientError, http: Http) -> Reply:
        """Any error, in the dialect's own body, naming the field."""

    def render_fault(self, known: str = "") -> Reply:
        """Something went wrong on our side; nothing is said of what, unless it is `known` what clients may know."""
