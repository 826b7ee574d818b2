"""An aggregator's video generations, both ways: Veo, Grok and Vidu under /vidu-native.

Source: doc.aimanyi.top/api-391200090 for the query. Of the submission no page is known: it is taken as its sibling
POST /v1/video/create documents it (doc.aimanyi.top/api-385288046), and answered so. No page shows an error either:
OpenAI's form is the one that this family of gateways answers with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reelkeep.dialects import described, foreign, lenient
from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.strict import LONGEST_PROMPT, RATIO, URL, Fields
from reelkeep.domain import observation
from reelkeep.domain.errors import (
    BodyTooLarge,
    ClientError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.expiry import link_expiry
from reelkeep.domain.links import Links
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

_NAME = "vidu_native"
_PATH = "/vidu-native/video/generations"
_SCHEMAS = "ViduNative"
_LARGEST_BODY = 5 * 1024 * 1024  # more cannot be handed to a Lambda function
_MOST_IMAGES = 7

_WORDS = {
    State.CREATED: "pending",
    State.QUEUEING: "pending",
    State.PROCESSING: "processing",
    State.ARCHIVING: "processing",
    State.SUCCESS: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
_SPELLED = {"resolution": "size"}

# --- the server ---


class _Server:
    name = _NAME
    prefixes = ("/vidu-native/",)

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            Submit(method="POST", path=_PATH, description=_SUBMIT, parse=_parsed, render=_submitted),
            Show(method="GET", path=f"{_PATH}/{{task_id}}", description=_SHOW, render=_shown),
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:  # noqa: ARG002
        status, kind, code = _status_type_code(error)
        field, message = _SPELLED.get(error.field, error.field), error.message
        if isinstance(error, InvalidRequest) and field not in message:
            message = f"{field}: {message}"
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        return Reply(status=status, body=_error(kind, code, message, field), headers=headers)

    def render_fault(self) -> Reply:
        """To repeat a submission after it could mean to pay for it twice."""
        body = _error("server_error", "internal_error", "something went wrong on our side")
        return Reply(status=500, body=body, headers={"x-should-retry": "false"})

    @property
    def schemas(self) -> Mapping[str, Any]:
        return {f"{_SCHEMAS}{name}": schema for name, schema in _BODIES.items()}


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json(_LARGEST_BODY)
    body = Fields(sent)
    model = body.text("model", required=True)
    images = body.images("images", most=_MOST_IMAGES)
    request = Request(
        dialect=_NAME,
        kind=_kind(model, len(images)),
        model=model,
        prompt=body.text("prompt", required=True, longest=LONGEST_PROMPT),
        images=images,
        duration=body.whole("duration", least=1),
        resolution=re.sub(r"(?<=\d)P$", "p", body.text("size")),
        aspect_ratio=body.text("aspect_ratio", form=RATIO),
        provider=body.text("provider"),
        body=sent,
    )
    body.text("callback_url", form=URL, longest=8192)
    return replace(request, unexpressed=tuple(body.unread({})))


def _kind(model: str, images: int) -> Kind:
    """What the images are for follows from how many there are, but for Veo's models whose names end so."""
    if images and model.endswith("-components"):
        return Kind.REFERENCE2VIDEO
    return (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)[min(images, 3)]


def _submitted(task: Task) -> Reply:
    return Reply(
        body={
            "id": task.id,
            "status": _WORDS[task.state],
            "status_update_time": _milliseconds(task),
            "enhanced_prompt": "",
        }
    )


def _shown(task: Task, links: Links) -> Reply:
    """The five fields that the page requires; a failure's reason goes where its second example has `error`."""
    videos = [video.kept for creation in task.creations if (video := creation.asset("video"))]
    kept = videos[0] if videos and task.state is State.SUCCESS else None
    shown: dict[str, Json] = {
        "id": task.id,
        "status": _WORDS[task.state],
        "video_url": links(kept) if kept else None,
        "enhanced_prompt": "",
        "status_update_time": _milliseconds(task),
    }
    if task.failure:
        shown["error"] = task.failure.message or task.failure.code or task.failure.reason.value
    return Reply(body=shown)


def _milliseconds(task: Task) -> int:
    """As the page's first example has it; its second has seconds."""
    return int(task.updated_at.timestamp() * 1000)


def _status_type_code(error: ClientError) -> tuple[int, str, str]:
    wrong = "invalid_request_error"
    match error:
        case InvalidRequest():
            return 400, wrong, "missing_required_parameter" if error.missing else "invalid_value"
        case Unauthorized():
            return 401, wrong, "invalid_api_key"
        case NotFound():
            return 404, wrong, "task_not_exist" if error.field == "task_id" else "not_found"
        case NotAllowed():
            return 405, wrong, "method_not_allowed"
        case BodyTooLarge():
            return 413, wrong, "request_too_large"
        case Refused(failure=failure):
            return _refusal(failure)
        case _:
            return error.status, wrong, "invalid_request"


