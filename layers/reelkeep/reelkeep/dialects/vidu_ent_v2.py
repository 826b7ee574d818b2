"""Vidu's ent/v2, both ways. Source: platform.vidu.com/docs; what was seen to differ from it is understood."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from reelkeep.dialects import lenient
from reelkeep.dialects import vidu_ent_v2_openapi as openapi
from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Reply, Show, Submit
from reelkeep.dialects.query import Query
from reelkeep.domain import ids, observation
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    PageSizeOutOfRange,
    Refused,
    Unauthorized,
)
from reelkeep.domain.expiry import link_expiry
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    Failed,
    Missing,
    NotYet,
    Observation,
    Pending,
    Placement,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State, Task
from reelkeep.domain.wire import Answer, Call, Json

if TYPE_CHECKING:  # pydantic takes as long to load as all the rest: what needs it at run time loads it then
    from reelkeep.dialects import vidu_ent_v2_bodies as bodies

_NAME = "vidu_ent_v2"
_PREFIX = "/ent/v2"

_LARGEST_BODY = 6 * 1024 * 1024  # Vidu takes 20 MB, but more than this cannot be handed to a Lambda function
_WINDOW = timedelta(days=7)  # of a listing that names no beginning

_SEGMENTS = {kind: kind.value for kind in Kind} | {Kind.UPSCALE: "upscale-new"}
_TYPES = {kind: kind.value for kind in Kind} | {
    Kind.REFERENCE2VIDEO: "character2video",
    Kind.START_END2VIDEO: "headtailimg2video",
    Kind.TEMPLATE2VIDEO: "template",
}
_WORDS: dict[State, bodies.StateWord] = {
    State.CREATED: "created",
    State.QUEUEING: "queueing",
    State.PROCESSING: "processing",
    State.ARCHIVING: "processing",
    State.SUCCESS: "success",
    State.FAILED: "failed",
    State.CANCELLED: "failed",  # with the err_code UserCancelled
    State.EXPIRED: "failed",
}
_REASONS = {
    FailureClass.POLICY: "CreationPolicyViolation",
    FailureClass.INPUT: "BadRequest",
    FailureClass.CREDIT: "CreditInsufficient",
    FailureClass.THROTTLED: "SystemThrottling",
    FailureClass.CANCELLED: "UserCancelled",
}
_STATUS = {
    "Conflict": 409,
    "CreationNotFound": 404,
    "QuotaExceeded": 429,
    "SystemThrottling": 429,
    "TooManyRequests": 429,
}
_BUSY_WORDS = frozenset({"QuotaExceeded", "TooManyRequests", "SystemThrottling", "OperationInProcess"})
_ACCOUNT_WORDS = frozenset({"Unauthorized", "Forbidden", "NotFound"})


class ItemCountOutOfRange(InvalidRequest):
    """Too many or too few of something; Vidu has a name of its own for it."""


# --- the server ---


class _Server:
    name = _NAME
    prefixes = (f"{_PREFIX}/",)

    @cached_property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            *(
                Submit(
                    method="POST",
                    path=f"{_PREFIX}/{segment}",
                    description=openapi.describe_submit(segment),
                    parse=partial(_parse_submission, kind),
                    render=_render_submitted,
                )
                for kind, segment in _SEGMENTS.items()
            ),
            Show(
                method="GET",
                path=f"{_PREFIX}/tasks/{{task_id}}/creations",
                description=openapi.SHOW,
                render=_render_creations,
            ),
            List(
                method="GET",
                path=f"{_PREFIX}/tasks",
                description=openapi.LIST,
                window=_WINDOW,
                parse=_parse_listing,
                render=_render_list,
            ),
            Cancel(
                method="POST",
                path=f"{_PREFIX}/tasks/{{task_id}}/cancel",
                description=openapi.CANCEL,
                render=lambda _: Reply(body={}),
            ),
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:
        status, reason = _status_and_reason(error)
        message = error.message
        if isinstance(error, CannotCancel):
            message = f"task state is {_WORDS[error.state]}, can not cancel"
        elif isinstance(error, InvalidRequest) and error.field not in message:
            message = f"{error.field}: {message}"
        headers = {"www-authenticate": "Token"} if status == 401 else {}
        return Reply(status=status, body=_error(status, reason, message, http.headers), headers=headers)

    def render_fault(self) -> Reply:
        return Reply(status=500, body=_error(500, "InternalServiceFailure", "internal service failure", {}))

    @property
    def schemas(self) -> Mapping[str, Any]:
        from reelkeep.dialects import vidu_ent_v2_bodies as bodies

        return bodies.schemas(openapi.SCHEMAS)


dialect = _Server()


def _parse_submission(kind: Kind, http: Http) -> Request:
    from reelkeep.dialects import vidu_ent_v2_bodies as bodies

    body = http.json(_LARGEST_BODY)
    return Request(dialect=_NAME, kind=kind, body=body, **bodies.read(kind, body).understood())


# What else of a client's body its answer repeats, with what stands there if the client did not say.
_ECHOED: dict[str, Json] = {
    "style": "general",
    "movement_amplitude": "auto",
    "bgm": False,
    "audio_type": "",
    "watermark": False,
    "wm_url": "",
    "meta_data": "",
    "is_rec": False,
    "cus_priority": 0,
    "client_request_id": "",
}
_ECHOED_IF_SAID = {
    Kind.REFERENCE2VIDEO: ("subjects",),
    Kind.TEMPLATE2VIDEO: ("template", "area", "beast"),
    Kind.EXTEND: ("video_creation_id", "video_url"),
    Kind.UPSCALE: ("video_creation_id", "video_url", "upscale_resolution"),
    Kind.LIP_SYNC: ("video_url", "audio_url", "text", "speed", "voice_id", "volume", "ref_photo_url"),
    Kind.MULTIFRAME: ("start_image", "image_settings"),
}


def _render_submitted(task: Task) -> Reply:
    request, said = task.request, _said(task)
    position = said.get("wm_position")
    submitted: bodies.Submitted = {
        "task_id": task.id,
        "type": _TYPES[request.kind],
        "state": _WORDS[task.state],
        "model": request.model,
        "style": _echoed(said, "style"),
        "prompt": request.prompt,
        "images": [_shown(image) for image in request.images],
        "duration": request.duration or 0,
        "seed": task.seed or request.seed or 0,
        "aspect_ratio": request.aspect_ratio,
        "resolution": request.resolution,
        "movement_amplitude": _echoed(said, "movement_amplitude"),
        "payload": request.payload,
        "bgm": _echoed(said, "bgm"),
        "audio_type": _echoed(said, "audio_type"),
        "off_peak": request.off_peak,
        "watermark": _echoed(said, "watermark"),
        "wm_position": position if isinstance(position, int | str) and position else "unspecified",
        "wm_url": _echoed(said, "wm_url"),
        "meta_data": _echoed(said, "meta_data"),
        "is_rec": _echoed(said, "is_rec"),
        "cus_priority": _echoed(said, "cus_priority"),
        "client_request_id": _echoed(said, "client_request_id"),
        "credits": task.credits or 0,
        "created_at": _time(task.created_at),
    }
    own = {name: _shown(said[name]) for name in _ECHOED_IF_SAID.get(request.kind, ()) if name in said}
    return Reply(body={**submitted, **own})


def _said(task: Task) -> Mapping[str, Json]:
    return task.request.body if task.request.dialect == _NAME else {}


def _echoed(said: Mapping[str, Json], name: str) -> Json:
    value, usual = said.get(name), _ECHOED[name]
    return value if value != "" and type(value) is type(usual) else usual


def _shown(value: Json) -> Json:
    """Without what an image's data: URI holds: a client knows it, and megabytes do not fit an answer."""
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, str) and value.startswith("data:"):
        return value[: value.find(",") + 1]
    return value


