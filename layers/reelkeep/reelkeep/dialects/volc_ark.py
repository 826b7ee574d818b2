"""Volcengine Ark's content generation, both ways: the API of Seedance, as Ark, BytePlus and aggregators serve it.

Source: volcengine.com/docs/82379, pages 1520757 (create), 1521309 (get), 1521675 (list), 1521720 (delete) and 1299023
(errors); doc.aimanyi.top/api-351558937 (list under /volc/v1); what was seen to differ from them is understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from reelkeep.dialects import volc_ark_bodies as bodies
from reelkeep.dialects import volc_ark_openapi as openapi
from reelkeep.dialects.dialect import AnyRoute, Http, List, Remove, Reply, Show, Submit
from reelkeep.dialects.grammar import lenient, placing
from reelkeep.dialects.grammar.query import Query
from reelkeep.domain import observation
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    KeyReused,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.expiry import link_expiry
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    Busy,
    Failed,
    Found,
    Listed,
    ListedPage,
    Missing,
    NotYet,
    Observation,
    Pending,
    Placement,
    Succeeded,
    Uncertain,
    Unknown,
    Unreadable,
    Untraceable,
)
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, Search

_NAME = "volc_ark"
_TASKS = "/contents/generations/tasks"
_BASES = ("/volc/v1", "/api/v3")

_WINDOW = timedelta(days=7)  # what Ark remembers
_EXPIRY = "execution_expires_after"

_WORDS: dict[State, str] = {
    State.CREATED: "queued",
    State.QUEUEING: "queued",
    State.PROCESSING: "running",
    State.ARCHIVING: "running",
    State.SUCCESS: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
}
_ECHOED = ("draft", "execution_expires_after", "frames", "output_format", "priority", "safety_identifier", "tools")
_SPELLED = {  # a Request's fields, as clients write them here
    "aspect_ratio": "ratio",
    "audio": "generate_audio",
    "creation_id": "content",
    "images": "content",
    "kind": "content",
    "last_frame": "return_last_frame",
    "off_peak": "service_tier",
    "prompt": "content",
    "task_id": "id",
}

# --- the server ---


class _Server:
    name = _NAME
    prefixes = tuple(f"{base}/" for base in _BASES)

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return tuple(route for base in _BASES for route in _routes(f"{base}{_TASKS}"))

    def render_error(self, error: ClientError, http: Http) -> Reply:
        status, code = _status_and_code(error)
        name = _SPELLED.get(error.field, error.field)
        message = re.sub(rf"\b{re.escape(error.field)}\b", name, error.message) if error.field else error.message
        if isinstance(error, CannotCancel):
            task_id = http.path.rpartition("/")[2][:64]
            state = "cancelled" if error.state is State.CANCELLED else "running"
            message = f"Cannot delete task `{task_id}` because it is currently {state}"
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        if status in (409, 429):  # clients repeat those, half a second later
            headers["x-should-retry"] = "false"
        request_id = http.headers.get("x-client-request-id") or http.headers.get("x-amzn-trace-id", "")
        said = f"{message}. Request id: {request_id[:128]}" if request_id else message
        return Reply(status=status, body=_error(status, code, said, name), headers=headers)

    def render_fault(self, known: str = "") -> Reply:
        message = known or "The service encountered an unexpected internal error"
        return Reply(status=500, body=_error(500, "InternalServiceError", message))

    @property
    def schemas(self) -> Mapping[str, Any]:
        return openapi.schemas(tuple(dict.fromkeys(_WORDS.values())))


def _routes(path: str) -> tuple[AnyRoute, ...]:
    one = f"{path}/{{task_id}}"
    return (
        Submit(method="POST", path=path, description=openapi.SUBMIT, parse=_parsed, render=_created),
        List(method="GET", path=path, description=openapi.LIST, window=_WINDOW, parse=_parse_listing, render=_listed),
        Show(method="GET", path=one, description=openapi.SHOW, render=_shown),
        Remove(
            method="DELETE",
            path=one,
            description=openapi.REMOVE,
            keeps=frozenset({State.CANCELLED}),
            render=lambda _: Reply(body={}),
        ),
    )


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json(bodies.LARGEST)
    return Request(dialect=_NAME, body=sent, **bodies.read(sent))


def _parse_listing(http: Http) -> Listing:
    query = Query(http.query)
    page, size = _numbered(query, "page_num", 1), _numbered(query, "page_size", openapi.USUAL_PAGE)
    words, tiers = query.words("filter.status"), query.words("filter.service_tier")
    for name, given, known in (("status", words, _WORDS.values()), ("service_tier", tiers, bodies.TIERS)):
        if not set(given) <= set(known):
            message = f"filter.{name} must be one of {', '.join(dict.fromkeys(known))}"
            raise InvalidRequest(message, field=f"filter.{name}")
    wanted = {bodies.TIERS[tier] for tier in tiers}
    return Listing(
        filter=Filter(
            states=tuple(state for state, word in _WORDS.items() if word in words),
            task_ids=query.words("filter.task_ids"),
            models=query.words("filter.model"),
            off_peak=wanted.pop() if len(wanted) == 1 else None,
        ),
        size=size,
        skip=(page - 1) * size,
        counted=True,
    )


def _numbered(query: Query, name: str, usual: int) -> int:
    number = query.number(name, usual)
    if not 1 <= number <= openapi.LARGEST_PAGE:
        raise InvalidRequest(f"{name} must be from 1 to {openapi.LARGEST_PAGE}", field=name)
    return number


def _created(task: Task) -> Reply:
    said = _said(task, ("safety_identifier",))
    return Reply(body={"id": task.id, **said})


def _shown(task: Task, links: Links) -> Reply:
    return Reply(body=_task(task, links))


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    return Reply(body={"items": [_task(task, links) for task in page], "total": page.total or 0})


def _task(task: Task, links: Links) -> Json:
    """Ark leaves `content` and `usage` out until success; the list's page under /volc/v1 has them always."""
    request, tokens = task.request, task.tokens or 0  # none counted is none known of: other providers have no tokens
    creation = task.creations[0] if task.creations and task.state is State.SUCCESS else Creation(id="")
    files = {asset.name: links(asset.kept) for asset in creation.assets if asset.kept}
    video = creation.asset("video")
    made = video.kept if video and video.kept else creation  # measured rather than claimed
    seconds = made.duration or request.duration
    own = _said(task, _ECHOED)
    known = {
        "seed": request.seed if task.seed is None else task.seed,
        "resolution": request.resolution or None,
        "ratio": request.aspect_ratio or None,
        "duration": round(seconds) if seconds and "frames" not in own else None,
        "framespersecond": round(made.fps) if made.fps else None,
        "generate_audio": request.audio,
    }
    content = {"video_url": files.get("video", "")}
    if "last-frame" in files:
        content["last_frame_url"] = files["last-frame"]
    return {
        "id": task.id,
        "model": request.model,
        "status": _WORDS[task.state],
        "error": _told(task.failure) if task.failure and task.state is State.FAILED else None,
        "content": content,
        "usage": {"completion_tokens": tokens, "total_tokens": tokens},
        "created_at": _seconds(task.created_at),
        "updated_at": _seconds(task.finished_at or task.updated_at),
        **{name: value for name, value in known.items() if value is not None},
        "service_tier": "flex" if request.off_peak else "default",
        **own,
    }


