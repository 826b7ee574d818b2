"""Ark's content generation, as it is served to clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, List, Remove, Reply, Show, Submit, explained, row
from reelkeep.dialects.families.creations import kept_links, measured
from reelkeep.dialects.families.resolution import shape
from reelkeep.dialects.grammar.moments import unix
from reelkeep.dialects.grammar.query import Number, Query, Words
from reelkeep.dialects.volc_ark import EXPIRES_AFTER, LARGEST_PAGE, NAME, PATH
from reelkeep.domain import errors
from reelkeep.domain.errors import CannotCancel, ClientError, InvalidRequest, NotFound, Refused
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Creation, Failure, FailureClass, Request, State, Task
from reelkeep.domain.wire import Json

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.volc_ark import wire

_STATUSES: dict[State, wire.Status] = {
    State.CREATED: "queued",
    State.QUEUEING: "queued",
    State.PROCESSING: "running",
    State.ARCHIVING: "running",
    State.SUCCESS: "succeeded",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
}
_TIERS = {"default": False, "flex": True}
_PAGE = Number("page_num", "From 1.", usual=1, least=1, most=LARGEST_PAGE)
_SIZE = Number("page_size", "Tasks a page.", usual=20, least=1, most=LARGEST_PAGE)
_STATUS = Words("filter.status", "Only tasks of this status.", among=tuple(dict.fromkeys(_STATUSES.values())))
_IDS = Words("filter.task_ids", "Only these tasks, however old they are.")
_MODEL = Words("filter.model", "Only tasks for this model.")
_TIER = Words("filter.service_tier", "`default` or `flex`.", among=tuple(_TIERS))


class _Server:
    name = NAME
    prefixes: tuple[str, ...] = ("/volc/v1/", "/api/v3/")

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (*_routes("/volc/v1", "VolcArkV1"), *_routes("/api/v3", "VolcArk"))

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return _refusal(error, http)

    def render_fault(self, known: str = "") -> Reply:
        message = known or "The service encountered an unexpected internal error"
        return Reply(status=500, body=_error(500, "InternalServiceError", message))


dialect = _Server()


def _routes(base: str, named: str) -> tuple[AnyRoute, ...]:
    one = f"{base}{PATH}/{{task_id}}"
    return (
        Submit(
            method="POST",
            path=f"{base}{PATH}",
            operation=f"submit{named}Task",
            summary="Submit a task",
            details="Words, pictures, films and sounds are its `content`.",
            body="Submission",
            reply="TaskId",
            parse=_asked,
            render=_created,
        ),
        List(
            method="GET",
            path=f"{base}{PATH}",
            operation=f"list{named}Tasks",
            summary="Tasks of the last 7 days, newest first",
            details="Each filter admits any of its values, and a task is listed if it fits all filters.",
            parameters=(_PAGE, _SIZE, _STATUS, _IDS, _MODEL, _TIER),
            reply="TaskList",
            window=timedelta(days=7),  # what Ark remembers
            numbered=True,
            parse=_listing,
            render=_listed,
        ),
        Show(
            method="GET",
            path=one,
            operation=f"show{named}Task",
            summary="A task and its video",
            details="The links are there once it has succeeded, and stay.",
            reply="Task",
            render=lambda task, links: Reply(body=_task(task, links)),
        ),
        Remove(
            method="DELETE",
            path=one,
            operation=f"remove{named}Task",
            summary="Cancel a task in the queue, or take one that ended off the list",
            details="A task under way is refused. What is in the archive stays there.",
            reply="Nothing",
            keeps=frozenset({State.CANCELLED}),
            render=lambda _: Reply(body={}),
        ),
    )


def _asked(http: Http) -> Request:
    from reelkeep.dialects.translate import asked
    from reelkeep.dialects.volc_ark.wire import Submission

    return asked(Submission, NAME, http.json())


def _listing(http: Http) -> Listing:
    query = Query(http.query)
    page, size, words = _PAGE.read(query), _SIZE.read(query), _STATUS.read(query)
    tiers = {_TIERS[tier] for tier in _TIER.read(query)}
    return Listing(
        filter=Filter(
            states=tuple(state for state, word in _STATUSES.items() if word in words),
            task_ids=_IDS.read(query),
            models=_MODEL.read(query),
            off_peak=tiers.pop() if len(tiers) == 1 else None,
        ),
        size=size,
        skip=(page - 1) * size,
        counted=True,
    )


# --- answers ---


def _created(task: Task) -> Reply:
    return Reply(body={"id": task.id, **_echoed(task, "safety_identifier")})


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    return Reply(body={"items": [_task(task, links) for task in page], "total": page.total or 0})


def _task(task: Task, links: Links) -> wire.Task:
    """Ark leaves `content` and `usage` out until success; the list's page under /volc/v1 has them always."""
    request, tokens = task.request, task.tokens or 0  # none counted is none known of: other providers have no tokens
    creation = task.creations[0] if task.creations and task.state is State.SUCCESS else Creation(id="")
    files = kept_links(creation, links)
    made = measured(creation)
    seconds = made.duration or request.duration
    frames = _echoed(task, "frames")
    facts = {
        "seed": request.seed if task.seed is None else task.seed,
        "resolution": request.resolution or None,
        "duration": round(seconds) if seconds and not frames else None,
        "framespersecond": round(made.fps) if made.fps else None,
    }
    content: wire.Content = {"video_url": files.get("video", "")}
    if "last-frame" in files:
        content["last_frame_url"] = files["last-frame"]
    shown: wire.Task = {
        "id": task.id,
        "model": request.model,
        "status": _STATUSES[task.state],
        "error": _failure(task.failure) if task.failure and task.state is State.FAILED else None,
        "content": content,
        "usage": {"completion_tokens": tokens, "total_tokens": tokens},
        "created_at": unix(task.created_at),
        "updated_at": unix(task.finished_at or task.updated_at),
        "service_tier": "flex" if request.off_peak else "default",
        "ratio": _ratio(request, made.width or 0, made.height or 0),
        "generate_audio": _has_audio(request),
        "draft": False,
        "execution_expires_after": request.expires_after or EXPIRES_AFTER,
        "priority": 0,
        "output_format": "mp4",
    }
    own = _echoed(task, "draft", "output_format", "priority", "safety_identifier", "tools")
    known = {name: value for name, value in facts.items() if value is not None}
    return {**shown, **known, **frames, **own, **_draft_of(request)}  # type: ignore[typeddict-item]


