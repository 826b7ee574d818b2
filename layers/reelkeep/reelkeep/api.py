"""The HTTP API: finds the dialect and the route, lets the caller in, calls one service, renders the answer."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from aws_lambda_powertools import Logger

from reelkeep.dialects import dialect_of
from reelkeep.dialects.dialect import (
    LARGEST_BODY,
    LARGEST_IN_BASE64,
    AnyRoute,
    Cancel,
    Content,
    Dialect,
    Http,
    List,
    Operation,
    Remove,
    Reply,
    Show,
    Submit,
)
from reelkeep.domain import ids, room, tags
from reelkeep.domain.claims import ATTEMPT_HEADER, HEADER
from reelkeep.domain.errors import (
    BodyTooLarge,
    ClientError,
    InvalidRequest,
    Misconfigured,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
    lacking,
)
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.log_fields import log_fields
from reelkeep.domain.record_size import truncate_request
from reelkeep.domain.task import ArchivedFile, Request, State, Task
from reelkeep.domain.wire import Json
from reelkeep.ports.owners import Caller, Keys

_REPEAT_HEADER = HEADER.lower()
_MISCONFIGURED = "this service is misconfigured; contact its operator"
_TAGS = tags.HEADER.lower()
_PRIORITY = room.HEADER.lower()
_LARGEST_ANSWER = 6_000_000  # bytes; a function may answer 6 MiB, headers included
_MOST_BYTES = 7  # that a character of JSON takes in it: a control character is \u0001, quoted \\u0001
_TASK_PATH = re.compile(r"\{(\w+)\}")


def _absent(*_: object) -> Any:
    """The gateway sent the request to a function that has no such operation: it did not understand the path."""
    raise NotFound("there is nothing at this address")


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What one function serves; what it does not serve is refused."""

    keys: Keys
    logger: Logger
    # The last two are the client's Idempotency-Key, and how often it has sent the request before.
    submit: Callable[[Request, Caller, str | None, int | None], Task] = _absent
    cancel: Callable[[str, Caller], Task] = _absent
    remove: Callable[[str, Caller, Collection[State]], Task] = _absent
    show: Callable[[str, Caller], Task] = _absent
    find_place: Callable[[Task], Task] = lambda task: task
    estimate: Callable[[Task], Task] = lambda task: task  # when it ends
    list_tasks: Callable[[Listing, Caller, timedelta | None], Page] = _absent
    services: Mapping[str, Callable[[Any, Caller], Any]] = field(default_factory=dict)  # of operations, by name
    links: Links = _absent
    # By method and path; "GET /files/" has all below it, and HEAD is GET. None leaves the request to the dialect.
    public: Mapping[str, Callable[[Http], Reply | None]] = field(default_factory=dict)
    base_path: str = ""  # what the public address has behind its host; an API mapping leaves it in the path

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An HTTP API event (payload format 2.0) in, its response out. Never raises.

        That there was a call is in the API's own access log; ours says what was accepted, and why one was refused.
        """
        http = _http(event, self.base_path)
        dialect = dialect_of(http.path)
        try:
            reply = self._respond(http, dialect)
        except ClientError as error:
            reply = dialect.render_error(error, http)
            self.logger.info(
                "refused",
                method=http.method,
                dialect=dialect.name,
                status=reply.status,
                error=type(error).__name__,
                field=error.field[:100],  # a client may have made the name up
                extra=log_fields(error.task) if isinstance(error, Refused) and error.task else {},
            )
        except Exception as error:
            self.logger.exception("request failed", method=http.method, dialect=dialect.name)
            reply = dialect.render_fault(_MISCONFIGURED if isinstance(error, Misconfigured) else "")
            if http.method == "POST" and _REPEAT_HEADER not in http.headers and _attempt(http) is None:
                # Official SDKs repeat it after a 500, which could mean to pay twice.
                reply = replace(reply, headers={**reply.headers, "x-should-retry": "false"})
        return _response(_below(self.base_path, reply), request_id=event["requestContext"]["requestId"])

    def _respond(self, http: Http, dialect: Dialect) -> Reply:
        below = http.path[: http.path.find("/", 1) + 1]
        page = self.public.get(f"{_served(http)} {http.path}") or self.public.get(f"{_served(http)} {below}")
        reply = page(http) if page else None
        if reply is not None:
            return reply
        caller = self.keys.caller(_key(http))
        if caller is None:
            raise Unauthorized("this API key is not known, or was revoked")
        self.logger.append_keys(owner=caller.owner, key_id=caller.key_id)
        if len(http.body) > http.largest_body:
            raise BodyTooLarge(f"the body has {len(http.body)} bytes, the limit for its type is {http.largest_body}")
        route, http = _route(http, dialect)
        if route.needs not in caller.scopes:
            raise lacking(route.needs)
        match route:
            case Submit():
                request = _with_headers(route.parse(http), http)
                key, attempt = http.headers.get(_REPEAT_HEADER), _attempt(http)
                task = self.submit(request, caller, key, attempt)
                self.logger.info("task accepted", extra=log_fields(task))
                return _fitting(route.render, self.estimate(task))
            case Cancel():
                return route.render(self.cancel(http.variables["task_id"], caller))
            case Show():
                task = self.show(http.variables["task_id"], caller)
                task = self.estimate(self.find_place(task) if route.shows_place else task)
                return _fitting(lambda task: route.render(task, self.links), task)
            case Remove():
                return route.render(self.remove(http.variables["task_id"], caller, route.keeps))
            case Content():
                task = self.show(http.variables["task_id"], caller)
                return Reply(status=302, headers={"location": self.links(_kept(task, route.parse(http)))})
            case Operation():
                serve = self.services.get(route.service) or _absent
                found = serve(route.parse(http), caller)
                if isinstance(found, Task):
                    return _fitting(lambda task: route.render(task, self.links), found)
                return route.render(found)
            case List():
                listing = route.parse(http)
                found = self.list_tasks(listing, caller, route.window)
                if route.shows_eta:
                    found = replace(found, tasks=tuple(map(self.estimate, found.tasks)))
                return self._listed(route, listing, found)

    def _listed(self, route: List, listing: Listing, page: Page) -> Reply:
        """As much of the page as fits an answer; the rest comes under the cursor."""
        reply = route.render(page, self.links, listing)
        while len(page.tasks) > 1 and not _fits(reply):
            if listing.skip or route.numbered:  # the next number would pass over what is left out
                raise InvalidRequest("the page is larger than an answer can be: ask for fewer tasks a page")
            page = replace(page, tasks=page.tasks[: len(page.tasks) // 2])
            page = replace(page, next_cursor=page.tasks[-1].id)
            reply = route.render(page, self.links, listing)
        return reply


def _route(http: Http, dialect: Dialect) -> tuple[AnyRoute, Http]:
    """The route of this request, and the request with the path's variables in it."""
    allowed = []
    for route in dialect.routes:
        found = _pattern(route.path).fullmatch(http.path)
        if found and route.method == _served(http):
            variables = {name: unquote(value) for name, value in found.groupdict().items()}
            return route, replace(http, variables=variables)
        task_id = found.groupdict().get("task_id") if found else ""
        if task_id is None or ids.is_task_id(task_id):  # a word in its place is another path, which is not served
            allowed.append(route.method)
    if allowed:
        message = f"{http.method} is not allowed here, {', '.join(sorted(set(allowed)))} is"
        raise NotAllowed(message, allowed=allowed)
    raise NotFound(f"there is nothing at {http.path[:200]}")