def _render_creations(task: Task, links: Links) -> Reply:
    shown: bodies.TaskCreations = {
        "id": task.id,
        "state": _WORDS[task.state],
        "err_code": _reason(task.failure) if task.failure else "",
        "credits": task.credits or 0,
        "payload": task.request.payload,
        "bgm": _echoed(_said(task), "bgm"),
        "off_peak": task.request.off_peak,
        "creations": _creations(task, links),
    }
    return Reply(body=shown)


def _creations(task: Task, links: Links) -> list[bodies.Creation]:
    """Empty until success, as Vidu's own."""
    return [_creation(creation, links) for creation in task.creations] if task.state is State.SUCCESS else []


def _creation(creation: Creation, links: Links) -> bodies.Creation:
    found = {asset.name: links(asset.kept) for asset in creation.assets if asset.kept}
    video = creation.asset("video")
    facts = video.kept if video and video.kept else creation  # measured rather than claimed
    return {
        "id": creation.id,
        "url": found.get("video", ""),
        "cover_url": found.get("cover", ""),
        "watermarked_url": found.get("watermarked", ""),
        "moderation_url": [link for name, link in found.items() if name.startswith("moderation-")],
        "video": {
            "duration": round(facts.duration or creation.duration or 0, 3),
            "fps": round(facts.fps or creation.fps or 0),
            "resolution": {
                "width": facts.width or creation.width or 0,
                "height": facts.height or creation.height or 0,
            },
        },
    }