def _echoed(task: Task, *names: str) -> dict[str, Json]:
    """What the client said in these fields."""
    body = task.request.body if task.request.dialect == NAME else {}
    return {name: body[name] for name in names if body.get(name) not in (None, "")}


def _ratio(request: Request, width: int, height: int) -> str:
    """Ark tells the ratio that `adaptive` came to."""
    asked = "" if request.aspect_ratio == "adaptive" else request.aspect_ratio
    return asked or shape(f"{width}x{height}")[1] or "adaptive"


def _has_audio(request: Request) -> bool:
    """Ark's default: models have sound from 1.5 on."""
    if request.audio is not None:
        return request.audio
    return "seedance" in request.model and "seedance-1-0" not in request.model


def _draft_of(request: Request) -> dict[str, str]:
    content = request.body.get("content", ()) if request.dialect == NAME else ()
    drafts = [item["draft_task"]["id"] for item in content if item.get("type") == "draft_task"]
    return {"draft_task_id": drafts[0]} if drafts else {}


# --- errors. Source: volcengine.com/docs/82379/1299023 ---

_REFUSALS: dict[type[ClientError] | FailureClass, tuple[int, str]] = {
    FailureClass.POLICY: (400, "SensitiveContentDetected"),
    FailureClass.INPUT: (400, "InvalidParameter"),
    FailureClass.CREDIT: (403, "AccountOverdueError"),
    FailureClass.THROTTLED: (429, "QuotaExceeded"),
}
_ERRORS: Mapping[type[ClientError] | FailureClass, tuple[int, str]] = {
    errors.ClientError: (400, "InvalidParameter"),
    errors.Missing: (400, "MissingParameter"),
    errors.Unauthorized: (401, "AuthenticationError"),
    errors.NotFound: (404, "NotFound"),
    errors.NotAllowed: (405, "MethodNotAllowed"),
    errors.CannotCancel: (409, "InvalidAction.RunningTaskDeletion"),  # seen live; and CancelledTaskDeletion
    errors.BodyTooLarge: (413, "RequestEntityTooLarge"),
    errors.KeyReused: (422, "IdempotencyKeyReused"),
    errors.Refused: (400, "InvalidEndpoint.ClosedEndpoint"),  # our trouble at the provider must not look like theirs
    **_REFUSALS,
}
_FAILURES: dict[Any, str] = {reason: code for reason, (_, code) in _REFUSALS.items()} | {
    FailureClass.POLICY: "OutputVideoSensitiveContentDetected"
}
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
_OWN = re.compile(
    r"((Input|Output)?(Text|Image|Video|Audio)?SensitiveContentDetected|(Invalid|Missing)Parameter"
    r"|AccountOverdueError|QuotaExceeded|RateLimitExceeded)(\.\w+)*"
)
_REQUEST_ID = re.compile(r"[.,;]?\s*(\(\s*)?request[ _-]?id\s*[:=]\s*[^\s(),;]+(?(1)\s*\))", re.IGNORECASE)


