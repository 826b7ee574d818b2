"""What a dialect is to its clients: routes that parse what comes in and write what goes out. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar

from reelkeep.dialects.families.query import Parameter
from reelkeep.dialects.replies import Shape, View, Views
from reelkeep.domain.errors import BodyTooLarge, ClientError, InvalidRequest, Later, NotAllowed, Refused
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Failure, FailureClass, Request, State, Task
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
    largest_body: int = LARGEST_BODY  # of this content type; the API has checked it

    def json(self, limit: int = LARGEST_BODY) -> dict[str, Json]:
        """The body's JSON object. Raises InvalidRequest, and BodyTooLarge beyond a limit of the operation's own."""
        if len(self.body) > limit:
            raise BodyTooLarge(f"the body has {len(self.body)} bytes, the limit is {limit}")
        if _REPLACED in self.body:  # by the gateway, which hands on JSON as text
            raise InvalidRequest("the body is not valid UTF-8: it has U+FFFD in the place of a character")
        try:
            parsed = parse_json(self.body)
        except UnicodeDecodeError as error:
            raise InvalidRequest(f"the body is not valid UTF-8: see byte {error.start}") from error
        except ValueError as error:
            raise InvalidRequest(f"the body is not valid JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise InvalidRequest("the body is not a JSON object")
        return parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int = 200
    body: Json | str | bytes | None = None  # a string or bytes go out as they are, anything else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a dialect. `path` holds names in braces; each matches one segment of a path.

    `operation` is its name in the OpenAPI document, by which generated clients know it. `reply` is what it answers,
    and `body` is the name of the model in the dialect's `wire` of what it takes, as JSON or as a `form`.
    """

    path: str
    operation: str
    reply: type[Shape] | None = None
    _: KW_ONLY
    method: str = "GET"
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    form: str = ""
    status: int = 200
    headers: Callable[[Any], Mapping[str, str]] = lambda _: {}
    scope: Scope | None = None  # that a key needs, if it does not follow from what is done

    @property
    def needs(self) -> Scope:
        return self.scope or (Scope.READ if self.method == "GET" else Scope.MANAGE)

    def render(self, found: Any, links: Links | None = None, _: Listing | None = None) -> Reply:
        """`found` is a task, a page of tasks, or what an operation found."""
        shown = View(found, links) if isinstance(found, Task) else found
        shown = Views(found, links) if isinstance(found, Page) else shown
        headers = {**self.headers(shown), **_ask_in(found)}
        return Reply(status=self.status, body=self.reply and self.reply.of(shown), headers=headers)


def _ask_in(found: Any) -> dict[str, str]:
    """In the words of HTTP, whatever the format has."""
    eta = found.eta if isinstance(found, Task) else None
    return {"retry-after": str(math.ceil(eta.ask_in))} if eta else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Route):
    method: str = "POST"
    body: str = "Submission"
    scope: Scope | None = Scope.SUBMIT
    parse: Callable[[Http], Request]


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Route):
    """Shows the task that the path's `task_id` names. Receivers get its body, unless there is an event."""

    callbacks_signed_by: str = ""  # the dialect's own scheme, beside the one that signs every callback
    event: type[Shape] | None = None  # what the dialect posts to webhooks
    shows_place: bool = False  # of a task that waits for room at its provider


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Route):
    window: timedelta | None = None  # how far back it reaches when the client names no beginning
    numbered: bool = False  # its pages have numbers only, no cursor to go on from
    shows_eta: bool = False
    parse: Callable[[Http], Listing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Route):
    """Cancels the task that the path's `task_id` names."""

    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Route):
    """Cancels the task that the path's `task_id` names if it has not begun; takes it out of sight if it ended."""

    method: str = "DELETE"
    keeps: frozenset[State] = frozenset()  # it is refused to take tasks that ended so out of sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Content(Route):
    """Leads to one file of the task that the path's `task_id` names. `parse` names the asset: video, cover, ..."""

    parse: Callable[[Http], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Route):
    """Something of an owner's that is not a task."""

    parse: Callable[[Http], Any] = lambda _: None

    @property
    def service(self) -> str:
        """The name of what serves it: show_webhook for showWebhook."""
        return re.sub("(?=[A-Z])", "_", self.operation).lower()


AnyRoute = Submit | Show | List | Cancel | Remove | Content | Operation