def _said(task: Task, names: Sequence[str]) -> dict[str, Json]:
    body = task.request.body if task.request.dialect == _NAME else {}
    return {name: body[name] for name in names if body.get(name) not in (None, "")}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _error(status: int, code: str, message: str, param: str = "") -> Json:
    return {"error": {"code": code, "message": message, "param": param, "type": _TYPES[status]}}


_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    500: "InternalServerError",
}


def _status_and_code(error: ClientError) -> tuple[int, str]:
    match error:
        case InvalidRequest(missing=True):
            return 400, "MissingParameter"
        case Unauthorized():
            return 401, "AuthenticationError"
        case NotFound():
            return 404, "NotFound.Id" if error.field == "task_id" else "NotFound"
        case NotAllowed():
            return 405, "MethodNotAllowed"
        case CannotCancel(state=State.CANCELLED):
            return 409, "InvalidAction.CancelledTaskDeletion"
        case CannotCancel():  # seen live; the page says no more than that it is refused
            return 409, "InvalidAction.RunningTaskDeletion"
        case BodyTooLarge():
            return 413, "RequestEntityTooLarge"
        case KeyReused():
            return 422, "IdempotencyKeyReused"
        case Refused(failure=failure):
            status, code = _REFUSALS.get(failure.reason, (400, "InvalidEndpoint.ClosedEndpoint"))
            return status, _own_code(failure) or code
        case _:
            return 400, "InvalidParameter"