def _parse_listing(http: Http) -> Listing:
    # The seed page writes `paper` where it means `pager`, and clients were made after it.
    query = Query((re.sub(r"^paper\.", "pager.", name), value) for name, value in http.query)
    created_from, created_to = query.moment("created_at.from"), query.moment("created_at.to")
    task_ids = query.words("task_ids")
    if created_to and not created_from and not task_ids:
        created_from = max(created_to, datetime.min.replace(tzinfo=UTC) + _WINDOW) - _WINDOW
    if created_from and created_to and created_from > created_to:
        raise InvalidRequest("created_at.to lies before created_at.from", field="created_at.to")
    size = query.number("pager.pagesz", 10)
    if not 1 <= size <= openapi.LARGEST_PAGE:
        raise PageSizeOutOfRange(f"pager.pagesz must be from 1 to {openapi.LARGEST_PAGE}", field="pager.pagesz")
    page = query.number("pager.page", 0)
    if page < 0:
        raise InvalidRequest("pager.page counts from 0", field="pager.page")
    token = query.one("pager.page_token")
    return Listing(
        filter=Filter(
            created_from=created_from,
            created_to=created_to,
            task_ids=task_ids,
            states=tuple(state for word in query.words("states") for state in _states(word)),
            models=tuple(_long_name(model) for model in query.words("model_versions")),
            resolutions=query.words("resolutions"),
            templates=query.words("templates"),
        ),
        size=size,
        cursor=_cursor(token) if token else "",
        skip=0 if token else page * size,  # a token knows better where it is
    )


def _states(word: str) -> tuple[State, ...]:
    states = tuple(state for state, shown in _WORDS.items() if shown == word)
    if not states:
        known = ", ".join(dict.fromkeys(_WORDS.values()))
        raise InvalidRequest(f"states must be among {known}", field="states")
    return states


def _long_name(model: str) -> str:
    """Listings are filtered by short names (2.0, q2-pro), tasks carry long ones (vidu2.0, viduq2-pro)."""
    return f"vidu{model}" if re.match(r"q\d|\d\.\d", model) else model


_TOKEN_MARK = b"\x01"  # a version, and what makes it unlikely that any text is taken for a token


def _token(cursor: str) -> str:
    if not cursor:
        return ""
    return base64.urlsafe_b64encode(_TOKEN_MARK + bytes.fromhex(cursor)).decode().rstrip("=")


def _cursor(token: str) -> str:
    try:
        read = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        read = b""
    cursor = read[len(_TOKEN_MARK) :].hex()
    if not ids.is_task_id(cursor) or token != _token(cursor):
        raise InvalidRequest("pager.page_token is not one that was given out here", field="pager.page_token")
    return cursor


def _render_list(page: Page, links: Links, _: Listing) -> Reply:
    shown: bodies.TaskList = {
        "next_page_token": _token(page.next_cursor),
        "tasks": [_listed(task, links) for task in page],
    }
    return Reply(body=shown)


def _listed(task: Task, links: Links) -> bodies.ListedTask:
    request = task.request
    shown: bodies.ListedTask = {
        "id": task.id,
        "key_id": task.key_id,
        "type": _TYPES[request.kind],
        "model": request.model,
        "prompt": request.prompt,
        "images": [_shown(image) for image in request.images],
        "duration": request.duration or 0,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,
        "state": _WORDS[task.state],
        "creations": _creations(task, links),
        "created_at": _time(task.created_at),
        "credits": task.credits or 0,
    }
    if request.kind is Kind.TEMPLATE2VIDEO:
        shown["template"] = request.template
    return shown


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _status_and_reason(error: ClientError) -> tuple[int, str]:
    match error:
        case PageSizeOutOfRange():
            return 400, "PageSizeOutOfRange"
        case ItemCountOutOfRange():
            return 400, "FieldItemCountOutOfRange"
        case InvalidRequest(missing=True):
            return 400, "FieldLacking"
        case InvalidRequest():
            return 400, "FieldInvalid" if error.field else "BadRequest"
        case Unauthorized():
            return 401, "Unauthorized"
        case NotFound():
            return 404, "TaskNotFound" if error.field == "task_id" else "NotFound"
        case NotAllowed():
            return 405, "MethodNotAllowed"
        case CannotCancel():
            return 400, "BadRequest"
        case BodyTooLarge():
            return 413, "RequestEntityTooLarge"
        case Refused(failure=failure):
            reason = _reason(failure)
            if reason == "InternalServiceFailure":  # that is a 500, and clients repeat those
                reason = "ModelUnavailable"
            return _STATUS.get(reason, 400), reason
        case _:
            return error.status, "BadRequest"