def _refusal(failure: Failure) -> tuple[int, str, str]:
    match failure.reason:
        case FailureClass.THROTTLED:
            return 429, "rate_limit_error", failure.code or "rate_limit_exceeded"
        case FailureClass.CREDIT:
            return 402, "insufficient_quota", failure.code or "insufficient_quota"
        case FailureClass.POLICY | FailureClass.INPUT:
            return 400, "invalid_request_error", failure.code or "refused_by_provider"
    return 400, "provider_error", "refused_by_provider"  # its words could look like trouble with the client's key


def _error(kind: str, code: str, message: str, param: str = "") -> Json:
    return {"error": {"message": message, "type": kind, "param": param or None, "code": code}}


# --- the client ---


class _Client:
    name = _NAME
    authorization = "Bearer {key}"

    def place(self, task: Task) -> Call:
        request = task.request
        if request.dialect == _NAME and request.body:
            body = {name: value for name, value in request.body.items() if name not in ("callback_url", "provider")}
        else:
            body = _written(request)
        return Call(method="POST", path=_PATH, body=body)

    def read_placed(self, answer: Answer) -> Placement:
        said = lenient.fields(answer.json())
        if 200 <= answer.status < 300:
            task_id = lenient.identifier(said.get("id")) or lenient.identifier(said.get("task_id"))
            return Accepted(task_id) if task_id else Unknown("the provider accepted something, but named no task")
        if not 400 <= answer.status < 500 or answer.status in (408, 499):  # it may have gone on without us
            return Unknown(f"the provider answered the submission with {answer.status}")
        code, message = _reason(said)
        reason = _class_of(code, message) or _CLASS_BY_STATUS.get(answer.status, FailureClass.INPUT)
        if answer.status == 429 and reason is not FailureClass.CREDIT:
            return NotYet(answer.retry_after)
        if answer.status in (401, 403) and reason is FailureClass.PROVIDER:
            message = "the provider refused the key that Reelkeep has for it; an operator must mend that"
        message = message or f"the provider answered {answer.status}"
        return observation.Refused(Failure(reason=reason, code=code, message=message))

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{_PATH}/{task.provider_task_id}")

    def read_observed(self, answer: Answer) -> Observation:
        """Its id is not looked at: behind some gateways it is another than the one that was submitted."""
        said = lenient.fields(answer.json())
        if answer.status == 200:
            return _told(said, answer.body)
        if answer.status in (401, 403):
            return Busy("the provider refused the key that Reelkeep has for it", answer.retry_after)
        if answer.status in (408, 429) or answer.status >= 500:
            return Busy(f"the provider answered {answer.status}", answer.retry_after)
        code, _ = _reason(said)
        if answer.status in (400, 404) and re.fullmatch(r"(task_|video_)?not_?(exist|found)", code):
            return Missing()
        return Unreadable(f"the provider answered {answer.status} {code}".rstrip(), answer.body)

    def cancel(self, task: Task) -> Call | None:  # noqa: ARG002  there is no call for it
        return None

    def read_cancelled(self, answer: Answer) -> bool:  # noqa: ARG002
        return False

    def find(self, task: Task) -> Call | None:  # noqa: ARG002  there is no list
        return None

    def read_found(self, answer: Answer, task: Task) -> str | None:  # noqa: ARG002
        return None


upstream = _Client()

_PENDING = {
    "pending": State.QUEUEING,
    "queued": State.QUEUEING,
    "submitted": State.QUEUEING,
    "processing": State.PROCESSING,
}
_DONE = frozenset({"completed", "success", "succeeded"})
_FAILED = frozenset({"failed", "failure", "error"})
_CLASS_BY_STATUS = {402: FailureClass.CREDIT} | dict.fromkeys((401, 403, 404, 405), FailureClass.PROVIDER)
_CLASSES = (  # no page lists the codes: these words are in those that were seen
    ("quota|balance|credit|billing", FailureClass.CREDIT),
    ("policy|moderation|safety|sensitive|prohibited|unsafe", FailureClass.POLICY),
    ("rate.?limit|overload|too many", FailureClass.THROTTLED),
)


def _told(said: Mapping[str, Json], raw: bytes) -> Observation:
    word = lenient.text(said.get("status")).lower()
    if word in _DONE:
        if link := lenient.link(said.get("video_url")):
            return Succeeded((_creation(link, lenient.link(said.get("thumbnail_url"))),))
        return Unreadable("the provider reported success without a link to a video", raw)
    if word in _FAILED:
        code, message = _reason(said)
        sentence = message or code or "the provider gave no reason"
        reason = _class_of(code, message) or FailureClass.PROVIDER
        return Failed(Failure(reason=reason, code=code, message=sentence, retryable=reason is FailureClass.THROTTLED))
    if word in _PENDING:
        return Pending(_PENDING[word])
    return Pending(State.PROCESSING, word[:64]) if word else Unreadable("the provider named no status", raw)


