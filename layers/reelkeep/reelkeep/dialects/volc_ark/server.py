"""Ark's content generation, as it is served to clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from reelkeep.dialects.dialect import (
    AnyRoute,
    Dialect,
    Http,
    List,
    Problem,
    Remove,
    Row,
    Show,
    Submit,
    explained,
    submission_of,
)
from reelkeep.dialects.families.query import Number, Query, Words, filter_of, states
from reelkeep.dialects.families.resolution import shape
from reelkeep.dialects.replies import Nothing, Shape, View, shows, unix, words
from reelkeep.dialects.volc_ark import EXPIRES_AFTER, LARGEST_PAGE, NAME, PATH
from reelkeep.domain import errors
from reelkeep.domain.errors import CannotCancel, ClientError, NotFound, Refused
from reelkeep.domain.listing import Listing
from reelkeep.domain.task import Failure as TaskFailure
from reelkeep.domain.task import FailureClass, State
from reelkeep.domain.wire import Json

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]
_STATUSES = words("queued queued running running succeeded failed cancelled expired")
_TIERS = {"default": False, "flex": True}
_PAGE = Number("page_num", "From 1.", usual=1, least=1, most=LARGEST_PAGE)
_SIZE = Number("page_size", "Tasks a page.", usual=20, least=1, most=LARGEST_PAGE)
_TIER = Words("filter.service_tier", "`default` or `flex`.", among=tuple(_TIERS))
_PARAMETERS = (
    _PAGE,
    _SIZE,
    states("filter.status", "Only tasks of this status.", _STATUSES),
    Words("filter.task_ids", "Only these tasks, however old they are.", fills="task_ids"),
    Words("filter.model", "Only tasks for this model.", fills="models"),
    _TIER,
)


def _listing(http: Http) -> Listing:
    query = Query(http.query)
    page, size, tiers = _PAGE.read(query), _SIZE.read(query), {_TIERS[tier] for tier in _TIER.read(query)}
    chosen = replace(filter_of(query, _PARAMETERS), off_peak=tiers.pop() if len(tiers) == 1 else None)
    return Listing(filter=chosen, size=size, skip=(page - 1) * size, counted=True)


# --- answers ---


def _echoes(name: str, usual: Json = None, **more: Any) -> Any:
    """What the client said in this field."""

    def said(view: View) -> Json:
        value = view.sent(NAME).get(name)
        return usual if value in (None, "") else value

    return shows(said, optional=usual is None, **more)


def _duration(view: View) -> int | None:
    seconds = view.fact("duration") or view.request.duration
    return round(seconds) if seconds and not view.sent(NAME).get("frames") else None


def _ratio(view: View) -> str:
    """Ark shows the ratio that `adaptive` came to."""
    asked = "" if view.request.aspect_ratio == "adaptive" else view.request.aspect_ratio
    return asked or shape(f"{view.fact('width') or 0}x{view.fact('height') or 0}")[1] or "adaptive"


def _has_audio(view: View) -> bool:
    """Ark's default: models have sound from 1.5 on."""
    model = view.request.model
    return "seedance" in model and "seedance-1-0" not in model if view.request.audio is None else view.request.audio


def _draft(view: View) -> str | None:
    drafts = (item["draft_task"]["id"] for item in view.sent(NAME).get("content", ()) if item["type"] == "draft_task")
    return next(drafts, None)


class TaskId(Shape):
    id: str = shows("task.id")
    safety_identifier: str = _echoes("safety_identifier")


class Failure(Shape):
    code: str = shows("task.failure", write=lambda failure: _code(failure))
    message: str = shows("task.failure", write=lambda failure: explained(failure, _code(failure)))


class Content(Shape):
    video_url: str = shows(lambda view: view.file("video"), says="Permanent; empty until success.")
    last_frame_url: str = shows(lambda view: view.files.get("last-frame"), optional=True)


class Usage(Shape):
    """0 until success, and from providers that do not count in tokens."""

    completion_tokens: int = shows("task.tokens", 0, minimum=0)
    total_tokens: int = shows("task.tokens", 0, minimum=0)


class Task(Shape):  # Ark leaves `content` and `usage` out until success; the list's page under /volc/v1 does not
    id: str = shows("task.id")
    model: str = shows("request.model")
    status: Status = shows(lambda view: _STATUSES[view.task.state])
    error: Failure | None = shows(lambda view: Failure.of(view) if view.task.state is State.FAILED else None)
    content: Content = shows(Content.of)
    usage: Usage = shows(Usage.of)
    created_at: int = shows("task.created_at", write=unix, says="Seconds since 1970.", minimum=0)
    updated_at: int = shows("ended_at", write=unix, says="Seconds since 1970.", minimum=0)
    service_tier: Literal["default", "flex"] = shows(lambda view: "flex" if view.request.off_peak else "default")
    ratio: str = shows(_ratio)
    generate_audio: bool = shows(_has_audio)
    draft: bool = _echoes("draft", False)
    draft_task_id: str = shows(_draft, optional=True, says="Of the draft that this is the final version of.")
    execution_expires_after: int = shows("request.expires_after", EXPIRES_AFTER, minimum=0)
    priority: int = _echoes("priority", 0, minimum=0)
    output_format: str = _echoes("output_format", "mp4")
    seed: int = shows("seed", optional=True)
    resolution: str = shows("request.resolution", None, optional=True)
    duration: int = shows(_duration, optional=True, says="Seconds.", minimum=0)
    frames: int = _echoes("frames", minimum=0)
    framespersecond: int = shows(lambda view: round(view.fact("fps") or 0), None, optional=True, minimum=0)
    tools: list[dict[str, Any]] = _echoes("tools")
    safety_identifier: str = _echoes("safety_identifier")


