"""Volcengine Ark's content generation, both ways: the API of Seedance, as Ark, BytePlus and aggregators serve it.

Source: volcengine.com/docs/82379, pages 1520757 (create), 1521309 (get), 1521675 (list), 1521720 (delete) and 1299023
(errors); doc.aimanyi.top/api-351558937 (list under /volc/v1); what was seen to differ from them is understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from reelkeep.dialects import foreign, lenient
from reelkeep.dialects import volc_ark_openapi as openapi
from reelkeep.dialects.dialect import AnyRoute, Http, List, Remove, Reply, Show, Submit
from reelkeep.dialects.query import Query
from reelkeep.dialects.strict import IMAGE, URL, Fields
from reelkeep.domain import ids, observation
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    NotAllowed,
    NotFound,
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

_NAME = "volc_ark"
_TASKS = "/contents/generations/tasks"
_BASES = ("/volc/v1", "/api/v3")

_LARGEST_BODY = 5 * 1024 * 1024  # more cannot be handed to a Lambda function
_MOST_ITEMS = 100  # of content; Ark takes 64 references and does not say where it stops
_LONGEST_TEXT = 20_000
_WINDOW = timedelta(days=7)  # what Ark remembers

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
_TIERS = {"default": False, "flex": True}
_USUAL: Mapping[str, Json] = {  # what no other provider has words for, with what stands for nothing special
    "camera_fixed": False,
    "draft": False,
    "execution_expires_after": 172_800,
    "frames": None,
    "framespersecond": 24,
    "omni_reference_task_type": "auto",
    "output_format": "mp4",
    "priority": 0,
    "tools": [],
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
            task_id, state = http.path.rpartition("/")[2][:64], _WORDS[error.state]
            message = f"Cannot delete task `{task_id}` because it is currently {state}."
        headers = {"www-authenticate": "Bearer"} if status == 401 else {}
        if status in (409, 429):  # clients repeat those, half a second later
            headers["x-should-retry"] = "false"
        request_id = http.headers.get("x-client-request-id") or http.headers.get("x-amzn-trace-id", "")
        said = f"{message} Request id: {request_id[:128]}" if request_id else message
        return Reply(status=status, body=_error(status, code, said, name), headers=headers)

    def render_fault(self) -> Reply:
        """To repeat a submission after it could mean to pay for it twice."""
        body = _error(500, "InternalServiceError", "The service encountered an unexpected internal error.")
        return Reply(status=500, body=body, headers={"x-should-retry": "false"})

    @property
    def schemas(self) -> Mapping[str, Any]:
        return openapi.schemas(tuple(dict.fromkeys(_WORDS.values())))


def _routes(path: str) -> tuple[AnyRoute, ...]:
    one = f"{path}/{{task_id}}"
    return (
        Submit(method="POST", path=path, description=openapi.SUBMIT, parse=_parsed, render=_created),
        List(
            method="GET", path=path, description=openapi.LIST, window=_WINDOW, parse=_parse_listing, render=_listed
        ),
        Show(method="GET", path=one, description=openapi.SHOW, render=_shown),
        Remove(method="DELETE", path=one, description=openapi.REMOVE, render=lambda _: Reply(body={})),
    )


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json(_LARGEST_BODY)
    body = Fields(sent)
    content = _read_content(body.parts("content", most=_MOST_ITEMS))
    body.given = {**content.flags, **body.given}
    tier = body.text("service_tier")
    seconds = body.whole("duration", least=-1)  # -1 leaves it to the model
    for name in ("camera_fixed", "draft"):
        body.flag(name)
    for name in ("frames", "framespersecond", "priority"):
        body.whole(name)
    body.whole("execution_expires_after", least=3_600, most=259_200)
    body.text("omni_reference_task_type")
    body.text("output_format")
    body.parts("tools", most=_MOST_ITEMS)
    body.text("safety_identifier", longest=64)  # says who asks, not what for: it need not be expressed elsewhere
    body.text("callback_url", form=URL, longest=8192)
    special = [name for name, usual in _USUAL.items() if body.given.get(name, usual) != usual]
    return Request(
        dialect=_NAME,
        kind=content.kind,
        model=body.text("model", required=True),
        prompt=content.prompt,
        images=content.images,
        creation_id=content.draft,
        duration=seconds if seconds and seconds > 0 else None,
        resolution=body.text("resolution"),
        aspect_ratio=body.text("ratio"),
        seed=body.whole("seed", least=-1, most=2**32 - 1),
        audio=body.flag("generate_audio"),
        watermark=body.flag("watermark"),
        last_frame=body.flag("return_last_frame") or False,
        off_peak=_TIERS.get(tier, False),
        provider=body.text("provider"),
        body=sent,
        unexpressed=(
            *content.unexpressed,
            *special,
            *(["service_tier"] if tier and tier not in _TIERS else []),
            *(name for name in body.unread({}) if name not in _USUAL),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    kind: Kind
    prompt: str = ""
    images: tuple[str, ...] = ()
    draft: str = ""  # the creation that a task of ours made
    flags: Mapping[str, Json] = field(default_factory=dict)
    unexpressed: tuple[str, ...] = ()


def _read_content(items: Sequence[Fields]) -> _Content:
    """What it shows and says, and by the roles in it what is wanted: Ark itself has no word for that."""
    texts: list[str] = []
    images: list[tuple[Fields, str]] = []
    special: list[str] = []
    drafts: list[str] = []
    for item in items:
        match item.text("type", required=True):
            case "text":
                texts.append(item.text("text", longest=_LONGEST_TEXT))
            case "image_url":
                images.append((item, _address(item, "image_url", IMAGE)))
            case "video_url" | "audio_url" as name:
                _address(item, name, None)
                special.append(item.name(name))
            case "draft_task":
                drafts.append(item.part("draft_task", required=True).text("id", required=True))
                special.append(item.name("draft_task"))
            case _:  # newer than we are: for the provider to understand
                special.append(item.name("type"))
    special += [f"{item.name('image_url')}.url" for item, address in images if address.startswith(_ASSET)]
    prompt, flags = _without_flags("\n".join(filter(None, texts)))
    kind, shown = _kind_and_images(images, others=bool(special))
    if drafts:
        kind = Kind.UPSCALE
    elif kind is Kind.TEXT2VIDEO and not special and not prompt:
        raise InvalidRequest("content must hold a text or an image", field="content", missing=True)
    ours = [ids.creation_id(draft, 1) for draft in drafts if ids.is_task_id(draft)]
    return _Content(
        kind=kind,
        prompt=prompt,
        images=shown,
        draft="".join(ours[:1]),
        flags=flags,
        unexpressed=tuple(special),
    )


_ASSET = "asset://"  # a file in the account's library at Ark


def _address(item: Fields, name: str, form: re.Pattern[str] | None) -> str:
    part = item.part(name, required=True)
    address = part.text("url", required=True, longest=_LARGEST_BODY)
    if form and not address.startswith(_ASSET):
        part.text("url", longest=_LARGEST_BODY, form=form)
    return address


def _kind_and_images(images: Sequence[tuple[Fields, str]], *, others: bool) -> tuple[Kind, tuple[str, ...]]:
    roles: dict[str, list[str]] = {}
    for item, address in images:
        role = item.text("role")
        if not role and (len(images) > 1 or others):
            message = f"{item.name('role')} must be specified for image contents"
            raise InvalidRequest(message, field=item.name("role"), missing=True)
        if role not in ("", "first_frame", "last_frame", "reference_image"):
            raise item.wrong("role", "must be one of first_frame, last_frame, reference_image")
        roles.setdefault(role or "first_frame", []).append(address)
    first, last, references = (roles.get(role, []) for role in ("first_frame", "last_frame", "reference_image"))
    for name, frames in (("first", first), ("last", last)):
        if len(frames) > 1:
            message = f"content: expected at most one {name} frame image content but got {len(frames)} instead"
            raise InvalidRequest(message, field="content")
    if (first or last) and (references or others):
        message = "content: first/last frame content cannot be mixed with reference media content"
        raise InvalidRequest(message, field="content")
    if last and not first:
        raise InvalidRequest("content: a last frame needs a first frame", field="content")
    if last:
        return Kind.START_END2VIDEO, (*first, *last)
    if first:
        return Kind.IMG2VIDEO, tuple(first)
    return Kind.REFERENCE2VIDEO if references or others else Kind.TEXT2VIDEO, tuple(references)


# Before there were fields, the text carried them as flags; what is wrong with a flag, Ark overlooks.
_FLAG_NAMES = {
    **{name: name for name in ("resolution", "ratio", "duration", "frames", "framespersecond", "seed", "watermark")},
    **{"rs": "resolution", "rt": "ratio", "dur": "duration", "fps": "framespersecond", "wm": "watermark"},
    **{"cf": "camera_fixed", "camerafixed": "camera_fixed"},
}
_FLAG = re.compile(rf"(?<!\S)--({'|'.join(_FLAG_NAMES)})\s+(\S+)\s*")
_FLAG_VALUES = {
    "resolution": r"\d{3,4}p|\dk",
    "ratio": r"\d{1,2}:\d{1,2}|adaptive",
    "camera_fixed": "true|false",
    "watermark": "true|false",
}
_FLAG_NUMBER = r"-1|\d{1,9}"


def _without_flags(text: str) -> tuple[str, dict[str, Json]]:
    flags: dict[str, Json] = {}
    for said, value in _FLAG.findall(text):
        name = _FLAG_NAMES[said]
        if re.fullmatch(_FLAG_VALUES.get(name, _FLAG_NUMBER), value, re.ASCII):
            flags[name] = value == "true" if _FLAG_VALUES.get(name) == "true|false" else value
            if name not in _FLAG_VALUES:
                flags[name] = int(value)
    return _FLAG.sub("", text).strip(), flags


def _parse_listing(http: Http) -> Listing:
    query = Query(http.query)
    page, size = _numbered(query, "page_num", 1), _numbered(query, "page_size", openapi.USUAL_PAGE)
    words, tiers = query.words("filter.status"), query.words("filter.service_tier")
    for name, given, known in (("status", words, _WORDS.values()), ("service_tier", tiers, _TIERS)):
        if not set(given) <= set(known):
            message = f"filter.{name} must be one of {', '.join(dict.fromkeys(known))}"
            raise InvalidRequest(message, field=f"filter.{name}")
    wanted = {_TIERS[tier] for tier in tiers}
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
        **{name: value for name, value in known.items() if value is not None and value != -1},
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

    def place(self, task: Task) -> Call:
        request = task.request
        if request.dialect == _NAME and request.body:
            body = {name: value for name, value in request.body.items() if name not in ("callback_url", "provider")}
        else:
            body = _written(request)
        if task.source_creation:
            body["content"] = [_with_draft(item, task.source_creation) for item in body["content"]]
        return Call(method="POST", path=_TASKS, body=body)

    def read_placed(self, answer: Answer) -> Placement:
        said = _unwrapped(answer)
        if 200 <= answer.status < 300:
            task_id = lenient.identifier(said.get("id")) or lenient.identifier(said.get("task_id"))
            return Accepted(task_id) if task_id else Unknown("the provider accepted something, but named no task")
        if not 400 <= answer.status < 500 or answer.status in (408, 499):  # it may have gone on without us
            return Unknown(f"the provider answered the submission with {answer.status}")
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
        if answer.status == 404 and code and not code.startswith(("InvalidEndpoint", "Model")):
            return Missing()
        # Also a 404 that is not in Ark's words: a proxy's page must not make us give a paid task up.
        return Unreadable(f"the provider answered {answer.status} {code}".rstrip(), answer.body)

    def cancel(self, task: Task) -> Call | None:
        """The same call erases a task that is done: it must not be made unless the task is in the queue."""
        if task.state is not State.QUEUEING or not task.provider_task_id:
            return None
        return Call(method="DELETE", path=f"{_TASKS}/{task.provider_task_id}")

    def read_cancelled(self, answer: Answer) -> bool:
        said = answer.json() if answer.body else {}
        return answer.status in (200, 204) and isinstance(said, dict) and not said.get("error")

    def find(self, task: Task) -> Call | None:  # noqa: ARG002  by what it could be filtered, tasks are not told apart
        query = (("page_num", "1"), ("page_size", str(openapi.LARGEST_PAGE)))
        return Call(method="GET", path=_TASKS, query=query)

    def read_found(self, answer: Answer, task: Task) -> str | None:
        """Ark echoes nothing that tells our tasks from others, so it can say for certain only that ours is not
        there: when it lists all that it has, and none of it dates from when ours was placed."""
        said = _unwrapped(answer)
        items, total = said.get("items"), lenient.whole(said.get("total"))
        if answer.status != 200 or not isinstance(items, list) or total is None or total > len(items):
            return None
        times = [lenient.number(lenient.fields(item).get("created_at")) for item in items]
        first, last = (task.created_at - _CLOCKS_DIFFER), (task.updated_at + _CLOCKS_DIFFER)
        strangers = all(time is not None and not first.timestamp() <= time <= last.timestamp() for time in times)
        return "" if strangers else None


upstream = _Client()

_CLOCKS_DIFFER = timedelta(minutes=5)
_IMAGES = {  # how many there must be, at least and at most, and what they are
    Kind.TEXT2VIDEO: (0, 0, ()),
    Kind.IMG2VIDEO: (1, 1, ("first_frame",)),
    Kind.START_END2VIDEO: (2, 2, ("first_frame", "last_frame")),
    Kind.REFERENCE2VIDEO: (1, _MOST_ITEMS, ("reference_image",) * _MOST_ITEMS),
}
_SAYS = (
    "prompt", "images", "duration", "resolution", "aspect_ratio", "seed", "audio", "watermark", "last_frame",
    "off_peak",
)  # fmt: skip


def _written(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    foreign.check(request, kinds=_IMAGES, says=_SAYS)
    least, most, roles = _IMAGES[request.kind]
    if not least <= len(request.images) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise InvalidRequest(f"images: {request.kind} takes {wanted} at this provider", field="images")
    for name in ("model",) if request.images else ("model", "prompt"):
        if not getattr(request, name):
            raise InvalidRequest(f"{name} is required at this provider", field=name, missing=True)
    texts = [{"type": "text", "text": request.prompt}] if request.prompt else []
    images = [
        {"type": "image_url", "image_url": {"url": image}, "role": role}
        for image, role in zip(request.images, roles, strict=False)
    ]
    said = {
        "resolution": request.resolution.lower() or None,  # 4K is 4k here
        "ratio": request.aspect_ratio or None,
        "duration": request.duration,
        "seed": request.seed or None,  # 0 is Vidu's way to leave it to chance
        "generate_audio": request.audio,
        "watermark": request.watermark,
        "return_last_frame": request.last_frame or None,
        "service_tier": "flex" if request.off_peak else None,
    }
    return {
        "model": request.model,
        "content": [*texts, *images],
        **{name: value for name, value in said.items() if value is not None},
    }


def _with_draft(item: Json, task_id: str) -> Json:
    """A client knows its draft by our id, the provider by its own."""
    is_draft = isinstance(item, dict) and item.get("type") == "draft_task"
    return {**item, "draft_task": {"id": task_id}} if is_draft else item


def _unwrapped(answer: Answer) -> Mapping[str, Json]:
    """The body; some aggregators put Ark's into {"code": 0, "message": "", "data": {...}}."""
    said = lenient.fields(answer.json())
    return lenient.fields(said.get("data")) if isinstance(said.get("data"), dict) else said