def _reason(failure: Failure) -> str:
    """The provider's own word; but our trouble with our account there must not look like the client's."""
    if failure.reason is FailureClass.CANCELLED:
        return "UserCancelled"
    if failure.reason is FailureClass.PROVIDER and failure.code in _ACCOUNT_WORDS:
        return "ModelUnavailable"
    return failure.code or _REASONS.get(failure.reason, "InternalServiceFailure")


def _error(status: int, reason: str, message: str, headers: Mapping[str, str]) -> bodies.Error:
    trace = headers.get("x-amzn-trace-id") or headers.get("x-request-id", "")
    return {"code": status, "reason": reason, "message": message, "metadata": {"trace_id": trace[:128]}}


# --- the client ---


class _Client:
    name = _NAME
    authorization = "Token {key}"

    def place(self, task: Task) -> Call:
        request = task.request
        if request.dialect == _NAME and request.body:
            body = dict(request.body)
        else:
            body = _written(request)
        if task.source_creation:
            body["video_creation_id"] = task.source_creation
        for ours in ("callback_url", "provider"):
            body.pop(ours, None)
        body["payload"] = task.id  # what a lost answer is found again by; the client's own we echo ourselves
        return Call(method="POST", path=f"{_PREFIX}/{_SEGMENTS[request.kind]}", body=body)

    def read_placed(self, answer: Answer) -> Placement:
        said = lenient.fields(answer.json())
        if 200 <= answer.status < 300:
            task_id = lenient.identifier(said.get("task_id")) or lenient.identifier(said.get("id"))
            if not task_id:
                return Unknown("the provider accepted something, but named no task")
            return Accepted(task_id, lenient.whole(said.get("credits")), lenient.whole(said.get("seed")))
        if not 400 <= answer.status < 500 or answer.status in (408, 499):  # it may have gone on without us
            return Unknown(f"the provider answered the submission with {answer.status}")
        reason = lenient.text(said.get("reason"))
        if answer.status == 429 or reason in _BUSY_WORDS:
            return NotYet(answer.retry_after)
        kind = _class_of(reason, _CLASS_BY_STATUS.get(answer.status, FailureClass.INPUT))
        message = lenient.text(said.get("message"))[:500] or f"the provider answered {answer.status}"
        if answer.status in (401, 403) and kind is FailureClass.PROVIDER:
            message = "the provider refused the key that Reelkeep has for it; an operator must mend that"
        return observation.Refused(Failure(reason=kind, code=reason[:256], message=message))

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{_PREFIX}/tasks/{task.provider_task_id}/creations")

    def read_observed(self, answer: Answer) -> Observation:
        said = lenient.fields(answer.json())
        reason = lenient.text(said.get("reason"))[:256]
        if answer.status == 200:
            return _observation(said, answer.body)
        if answer.status in (401, 403):
            return Busy("the provider refused the key that Reelkeep has for it", answer.retry_after)
        if answer.status in (408, 429) or answer.status >= 500 or reason in _BUSY_WORDS:
            return Busy(f"the provider answered {answer.status} {reason}".rstrip(), answer.retry_after)
        if reason == "TaskNotFound" or (answer.status == 404 and reason):
            return Missing()
        # Also a 404 that is not in Vidu's words: a proxy's page must not make us give a paid task up.
        return Unreadable(f"the provider answered {answer.status} {reason}".rstrip(), answer.body)

    def cancel(self, task: Task) -> Call | None:
        task_id = task.provider_task_id
        if not task_id:
            return None
        return Call(method="POST", path=f"{_PREFIX}/tasks/{task_id}/cancel", body={"id": task_id})

    def read_cancelled(self, answer: Answer) -> bool:
        return answer.status == 200 or lenient.fields(answer.json()).get("reason") == "UserCancelled"

    def find(self, task: Task) -> Call | None:
        """The placement lies between the task's creation and its last change; foreign clocks may differ."""
        window = (task.created_at - timedelta(minutes=5), task.updated_at + timedelta(minutes=15))
        query = (
            ("created_at.from", _time(window[0])),
            ("created_at.to", _time(window[1])),
            ("pager.page", "0"),
            ("pager.pagesz", str(openapi.LARGEST_PAGE)),
        )
        return Call(method="GET", path=f"{_PREFIX}/tasks", query=query)

    def read_found(self, answer: Answer, task: Task) -> str | None:
        said = lenient.fields(answer.json())
        listed = said.get("tasks")
        if answer.status != 200 or not isinstance(listed, list):
            return None
        tasks = [lenient.fields(item) for item in listed]
        for found in tasks:
            if found.get("payload") == task.id and lenient.identifier(found.get("id")):
                return lenient.identifier(found["id"])
        # Whether list items carry the payload is not documented, and one page may not be all there is.
        complete = len(tasks) < openapi.LARGEST_PAGE and not said.get("next_page_token")
        return "" if complete and (not tasks or any("payload" in found for found in tasks)) else None