class TaskList(Shape):
    items: list[Task] = shows(lambda views: [*map(Task.of, views.tasks)])
    total: int = shows("page.total", 0, says="On all pages.", minimum=0)


# --- errors. Source: volcengine.com/docs/82379/1299023 ---

_REFUSALS = {
    FailureClass.POLICY: (400, "SensitiveContentDetected"),
    FailureClass.INPUT: (400, "InvalidParameter"),
    FailureClass.CREDIT: (403, "AccountOverdueError"),
    FailureClass.THROTTLED: (429, "QuotaExceeded"),
}
_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    402: "PaymentRequired",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
_OWN = re.compile(
    r"((Input|Output)?(Text|Image|Video|Audio)?SensitiveContentDetected|(Invalid|Missing)Parameter"
    r"|AccountOverdueError|QuotaExceeded|RateLimitExceeded)(\.\w+)*"
)
_REQUEST_ID = re.compile(r"[.,;]?\s*(\(\s*)?request[ _-]?id\s*[:=]\s*[^\s(),;]+(?(1)\s*\))", re.IGNORECASE)


def _own_code(failure: TaskFailure) -> str:
    """The provider's word where it is one of Ark's for the client; other formats' words mean nothing here."""
    return failure.code if failure.reason in _REFUSALS and _OWN.fullmatch(failure.code) else ""


def _code(failure: TaskFailure) -> str:
    """Of a task that failed."""
    usual = _REFUSALS.get(failure.reason, (500, "InternalServiceError"))[1]
    usual = f"OutputVideo{usual}" if failure.reason is FailureClass.POLICY else usual
    return _own_code(failure) or usual


class Explained(Shape):
    code: str = shows("code")
    message: str = shows("message")
    param: str = shows("field")
    type: str = shows(lambda problem: _TYPES[problem.status])


class Error(Shape):
    error: Explained = shows(Explained.of)


_LISTED: Any = {
    "parameters": _PARAMETERS,
    "parse": _listing,
    "window": timedelta(days=7),  # what Ark remembers
    "numbered": True,
}


def _routes(base: str, named: str) -> tuple[AnyRoute, ...]:
    many, one = f"{base}{PATH}", f"{base}{PATH}/{{task_id}}"
    return (
        Submit(many, f"submit{named}Task", TaskId, parse=submission_of(NAME)),
        List(many, f"list{named}Tasks", TaskList, **_LISTED),
        Show(one, f"show{named}Task", Task),
        Remove(one, f"remove{named}Task", Nothing, keeps=frozenset({State.CANCELLED})),
    )


class _Server(Dialect):
    name = NAME
    prefixes = ("/volc/v1/", "/api/v3/")
    routes = (*_routes("/volc/v1", "VolcArkV1"), *_routes("/api/v3", "VolcArk"))
    known: Mapping[str, str] = {"task_id": "id", "creation_id": "content", "kind": "content"}
    error = Error
    errors: Mapping[Any, Row] = {
        errors.ClientError: (400, "InvalidParameter"),
        errors.Missing: (400, "MissingParameter"),
        errors.Unauthorized: (401, "AuthenticationError"),
        errors.Forbidden: (403, "AccessDenied"),
        errors.OverBudget: (402, "AccountOverdueError"),
        errors.OverLimit: (429, "QuotaExceeded"),
        errors.Stopped: (503, "ServerOverloaded"),
        errors.NotFound: (404, "NotFound"),
        errors.NotAllowed: (405, "MethodNotAllowed"),
        errors.CannotCancel: (409, "InvalidAction.RunningTaskDeletion"),  # seen live; and CancelledTaskDeletion
        errors.BodyTooLarge: (413, "RequestEntityTooLarge"),
        errors.KeyReused: (422, "IdempotencyKeyReused"),
        # An error of our account must not look like one of the client's.
        errors.Refused: (400, "InvalidEndpoint.ClosedEndpoint"),
        **_REFUSALS,
    }
    fault = (500, "InternalServiceError", "The service encountered an unexpected internal error")

    def refined(self, error: ClientError, problem: Problem, http: Http) -> Problem:
        code, message = problem.code, problem.message
        match error:
            case Refused(failure=failure):
                code = _own_code(failure) or code
                message = message if failure.reason is FailureClass.PROVIDER else explained(failure, code)
            case CannotCancel(state=state):
                word = "cancelled" if state is State.CANCELLED else "running"
                code = f"InvalidAction.{word.title()}TaskDeletion"
                task_id = http.path.rpartition("/")[2][:64]
                message = f"Cannot delete task `{task_id}` because it is currently {word}"
            case NotFound(field="task_id"):
                code = "NotFound.Id"
        if request_id := http.headers.get("x-client-request-id") or problem.request_id:  # ours, not the provider's
            message = f"{_REQUEST_ID.sub('', message)}. Request id: {request_id[:128]}"
        return replace(problem, code=code, message=message)


dialect = _Server()