def _code_and_message(said: Mapping[str, Json]) -> tuple[str, str]:
    """Of an error in Ark's envelope, or without it, as some aggregators pass it on."""
    error = lenient.fields(said.get("error")) or said
    return lenient.text(error.get("code"))[:256], lenient.text(error.get("message"))[:500]


def _observation(said: Mapping[str, Json], raw: bytes) -> Observation:
    word = lenient.text(said.get("status")).lower()
    if not word:
        return Unreadable("the provider named no status", raw)
    if word in ("succeeded", "success", "completed"):
        creation = _creation(said)
        if not creation.asset("video"):
            return Unreadable("the provider reported success without a link to a video", raw)
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
        id=lenient.identifier(said.get("id")) or lenient.identifier(said.get("task_id")) or "1",
        assets=tuple(
            Asset(name=name, source=link, expires_at=link_expiry(link)) for name, link in sources.items() if link
        ),
        duration=lenient.number(said.get("duration")),
        fps=lenient.number(said.get("framespersecond")),
    )


_PENDING = {
    **dict.fromkeys(("queued", "pending", "submitted", "not_start"), State.QUEUEING),
    **dict.fromkeys(("running", "processing", "in_progress"), State.PROCESSING),
}
_ENDS = {
    **dict.fromkeys(("failed", "failure"), (FailureClass.PROVIDER, "the provider failed, and gave no reason")),
    **dict.fromkeys(("cancelled", "canceled"), (FailureClass.CANCELLED, "it was cancelled at the provider")),
    "expired": (FailureClass.EXPIRED, "the provider did not begin in time"),
}
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