_REFUSALS = {  # our trouble with our account at the provider must not look like the client's with its own
    FailureClass.POLICY: (400, "SensitiveContentDetected"),
    FailureClass.INPUT: (400, "InvalidParameter"),
    FailureClass.CREDIT: (403, "AccountOverdueError"),
    FailureClass.THROTTLED: (429, "QuotaExceeded"),
}
_FAILURES = {
    FailureClass.POLICY: "OutputVideoSensitiveContentDetected",
    FailureClass.INPUT: "InvalidParameter",
    FailureClass.CREDIT: "AccountOverdueError",
    FailureClass.THROTTLED: "QuotaExceeded",
}


def _told(failure: Failure) -> Json:
    code = _own_code(failure) or _FAILURES.get(failure.reason, "InternalServiceError")
    return {"code": code, "message": failure.message or failure.reason.value}


def _own_code(failure: Failure) -> str:
    """The provider's word where it is one of Ark's for the client; other dialects' words mean nothing here."""
    return failure.code if failure.reason in _FAILURES and _OWN.fullmatch(failure.code) else ""


_OWN = re.compile(
    r"((Input|Output)?(Text|Image|Video|Audio)?SensitiveContentDetected|(Invalid|Missing)Parameter"
    r"|AccountOverdueError|QuotaExceeded|RateLimitExceeded)(\.\w+)*"
)

# --- the client ---


class _Client:
    name = _NAME
    authorization = "Bearer {key}"
    callbacks: Callbacks | None = Callbacks(field="callback_url")

    def place(self, task: Task) -> Call:
        request = task.request
        if request.dialect == _NAME and request.body:
            body = {name: value for name, value in request.body.items() if name not in ("callback_url", "provider")}
        else:
            body = bodies.write(request)
        mark = _mark(task)
        if mark is not None:
            body[_EXPIRY] = mark
        if task.source_creation:
            body["content"] = [bodies.with_draft(item, task.source_creation) for item in body["content"]]
        return Call(method="POST", path=_TASKS, body=body)

    def read_placed(self, answer: Answer) -> Placement:
        said = _unwrapped(answer)
        if 200 <= answer.status < 300:
            task_id = _id(said)
            return Accepted(task_id) if task_id else Unknown("the provider accepted something, but named no task")
        if clear := placing.by_status(answer):
            return clear
        code, message = _code_and_message(said)
        kind = _class_of(code, _CLASS_BY_STATUS.get(answer.status, FailureClass.INPUT))
        if answer.status == 429 or kind is FailureClass.THROTTLED:
            return NotYet(answer.retry_after)
        if answer.status in (401, 403) and kind is FailureClass.PROVIDER:
            message = "the provider refused the key that Reelkeep has for it; an operator must mend that"
        failure = Failure(reason=kind, code=code, message=message or f"the provider answered {answer.status}")
        return observation.Refused(failure)

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{_TASKS}/{task.provider_task_id}")

    def read_observed(self, answer: Answer) -> Observation:
        said = _unwrapped(answer)
        if answer.status == 200:
            return _observation(said, answer.body)
        code, _ = _code_and_message(said)
        if answer.status in (401, 403):
            return Busy("the provider refused the key that Reelkeep has for it", answer.retry_after)
        if answer.status in (408, 429) or answer.status >= 500:
            return Busy(f"the provider answered {answer.status} {code}".rstrip(), answer.retry_after)
        if answer.status in (400, 404) and _NO_SUCH_TASK.fullmatch(code):
            return Missing()
        # Also a 404 that is not in Ark's words: a proxy's page must not make us give a paid task up.
        return Unreadable(f"the provider answered {answer.status} {code}".rstrip(), answer.body)

    def list_successes(self, since: datetime, page: str) -> Call | None:  # noqa: ARG002  it has no filter by time
        number = page.partition(":")[0] or "1"
        query = (
            ("filter.status", "succeeded"),
            ("page_num", number),
            ("page_size", str(openapi.LARGEST_PAGE)),
        )
        return Call(method="GET", path=_TASKS, query=query)

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:
        """Their order is not documented, so all of seven days are read, and those that ended since are taken."""
        said = _unwrapped(answer)
        items, total = said.get("items"), lenient.whole(said.get("total"))
        if answer.status != 200 or not isinstance(items, list):
            return None
        read = _listed_successes(items, since)
        number, _, before = page.partition(":")
        count = int(before or 0) + len(items)
        more = count < total if total is not None else len(items) == openapi.LARGEST_PAGE
        following = int(number or 1) + 1
        if items and more and following <= openapi.LARGEST_PAGE:  # which is also the last page's number
            return replace(read, next_page=f"{following}:{count}")
        return read

    def cancel(self, task: Task) -> Call | None:
        """The same call erases a task that is done: it must not be made unless the task is in the queue."""
        if task.state is not State.QUEUEING or not task.provider_task_id:
            return None
        return Call(method="DELETE", path=f"{_TASKS}/{task.provider_task_id}")

    def read_cancelled(self, answer: Answer) -> bool:
        said = answer.json() if answer.body else {}
        fine = isinstance(said, dict) and not said.get("error") and said.get("code") in (None, 0, "success")
        return fine and answer.status in (200, 204)

    def find(self, task: Task) -> Search:
        """By its mark, among all that Ark has: its list knows no time to be filtered by.

        That it is not there is certain when the whole list was read, and nothing in it can be ours: nothing dates
        from the time of the call, or what does has another mark.
        """
        mark, items, total, number = _mark(task), dict[str, Mapping[str, Json]](), None, 0
        while total is None or len(items) < total:
            number += 1
            query = (("page_num", str(number)), ("page_size", str(openapi.LARGEST_PAGE)))
            answer = yield Call(method="GET", path=_TASKS, query=query)
            said = _unwrapped(answer)
            listed, counted = said.get("items"), lenient.whole(said.get("total"))
            if answer.status != 200 or not isinstance(listed, list) or counted is None:
                return Uncertain(f"the provider answered {answer.status} when it was asked for its list")
            items |= {_id(item): item for item in map(lenient.fields, listed)}
            suspects = {task_id: item for task_id, item in items.items() if _may_be(item, task)}
            ours = [task_id for task_id, item in suspects.items() if mark is not None and _echo(item) == mark]
            if len(ours) > 1 or "" in items:
                return Uncertain("the provider's list does not tell its tasks apart")
            if ours:
                return Found(ours[0])
            if total not in (None, counted) or (not listed and counted > len(items)):
                return Uncertain("the provider's list changed while it was read")
            total = counted
        if mark is None and suspects:
            return Untraceable()
        unmarked = [item for item in suspects.values() if _echo(item) in (None, _USUAL_EXPIRY)]
        return Uncertain("the provider lists a task that may be this one") if unmarked else Absent()