def _served(http: Http) -> str:
    """The method by which it is served: HEAD is answered as GET is, and the gateway leaves the body out."""
    return "GET" if http.method == "HEAD" else http.method


def _with_headers(request: Request, http: Http) -> Request:
    """With what headers say in every dialect: tags, and the priority."""
    if (priority := http.headers.get(_PRIORITY)) is not None:
        request = replace(request, priority=room.priority_of(priority))
    added = tags.from_header(http.headers.get(_TAGS, ""))
    return replace(request, tags=tags.check((*request.tags, *added), tags.HEADER)) if added else request


def _attempt(http: Http) -> int | None:
    """How often the client's SDK has sent this request before; None if it does not say."""
    count = http.headers.get(ATTEMPT_HEADER.lower(), "")
    return int(count) if count.isascii() and count.isdecimal() and len(count) < 4 else None


def _kept(task: Task, name: str) -> ArchivedFile:
    found = (creation.asset(name) for creation in task.creations)
    kept = next((asset.archived for asset in found if asset and asset.archived), None)
    if kept is None or not task.state.terminal:
        raise NotFound(f"the task has no {name}, or not yet")
    return kept


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_TASK_PATH.sub(r"(?P<\1>[^/]+)", path))


def _key(http: Http) -> str:
    """The key in `Authorization: Token …`, `Authorization: Bearer …` or `x-api-key`."""
    scheme, _, key = http.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("token", "bearer") and key.strip():
        return key.strip()
    if http.headers.get("x-api-key"):
        return http.headers["x-api-key"].strip()
    raise Unauthorized("an API key is needed: Authorization: Token, Authorization: Bearer, or x-api-key")