def _refusal(error: ClientError, http: Http) -> Reply:
    status, code = row(_ERRORS, error)
    message, field = error.message, _name(error)
    if error.field:
        message = re.sub(rf"\b{re.escape(error.field)}\b", field, message)
    match error:
        case Refused(failure=failure):
            code = _own_code(failure) or code
            if failure.reason is not FailureClass.PROVIDER:
                message = explained(failure, code)
        case CannotCancel(state=state):
            word = "cancelled" if state is State.CANCELLED else "running"
            code = f"InvalidAction.{word.title()}TaskDeletion"
            task_id = http.path.rpartition("/")[2][:64]
            message = f"Cannot delete task `{task_id}` because it is currently {word}"
        case NotFound(field="task_id"):
            code = "NotFound.Id"
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if status in (409, 429):  # clients repeat those, half a second later
        headers["x-should-retry"] = "false"
    request_id = http.headers.get("x-client-request-id") or http.headers.get("x-amzn-trace-id", "")
    if request_id:  # ours, in the place of the provider's
        message = f"{_REQUEST_ID.sub('', message)}. Request id: {request_id[:128]}"
    return Reply(status=status, body=_error(status, code, message, field), headers=headers)


def _name(error: ClientError) -> str:
    """The field that is wrong, as clients write it here."""
    if not isinstance(error, InvalidRequest) or not error.field:
        return "id" if error.field == "task_id" else error.field
    from reelkeep.dialects.volc_ark.wire import Submission

    return {"creation_id": "content", "kind": "content", **Submission.names()}.get(error.field, error.field)


def _error(status: int, code: str, message: str, param: str = "") -> wire.Error:
    return {"error": {"code": code, "message": message, "param": param, "type": _TYPES[status]}}


def _failure(failure: Failure) -> wire.Failure:
    code = _own_code(failure) or _FAILURES.get(failure.reason, "InternalServiceError")
    return {"code": code, "message": explained(failure, code)}


def _own_code(failure: Failure) -> str:
    """The provider's word where it is one of Ark's for the client; other formats' words mean nothing here."""
    return failure.code if failure.reason in _FAILURES and _OWN.fullmatch(failure.code) else ""
