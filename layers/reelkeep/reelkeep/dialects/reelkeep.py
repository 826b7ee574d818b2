"""Reelkeep's own API: the words of this project, and errors as problem details (RFC 9457)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from reelkeep.dialects import reelkeep_bodies as bodies
from reelkeep.dialects import reelkeep_openapi as openapi
from reelkeep.dialects import reelkeep_providers as providers
from reelkeep.dialects import reelkeep_subscriptions as subscriptions
from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Reply, Show, Submit
from reelkeep.dialects.grammar.query import Query
from reelkeep.domain import ids
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    Conflict,
    InvalidRequest,
    KeyReused,
    LimitReached,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Adoption, Creation, Failure, FailureClass, Request, State, Task
from reelkeep.domain.wire import Json

_LARGEST_BODY = 5 * 1024 * 1024  # a function is handed 6 MB at most, with the request's headers around it
_LARGEST_ANSWER = 2 * 1024 * 1024  # of a listing; a function may answer 6 MB, and quoting makes it grow
_ONCE = frozenset({"created_from", "created_to", "limit", "cursor"})
_REPEATED = frozenset({"task_id", "state", "model", "resolution", "template"})


class _Server:
    name = "reelkeep"
    prefixes = ("/",)

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        from reelkeep.dialects import reelkeep_webhooks as webhooks  # who speaks another dialect waits for none of it

        one = "/tasks/{task_id}"
        return (
            Submit(method="POST", path="/tasks", description=openapi.SUBMIT, parse=_parsed, render=_created),
            List(method="GET", path="/tasks", description=openapi.LIST, parse=_listing, render=_listed),
            Show(method="GET", path=one, description=openapi.SHOW, render=_shown),
            Cancel(method="POST", path=f"{one}/cancel", description=openapi.CANCEL, render=_cancelled),
            *providers.ROUTES,
            *subscriptions.ROUTES,
            *webhooks.ROUTES,
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:
        name = _problem_name(error)
        headers = {}
        if isinstance(error, Unauthorized):
            headers["www-authenticate"] = 'Bearer realm="reelkeep"'
        if isinstance(error, NotAllowed):
            headers["allow"] = ", ".join(self._methods(http.path))
        return _problem(name, error.message, error, headers)

    def _methods(self, path: str) -> list[str]:
        patterns = ((route.method, re.sub(r"\{\w+\}", "[^/]+", route.path)) for route in self.routes)
        return sorted(method for method, pattern in patterns if re.fullmatch(pattern, path)) or ["GET"]

    def render_fault(self, known: str = "") -> Reply:
        advice = "Try again in a moment; if it stays so, ask whoever runs this service."
        return _problem("fault", known or advice)

    @property
    def schemas(self) -> Mapping[str, Any]:
        from reelkeep.dialects import reelkeep_webhooks as webhooks

        return {**bodies.schemas(), **providers.SCHEMAS, **subscriptions.schemas(), **webhooks.SCHEMAS}


dialect = _Server()


# --- what comes in ---


def _parsed(http: Http) -> Request:
    return bodies.read(http.json(_LARGEST_BODY))


def _listing(http: Http) -> Listing:
    """Nothing is overlooked: a filter with a slip of the pen would list what was not asked for."""
    seen: set[str] = set()
    for name, value in http.query:
        if name not in _ONCE | _REPEATED:
            raise _wrong(name[:64], f"is not a parameter here; {', '.join(sorted(_ONCE | _REPEATED))} are")
        if not value:
            raise _wrong(name, "is empty")
        if name in seen & _ONCE:
            raise _wrong(name, "is given more than once")
        seen.add(name)
    query = Query(http.query)
    size = query.number("limit", openapi.USUAL_PAGE)
    if not 1 <= size <= openapi.LARGEST_PAGE:
        raise _wrong("limit", f"must be from 1 to {openapi.LARGEST_PAGE}")
    return Listing(
        filter=Filter(
            created_from=query.moment("created_from"),
            created_to=query.moment("created_to"),
            task_ids=_task_ids(query.words("task_id")),
            states=_states(query.words("state")),
            models=query.words("model"),
            resolutions=query.words("resolution"),
            templates=query.words("template"),
        ),
        size=size,
        cursor=_read_cursor(query.one("cursor")),
    )


def _wrong(field: str, message: str) -> InvalidRequest:
    return bodies.InvalidFields([(field, message)])


def _task_ids(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(words) > openapi.LARGEST_PAGE:
        raise _wrong("task_id", f"is given more than {openapi.LARGEST_PAGE} times")
    for word in words:
        if not ids.is_task_id(word):
            raise _wrong("task_id", "is not the id of a task")
    return words


def _states(words: tuple[str, ...]) -> tuple[State, ...]:
    try:
        return tuple(map(State, words))
    except ValueError as error:
        raise _wrong("state", f"must be one of {', '.join(State)}") from error


def _cursor(task_id: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(task_id)).decode().rstrip("=")


def _read_cursor(text: str) -> str:
    if not text:
        return ""
    try:
        task_id = base64.urlsafe_b64decode(text + "==").hex()
    except ValueError:
        task_id = ""
    if not ids.is_task_id(task_id) or _cursor(task_id) != text:
        raise _wrong("cursor", "is not one that a listing gave out")
    return task_id


# --- what goes out ---


def _created(task: Task) -> Reply:
    return Reply(status=201, body=_task(task, []), headers={"location": f"/tasks/{task.id}"})


def _shown(task: Task, links: Links) -> Reply:
    return Reply(body=_task(task, _creations(task, links)))


def _cancelled(task: Task) -> Reply:
    return Reply(body=_task(task, []))


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    """As much of the page as fits an answer; the rest comes under the cursor."""
    tasks: list[bodies.Task] = []
    size = 0
    for task in page:
        body = _task(task, _creations(task, links))
        size += len(json.dumps(body))
        if tasks and size > _LARGEST_ANSWER:
            break
        tasks.append(body)
    last = page.next_cursor if len(tasks) == len(page.tasks) else tasks[-1]["id"]
    listed: bodies.TaskPage = {"tasks": tasks, "next_cursor": _cursor(last) if last else None}
    return Reply(body=listed)


def _task(task: Task, creations: list[bodies.Creation]) -> bodies.Task:
    request = task.request
    return {
        "id": task.id,
        "state": task.state,
        "kind": request.kind,
        "provider": task.provider,
        "model": request.model or None,
        "prompt": request.prompt or None,
        "images": [_without_data(image) for image in request.images],
        "video_url": _without_data(request.video_url) or None,
        "creation_id": request.creation_id or None,
        "template": request.template or None,
        "duration": request.duration,
        "resolution": request.resolution or None,
        "aspect_ratio": request.aspect_ratio or None,
        "seed": request.seed if task.seed is None else task.seed,
        "audio": request.audio,
        "off_peak": request.off_peak,
        "payload": request.payload or None,
        "tags": list(request.tags),
        "created_at": bodies.moment(task.created_at),
        "updated_at": bodies.moment(task.updated_at),
        "finished_at": bodies.moment(task.finished_at) if task.finished_at else None,
        "deadline": bodies.moment(task.deadline),
        "credits": task.credits,
        "failure": _failure(task.failure) if task.failure else None,
        "adopted": _adopted(task, task.adopted) if task.adopted else None,
        "creations": creations,
    }


def _without_data(source: str) -> str:
    """The client knows what its data URIs hold, and megabytes do not fit an answer."""
    return source.split(",")[0] + ",..." if source.startswith("data:") else source


def _creations(task: Task, links: Links) -> list[bodies.Creation]:
    """What is in the archive, once the task has ended: a client that sees creations may take them for all."""
    return [_creation(creation, links) for creation in task.creations] if task.state.terminal else []


def _creation(creation: Creation, links: Links) -> bodies.Creation:
    kept = {asset.name: asset.kept for asset in creation.assets if asset.kept}
    files: list[bodies.File] = [
        {
            "name": name,
            "url": links(file),
            "bytes": file.bytes,
            "sha256": file.sha256 or None,
            "crc32": file.crc32 or None,
            "content_type": file.content_type,
        }
        for name, file in kept.items()
    ]
    urls = {file["name"]: file["url"] for file in files}
    measured = kept.get("video", creation)  # rather than claimed
    return {
        "id": creation.id,
        "url": urls.get("video"),
        "cover_url": urls.get("cover"),
        "watermarked_url": urls.get("watermarked"),
        "last_frame_url": urls.get("last-frame"),
        "moderation_urls": [url for name, url in urls.items() if name.startswith("moderation")],
        "video": {
            "duration": creation.duration if measured.duration is None else measured.duration,
            "fps": creation.fps if measured.fps is None else measured.fps,
            "width": creation.width if measured.width is None else measured.width,
            "height": creation.height if measured.height is None else measured.height,
        },
        "files": files,
    }


def _failure(failure: Failure) -> bodies.Failure:
    return {
        "reason": failure.reason,
        "code": failure.code or None,
        "message": failure.message or None,
        "retryable": failure.retryable,
    }


def _adopted(task: Task, adoption: Adoption) -> bodies.Adopted:
    return {
        "at": bodies.moment(adoption.at),
        "provider_task_id": task.provider_task_id,
        "lost_task": adoption.lost_task or None,
    }


def _problem_name(error: ClientError) -> str:
    match error:
        case Unauthorized():
            return "unauthorized"
        case NotFound():
            return "not-found"
        case NotAllowed():
            return "method-not-allowed"
        case CannotCancel():
            return "cannot-cancel"
        case Conflict():
            return "conflict"
        case LimitReached():
            return "limit-reached"
        case BodyTooLarge():
            return "body-too-large"
        case KeyReused():
            return "idempotency-key-reused"
        case Refused(failure=Failure(reason=FailureClass.CREDIT)):
            return "no-credit"
        case Refused(failure=Failure(reason=FailureClass.THROTTLED)):
            return "throttled-by-provider"
        case Refused():
            return "refused-by-provider"
    return "invalid-request"


def _problem(
    name: str, detail: str, error: ClientError | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    status, title = bodies.PROBLEMS[name]
    problem: bodies.Problem = {
        "type": bodies.problem_type(name),
        "title": title,
        "status": status,
        "detail": detail,
    }
    match error:
        case bodies.InvalidFields(wrong=wrong):
            problem["errors"] = [{"field": field, "message": message} for field, message in wrong]
        case InvalidRequest(field=field) | Conflict(field=field) if field:
            problem["errors"] = [{"field": field, "message": error.message}]
        case Refused(failure=failure):
            problem["failure"] = _failure(failure)
    body: Json = problem
    return Reply(status=status, body=body, headers={"content-type": "application/problem+json", **(headers or {})})