upstream = _Client()

_CLOCKS_DIFFER = timedelta(minutes=5)
_CALL_TAKES = timedelta(minutes=5)  # at most, until Ark has a task of it
_USUAL_EXPIRY = 172_800  # seconds: 48 h
_MARKS = 86_400


def _mark(task: Task) -> int | None:
    """What tells this task from others in Ark's list, which echoes nothing that is meant for that.

    It does echo how many seconds a task may take, and no task with this tier takes a day: so, if the client does not
    care, each gets a number of its own between 24 and 48 hours. None if the client does care.
    """
    request = task.request
    if request.off_peak or (request.dialect == _NAME and (not request.body or _EXPIRY in request.body)):
        return None
    return _USUAL_EXPIRY - 1 - crc32(task.id.encode()) % _MARKS


def _may_be(item: Mapping[str, Json], task: Task) -> bool:
    """Whether a listed task dates from when this one was placed."""
    created = lenient.number(item.get("created_at"))
    first, last = task.lost_since - _CLOCKS_DIFFER, task.lost_since + _CALL_TAKES + _CLOCKS_DIFFER
    return created is None or first.timestamp() <= created <= last.timestamp()


def _echo(item: Mapping[str, Json]) -> int | None:
    return lenient.whole(item.get(_EXPIRY))


def _listed_successes(items: Sequence[Json], since: datetime) -> ListedPage:
    found, unreadable = [], 0
    for said in map(lenient.fields, items):
        if lenient.text(said.get("status")).lower() not in _DONE:
            continue
        task_id, created_at = _id(said), lenient.moment(said.get("created_at"))
        if not task_id or created_at is None:
            unreadable += 1
            continue
        if (lenient.moment(said.get("updated_at")) or created_at) >= since:
            request, seen = _listed_request(said), _observation(said, b"")
            found.append(Listed(provider_task_id=task_id, created_at=created_at, request=request, seen=seen))
    return ListedPage(tuple(found), unreadable=unreadable)


def _listed_request(said: Mapping[str, Json]) -> Request:
    """The list says neither what was asked for in words, nor what was shown."""
    audio, seconds = said.get("generate_audio"), lenient.whole(said.get("duration"))
    return Request(
        dialect=_NAME,
        kind=Kind.TEXT2VIDEO,
        model=lenient.text(said.get("model"))[:256],
        duration=seconds or None,
        resolution=lenient.text(said.get("resolution"))[:256],
        aspect_ratio=lenient.text(said.get("ratio"))[:256],
        audio=audio if isinstance(audio, bool) else None,
        off_peak=said.get("service_tier") == "flex",
    )