def _creation(video: str, cover: str) -> Creation:
    """It has no id of its own, and needs none: there is only one."""
    sources = (("video", video), ("cover", cover))
    return Creation(
        id="1",
        assets=tuple(Asset(name=name, source=link, expires_at=link_expiry(link)) for name, link in sources if link),
    )


def _reason(said: Mapping[str, Json]) -> tuple[str, str]:
    """Code and message, from OpenAI's form, the gateway's flat one, or a sentence; an empty `error` is none."""
    error = said.get("error")
    about = error if isinstance(error, dict) else said
    sentence = lenient.text(error) or lenient.text(about.get("message")) or lenient.text(said.get("fail_reason"))
    return lenient.text(about.get("code"))[:256] or lenient.text(about.get("type"))[:256], sentence[:500]


def _class_of(code: str, message: str) -> FailureClass | None:
    said = f"{code} {message}".lower()
    return next((found for words, found in _CLASSES if re.search(words, said)), None)


def _written(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    kinds = (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)
    request = replace(request, aspect_ratio=foreign.ratio(request))
    foreign.check(request, kinds=kinds, says=("prompt", "images", "duration", "resolution", "aspect_ratio"))
    for name in ("model", "prompt"):
        if not getattr(request, name):
            raise InvalidRequest(f"{name} is required at this provider", field=name, missing=True)
    if _kind(request.model, len(request.images)) is not request.kind:  # it would take them for something else
        raise foreign.cannot("images")
    fields = {
        "aspect_ratio": request.aspect_ratio,
        "size": re.sub(r"(?<=\d)p$", "P", request.resolution),
        "duration": request.duration,
    }
    return {
        "model": request.model,
        "prompt": request.prompt,
        "images": list(request.images),
        **{name: value for name, value in fields.items() if value},
    }


# --- what the document says of it ---

_TEXT = described.TEXT
_STATUS = described.words(*dict.fromkeys(_WORDS.values()))
_UPDATED = {"type": "integer", "description": "In milliseconds since 1970."}
_BODIES: Mapping[str, Json] = {
    "Submission": described.record(
        {
            "model": _TEXT,
            "prompt": _TEXT,
            "images": described.array(
                described.IMAGE,
                maxItems=_MOST_IMAGES,
                description="One is the first frame, two are the first and the last, more are what the video shows; "
                "with a model whose name ends in -components, all are.",
            ),
            "aspect_ratio": {**described.TEXT, "pattern": f"^{RATIO.pattern}$"},
            "size": {**described.TEXT, "description": "Such as 720P."},
            "duration": described.whole(1, 86_400, description="In seconds."),
            "enhance_prompt": described.FLAG,
            "enable_upsample": described.FLAG,
            "callback_url": {**described.TEXT, "format": "uri"},
            "provider": {**described.TEXT, "description": "Reelkeep's own: the provider to use. It does not travel."},
        },
        required=("model", "prompt"),
        examples=[
            {"model": "grok-video-3", "prompt": "a paper boat", "aspect_ratio": "3:2", "size": "720P", "images": []}
        ],
    ),
    "Submitted": described.record(
        {"id": _TEXT, "status": _STATUS, "status_update_time": _UPDATED, "enhanced_prompt": _TEXT}
    ),
    "Task": described.record(
        {
            "id": _TEXT,
            "status": _STATUS,
            "video_url": {"type": ["string", "null"], "description": "Permanent; null until it is completed."},
            "enhanced_prompt": _TEXT,
            "status_update_time": _UPDATED,
            "error": {**described.TEXT, "description": "Why it failed; only there if it did."},
        },
        required=("id", "status", "video_url", "enhanced_prompt", "status_update_time"),
    ),
    "Error": described.record(
        {
            "error": described.record(
                {"message": _TEXT, "type": _TEXT, "param": {"type": ["string", "null"]}, "code": _TEXT}
            )
        }
    ),
}
_describer = described.Describer(
    prefix=_SCHEMAS,
    error=_error("invalid_request_error", "missing_required_parameter", "model is required", "model"),
    fault=_error("server_error", "internal_error", "something went wrong on our side"),
)
_EXAMPLE: Mapping[str, Json] = {
    "id": described.EXAMPLE_ID,
    "status": "pending",
    "status_update_time": 1_767_686_400_123,
    "enhanced_prompt": "",
}
_SUBMIT = _describer.operation("Submit a task", "Submitted", _EXAMPLE, body="Submission")
_SHOW = _describer.operation(
    "A task and its video",
    "Task",
    {**_EXAMPLE, "status": "completed", "video_url": f"{described.EXAMPLE_FILES}/1-video.mp4"},
    parameters=[described.TASK_ID],
)