upstream = _Client()

_PENDING = {"created": State.QUEUEING, "queueing": State.QUEUEING, "processing": State.PROCESSING}
_CLASS_BY_STATUS = {402: FailureClass.CREDIT} | dict.fromkeys((401, 403, 404, 405), FailureClass.PROVIDER)
_CLASSES = (
    (r"UserCancelled|Canceled", FailureClass.CANCELLED),
    (r"CreditInsufficient", FailureClass.CREDIT),
    ("|".join(sorted(_BUSY_WORDS)), FailureClass.THROTTLED),
    (r".*Policy.*|.*Audit.*|Image.*Failed", FailureClass.POLICY),
    (r"Field.*|Image.*|Face.*|BadRequest|Conflict|ModelUnavailable|CreationNotFound", FailureClass.INPUT),
)
_SENTENCES = {
    FailureClass.POLICY: "the provider's content rules do not allow it",
    FailureClass.INPUT: "the provider could not use what it was given",
    FailureClass.CREDIT: "the provider's account has too few credits",
    FailureClass.THROTTLED: "the provider had too much to do",
    FailureClass.CANCELLED: "it was cancelled at the provider",
}


def _written(request: Request) -> dict[str, Json]:
    from reelkeep.dialects import vidu_ent_v2_bodies as bodies

    return bodies.write(request)


def _class_of(reason: str, otherwise: FailureClass) -> FailureClass:
    return next((found for words, found in _CLASSES if re.fullmatch(words, reason)), otherwise)


def _observation(said: Mapping[str, Json], raw: bytes) -> Observation:
    word = lenient.text(said.get("state"))
    if not word:
        return Unreadable("the provider named no state", raw)
    if word == "success":
        creations = _read_creations(said.get("creations"))
        if not creations:
            return Unreadable("the provider reported success without a link to a video", raw)
        return Succeeded(creations, lenient.whole(said.get("credits")), lenient.whole(said.get("seed")))
    if word == "failed":
        code = lenient.text(said.get("err_code"))[:256]
        kind = _class_of(code, FailureClass.PROVIDER)
        message = f"{_SENTENCES.get(kind, 'the provider failed')} ({code or 'it gave no reason'})"
        retryable = code in _BUSY_WORDS or code == "InternalServiceFailure"
        return Failed(Failure(reason=kind, code=code, message=message, retryable=retryable))
    if word in _PENDING:
        return Pending(_PENDING[word])
    return Pending(State.PROCESSING, word[:64])


def _read_creations(value: Json) -> tuple[Creation, ...]:
    """Those with a link to a video, each once. The list's page calls them an object and shows an array."""
    creations: dict[str, Creation] = {}
    for number, item in enumerate(value if isinstance(value, list) else [value], 1):
        said = lenient.fields(item)
        if lenient.link(said.get("url")):
            creation_id = lenient.identifier(said.get("id")) or str(number)
            creations.setdefault(creation_id, _read_creation(creation_id, said))
    return tuple(creations.values())


def _read_creation(creation_id: str, said: Mapping[str, Json]) -> Creation:
    moderation = said.get("moderation_url")
    copies = moderation if isinstance(moderation, list) else [moderation]
    sources = {
        "video": said.get("url"),
        "cover": said.get("cover_url"),
        "watermarked": said.get("watermarked_url"),
        **{f"moderation-{number}": copy for number, copy in enumerate(copies, 1)},
    }
    video = lenient.fields(said.get("video"))
    size = lenient.fields(video.get("resolution"))
    return Creation(
        id=creation_id,
        assets=tuple(
            Asset(name=name, source=link, expires_at=link_expiry(link))
            for name, link in ((name, lenient.link(source)) for name, source in sources.items())
            if link
        ),
        duration=lenient.number(video.get("duration")),
        fps=lenient.number(video.get("fps")),
        width=lenient.whole(size.get("width")),
        height=lenient.whole(size.get("height")),
    )