def _unwrapped(answer: Answer) -> Mapping[str, Json]:
    """The body; some aggregators put what they have to say into {"code": 0, "data": {...}}, and Ark's own words, if
    they pass them on, into another `data` in there."""
    said = lenient.fields(answer.json())
    inner = lenient.fields(said.get("data"))
    return {**lenient.fields(inner.get("data")), **inner} if inner else said


def _id(said: Mapping[str, Json]) -> str:
    """Ark's name for it is `id`, which in a wrapper may be a number of the aggregator's books."""
    return lenient.identifier(said.get("task_id")) or lenient.identifier(said.get("id"))


def _code_and_message(said: Mapping[str, Json]) -> tuple[str, str]:
    """Of an error in Ark's envelope, or without it, as some aggregators pass it on."""
    error = lenient.fields(said.get("error")) or said
    return lenient.text(error.get("code"))[:256], lenient.text(error.get("message"))[:500]


def _observation(said: Mapping[str, Json], raw: bytes) -> Observation:
    word = lenient.text(said.get("status")).lower()
    if not word:
        return Unreadable("the provider named no status", raw)
    if word in _DONE:
        creation = _creation(said)
        if not creation.asset("video"):
            return Unreadable("the provider reported success without a link to a video", raw, made=True)
        usage = lenient.fields(said.get("usage"))
        tokens = lenient.whole(usage.get("total_tokens"))
        if tokens is None:
            tokens = lenient.whole(usage.get("completion_tokens"))
        return Succeeded((creation,), seed=lenient.whole(said.get("seed")), tokens=tokens)
    if word in _ENDS:
        reason, sentence = _ENDS[word]
        code, message = _code_and_message({"error": said.get("error")})
        kind = _class_of(code, reason) if reason is FailureClass.PROVIDER else reason
        retryable = kind in (FailureClass.THROTTLED, FailureClass.EXPIRED) or code.startswith("InternalService")
        return Failed(Failure(reason=kind, code=code, message=message or sentence, retryable=retryable))
    if word in _PENDING:
        return Pending(_PENDING[word])
    return Pending(State.PROCESSING, word[:64])


def _creation(said: Mapping[str, Json]) -> Creation:
    """A task makes one creation, which has no id of its own; a final version is ordered by the draft's task."""
    content = lenient.fields(said.get("content"))
    sources = {
        "video": lenient.link(content.get("video_url")) or lenient.link(said.get("video_url")),
        "last-frame": lenient.link(content.get("last_frame_url")),
    }
    return Creation(
        id=_id(said) or "1",
        assets=tuple(
            Asset(name=name, source=link, expires_at=link_expiry(link)) for name, link in sources.items() if link
        ),
        duration=lenient.number(said.get("duration")),
        fps=lenient.number(said.get("framespersecond")),
    )


_DONE = frozenset({"succeeded", "success", "completed"})
_PENDING = {
    **dict.fromkeys(("queued", "pending", "submitted", "not_start"), State.QUEUEING),
    **dict.fromkeys(("running", "processing", "in_progress"), State.PROCESSING),
}
_ENDS = {
    **dict.fromkeys(("failed", "failure"), (FailureClass.PROVIDER, "the provider failed, and gave no reason")),
    **dict.fromkeys(("cancelled", "canceled"), (FailureClass.CANCELLED, "it was cancelled at the provider")),
    "expired": (FailureClass.EXPIRED, "the provider did not begin in time"),
}
_NO_SUCH_TASK = re.compile(r"(?!InvalidEndpoint|Model).*not_?(found|exist).*", re.IGNORECASE)
_CLASS_BY_STATUS = {402: FailureClass.CREDIT} | dict.fromkeys((401, 403, 404, 405), FailureClass.PROVIDER)
_CLASSES = (
    (r".*Sensitive.*|.*PolicyViolation|.*RiskDetect.*", FailureClass.POLICY),
    (r"AccountOverdue.*|.*Balance.*", FailureClass.CREDIT),
    (r".*RateLimit.*|QuotaExceeded.*|ServerOverloaded.*|ModelLoading.*", FailureClass.THROTTLED),
    (r"InvalidEndpointOrModel.*|(Invalid|Missing)Parameter.*|BadRequest.*", FailureClass.INPUT),
    (r"Authentication.*|AccessDenied.*|OperationDenied.*|ModelNotOpen.*|InvalidEndpoint.*", FailureClass.PROVIDER),
)


def _class_of(code: str, otherwise: FailureClass) -> FailureClass:
    return next((found for words, found in _CLASSES if re.fullmatch(words, code)), otherwise)