def submission_of(name: str, body: str = "Submission", sent: Callable[[Http], Mapping[str, Json]] = Http.json) -> Any:
    """Reads submissions to the format of this name. Their model is loaded with the first of them."""

    def parse(http: Http) -> Request:
        from reelkeep.dialects.translate import asked

        return asked(_model(name, body), name, sent(http))

    return parse


def _model(name: str, body: str) -> Any:
    return getattr(import_module(f"reelkeep.dialects.{name}.wire"), body)


# --- errors ---

Row = tuple[int, Any]  # the status, and the format's code


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as the client reads it."""

    status: int
    code: Any
    message: str
    field: str = ""  # as the client calls it
    request_id: str = ""
    error: ClientError | None = None  # None if the fault is ours


class Dialect:
    """A wire format as its server speaks it. A format says what is its own."""

    name: str
    prefixes: tuple[str, ...]  # every path that begins so is answered in this dialect, errors too
    error: type[Shape]  # of a Problem
    errors: Mapping[type[ClientError] | FailureClass, Row]
    fault: tuple[int, Any, str]  # of our own: status, code and message
    scheme = "Bearer"
    error_headers: Mapping[str, str] = {}
    not_repeated: frozenset[int] = frozenset({409, 429})  # which clients of the format would repeat
    known: Mapping[str, str] = {}  # what clients call some fields of ours, whatever they call

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        raise NotImplementedError

    def names(self, http: Http) -> Mapping[str, str]:
        """What the client of this call calls a Request's fields."""
        if http.method == "GET":  # whose parameters bear their own names
            return {}
        submits = [route for route in self.routes if isinstance(route, Submit)]
        route = next((each for each in submits if each.path == http.path), submits[0])
        found: Mapping[str, str] = _model(self.name, route.body).names()
        return found

    def refined(self, error: ClientError, problem: Problem, http: Http) -> Problem:
        """With what is this format's own."""
        return problem

    def render_error(self, error: ClientError, http: Http) -> Reply:
        """Any error, in the dialect's own body, naming the field."""
        status, code = row(self.errors, error)
        is_invalid = isinstance(error, InvalidRequest) and bool(error.field)
        names = {**self.known, **(self.names(http) if is_invalid else {})}
        field = names.get(error.field, error.field)
        message = naming(error, names) if is_invalid else error.message
        trace = http.headers.get("x-amzn-trace-id") or http.headers.get("x-request-id", "")
        problem = Problem(status=status, code=code, message=message, field=field, request_id=trace[:128], error=error)
        problem = self.refined(error, problem, http)
        headers = dict(self.error_headers)
        if problem.status == 401:
            headers["www-authenticate"] = self.scheme
        if isinstance(error, NotAllowed):  # RFC 9110, 15.5.6
            headers["allow"] = ", ".join(error.allowed)
        if isinstance(error, Later) and error.retry_after:
            headers["retry-after"] = str(error.retry_after)
        if problem.status in self.not_repeated:
            headers["x-should-retry"] = "false"
        return Reply(status=problem.status, body=self.error.of(problem), headers=headers)

    def render_fault(self, known: str = "") -> Reply:
        """Something went wrong on our side. Clients learn no more than `known`, if that is given."""
        status, code, message = self.fault
        problem = Problem(status=status, code=code, message=known or message)
        return Reply(status=status, body=self.error.of(problem), headers=self.error_headers)


R = TypeVar("R")


def row(table: Mapping[Any, R], error: ClientError) -> R:
    """What a format's table of errors has for this one's class, or else for the nearest class above it; of what a
    provider refused, first for the class of its failure."""
    reason = (error.failure.reason,) if isinstance(error, Refused) else ()
    kinds = (*reason, *type(error).__mro__)
    return next(table[kind] for kind in kinds if kind in table)


def naming(error: ClientError, names: Mapping[str, str]) -> str:
    """Its message, with the field that is wrong as clients write it; `names` are theirs by ours.

    What has no other name may be of the client's own making, of any length: it makes no pattern.
    """
    field, message = names.get(error.field) or error.field, error.message
    if field != error.field:
        message = re.sub(rf"(?<![\w.]){re.escape(error.field)}\b", field, message)
    return message if field in message else f"{field}: {message}"


def explained(failure: Failure, word: str) -> str:
    """For a person; with the provider's own code, if that is not the word that the client reads."""
    is_told = failure.code in ("", word) or failure.code in failure.message
    return f"{failure.message or failure.reason.value}{'' if is_told else f' ({failure.code})'}"