def _http(event: Mapping[str, Any], base_path: str) -> Http:
    body, in_base64 = event.get("body") or "", event.get("isBase64Encoded")
    path = event["rawPath"]
    if base_path and f"{path}/".startswith(f"{base_path}/"):
        path = path.removeprefix(base_path)
    return Http(
        method=event["requestContext"]["http"]["method"],
        path=path.rstrip("/") or "/",
        query=tuple(parse_qsl(event.get("rawQueryString", ""), keep_blank_values=True)),
        headers={name.lower(): value for name, value in event.get("headers", {}).items()},
        body=base64.b64decode(body) if in_base64 else body.encode(errors="surrogatepass"),
        largest_body=LARGEST_IN_BASE64 if in_base64 else LARGEST_BODY,
    )


def _below(base_path: str, reply: Reply) -> Reply:
    """With the paths that the API names as clients reach them: of what was made, and of a problem's explanation."""
    headers, body = dict(reply.headers), reply.body
    if not base_path:
        return reply
    if headers.get("location", "").startswith("/"):
        headers["location"] = base_path + headers["location"]
    if headers.get("content-type") == "application/problem+json" and isinstance(body, dict):
        body = {**body, "type": f"{base_path}{body['type']}"}
    return replace(reply, headers=headers, body=body)


def _fitting(render: Callable[[Task], Reply], task: Task) -> Reply:
    """Without its long strings, if they would make it larger than an answer can be."""
    reply = render(task)
    return reply if _fits(reply) else render(task.asking(truncate_request(task.request)))


def _fits(reply: Reply) -> bool:
    """The function's answer quotes the body once more."""
    text = _text(reply.body)
    if len(text) * _MOST_BYTES <= _LARGEST_ANSWER:
        return True
    return len(json.dumps(text, ensure_ascii=False).encode(errors="surrogatepass")) <= _LARGEST_ANSWER


def _response(reply: Reply, *, request_id: str) -> dict[str, Any]:
    own = {"content-type": "application/json", "cache-control": "no-store", "x-request-id": request_id}
    headers = {**own, **reply.headers}
    if isinstance(reply.body, bytes):
        body = base64.b64encode(reply.body).decode()
        return {"statusCode": reply.status, "headers": headers, "body": body, "isBase64Encoded": True}
    return {"statusCode": reply.status, "headers": headers, "body": _text(reply.body)}


def _text(body: Json | str) -> str:
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
