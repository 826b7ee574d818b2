"""Vidu's v1, both ways: the tasks of its consumer site, as aggregators serve them.

Source: gpt-best.apifox.cn, api-218220468; what was seen to differ from that page is understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.grammar import described, foreign, lenient, vidu
from reelkeep.dialects.grammar.strict import (
    IMAGE,
    LONGEST_PROMPT,
    LONGEST_WAY,
    RATIO,
    URL,
    Fields,
    ItemCountOutOfRange,
)
from reelkeep.domain.errors import ClientError, InvalidRequest
from reelkeep.domain.links import Links
from reelkeep.domain.observation import ListedPage, Observation, Placement
from reelkeep.domain.task import Creation, Kind, Request, State, Task
from reelkeep.domain.wire import Answer, Call, Callbacks, Json, Search

_NAME = "vidu_v1"
_PATH = "/vidu/v1/tasks"
_SCHEMAS = "ViduV1"
_LARGEST_BODY = 5 * 1024 * 1024  # more cannot be handed to a Lambda function
_MOST_PROMPTS = 20

_IMAGES = {  # how many there must be, at least and at most
    Kind.TEXT2VIDEO: (0, 0),
    Kind.IMG2VIDEO: (1, 1),
    Kind.REFERENCE2VIDEO: (1, 7),
    Kind.START_END2VIDEO: (2, 2),
    Kind.UPSCALE: (0, 0),
}
_KINDS = {vidu.TYPES[kind]: kind for kind in _IMAGES}
_NO_CREATION = "0"
_USUAL: Mapping[str, Json] = {  # what these fields hold when they say nothing
    "style": "general",
    "movement_amplitude": "auto",
    "sample_count": 1,
    "schedule_mode": "normal",
    "editor_mode": "normal",
    "enhance": True,
}
_USUAL_SECONDS = 4
_SPELLED = {
    "kind": "type",
    "model": "settings.model",
    "duration": "settings.duration",
    "resolution": "settings.resolution",
    "aspect_ratio": "settings.aspect_ratio",
    "creation_id": "input.creation_id",
    "prompt": "input.prompts",
    "images": "input.prompts",
}

# --- the server ---


class _Server:
    name = _NAME
    prefixes: tuple[str, ...] = ("/vidu/v1/",)

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            Submit(method="POST", path=_PATH, description=_SUBMIT, parse=_parsed, render=_submitted),
            Show(
                method="GET",
                path=f"{_PATH}/{{task_id}}",
                description=_SHOW,
                callbacks_signed_by="vidu",
                render=_shown,
            ),
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:
        return vidu.refusal(error, http, _SPELLED)

    def render_fault(self, known: str = "") -> Reply:
        return vidu.fault(known)

    @property
    def schemas(self) -> Mapping[str, Any]:
        return {f"{_SCHEMAS}{name}": schema for name, schema in _BODIES.items()}


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json(_LARGEST_BODY)
    body = Fields(sent)
    kind = _KINDS[body.text("type", required=True, among=_KINDS)]
    given, settings = body.part("input", required=True), body.part("settings", required=True)
    texts, images = _prompts_of(given)
    creation_id = given.text("creation_id", required=kind is Kind.UPSCALE)
    if creation_id == _NO_CREATION:
        if kind is Kind.UPSCALE:
            raise given.wrong("creation_id", "must be the id of a creation")
        creation_id = ""
    if kind is Kind.TEXT2VIDEO and not texts:
        raise InvalidRequest("input.prompts must hold a text", field="input.prompts", missing=True)
    _check_images(kind, len(images), "input.prompts")
    newer = "model" not in settings.given and "model_version" in settings.given
    request = Request(
        dialect=_NAME,
        kind=kind,
        model=settings.text("model_version" if newer else "model", required=True),
        prompt="\n".join(texts),
        images=images,
        creation_id=creation_id,
        duration=settings.whole("duration", required=True, least=1),
        resolution=settings.text("resolution"),
        aspect_ratio=settings.text("aspect_ratio", form=RATIO),
        provider=body.text("provider"),
        callback_url=body.text("callback_url", form=URL, longest=8192),
        body=sent,
    )
    given.text("lang")
    return replace(request, unexpressed=tuple(body.unread(_USUAL)))


def _prompts_of(given: Fields) -> tuple[list[str], tuple[str, ...]]:
    """Texts and images, in their order; other types of prompts are for the provider to understand."""
    texts, images = [], []
    for prompt in given.parts("prompts", most=_MOST_PROMPTS):
        match prompt.text("type", required=True):
            case "text":
                text = prompt.text("content", required=True, longest=LONGEST_PROMPT)
                if not prompt.given.get("negative"):
                    texts.append(text)
            case "image":
                images.append(prompt.text("content", required=True, longest=_LARGEST_BODY, form=IMAGE))
    return texts, tuple(images)


def _check_images(kind: Kind, count: int, field: str) -> None:
    least, most = _IMAGES[kind]
    if not least <= count <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise ItemCountOutOfRange(f"{field}: {vidu.TYPES[kind]} takes {wanted} images", field=field)


def _submitted(task: Task) -> Reply:
    return Reply(body=_task(task, []))


def _shown(task: Task, links: Links) -> Reply:
    creations = [_creation(task, creation, links) for creation in task.creations]
    return Reply(body=_task(task, creations if task.state is State.SUCCESS else []))


def _task(task: Task, creations: list[Json]) -> Json:
    """What the documented answer holds, and no more, whatever the dialect the task came in."""
    request = task.request
    said = lenient.fields(request.body) if request.dialect == _NAME else {}
    given, settings = lenient.fields(said.get("input")), lenient.fields(said.get("settings"))
    return {
        "id": task.id,
        "input": {
            "creation_id": request.creation_id or _NO_CREATION,
            "prompts": _prompts(request, given.get("prompts")),
            "lang": lenient.text(given.get("lang")) or _language(request.prompt),
        },
        "settings": {
            "style": lenient.text(settings.get("style")) or "general",
            "duration": request.duration or 0,
            "aspect_ratio": request.aspect_ratio,
            "model": request.model,
        },
        "type": vidu.TYPES[request.kind],
        "state": vidu.WORDS[task.state],
        "creations": creations,
        "err_code": vidu.reason(task.failure) if task.failure else "",
        "created_at": vidu.time(task.created_at),
    }


def _prompts(request: Request, said: Json) -> list[Json]:
    if not isinstance(said, list):
        said = [{"type": "text", "content": request.prompt}] if request.prompt else []
        said += [{"type": "image", "content": image} for image in request.images]
    return [
        {
            "type": lenient.text(prompt.get("type")),
            "content": vidu.shown(lenient.text(prompt.get("content"))),
            "negative": prompt.get("negative") is True,
            "enhance": prompt.get("enhance") is not False,
            "recaption": lenient.text(prompt.get("recaption")),
        }
        for prompt in map(lenient.fields, said)
    ]


def _language(text: str) -> str:
    return "zh" if re.search("[\u4e00-\u9fff]", text) else "en"


def _creation(task: Task, creation: Creation, links: Links) -> Json:
    found = {asset.name: links(asset.kept) for asset in creation.assets if asset.kept}
    return {
        "id": creation.id,
        "task_id": task.id,
        "type": "video",
        "grade": "draft",
        "uri": found.get("video", ""),
        "cover_uri": found.get("cover", ""),
        "resolution": task.request.resolution,
        "vote": "unspecified",
        "is_favor": False,
        "src_video_duration": task.request.duration or 0,
        "creator_id": task.key_id,
        "video": vidu.facts(creation),
        "is_deleted": False,
        "err_code": "",
        "created_at": vidu.time(task.finished_at or task.created_at),
    }


# --- the client ---


class _Client:
    name = _NAME
    authorization = "Bearer {key}"  # as aggregators want it
    callbacks: Callbacks | None = None

    def place(self, task: Task) -> Call:
        request = task.request
        if request.dialect == _NAME and request.body:
            body = {name: value for name, value in request.body.items() if name not in ("callback_url", "provider")}
        else:
            body = _written(request)
        if task.source_creation:
            body["input"] = {**body["input"], "creation_id": task.source_creation}
        return Call(method="POST", path=_PATH, body=body)

    def read_placed(self, answer: Answer) -> Placement:
        return vidu.placement(answer)

    def observe(self, task: Task) -> Call:
        return Call(method="GET", path=f"{_PATH}/{task.provider_task_id}")

    def read_observed(self, answer: Answer) -> Observation:
        return vidu.observed(answer)

    def cancel(self, task: Task) -> Call | None:  # noqa: ARG002  what DELETE does to a task under way is not known
        return None

    def read_cancelled(self, answer: Answer) -> bool:  # noqa: ARG002
        return False

    def list_successes(self, since: datetime, page: str) -> Call | None:  # noqa: ARG002  no aggregator documents one
        return None

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:  # noqa: ARG002
        return None

    def find(self, task: Task) -> Search | None:  # noqa: ARG002  its history carries nothing of ours
        return None


upstream = _Client()


def _written(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    if request.kind is Kind.UPSCALE:
        # It makes what others call 1080p of a small video, and cannot be told to do more.
        resolution = "" if request.resolution == "1080p" else request.resolution
        plain = replace(request, resolution=resolution, audio=None)
        foreign.check(plain, kinds=_IMAGES, says=("creation_id", "duration"))
        if not request.creation_id:
            raise InvalidRequest("creation_id is required at this provider", field="creation_id", missing=True)
        settings = {"model": request.model or "stable", "duration": request.duration or _USUAL_SECONDS}
        return {"type": "upscale", "input": {"creation_id": request.creation_id}, "settings": settings}
    silent = replace(request, audio=request.audio or None)  # as its videos are
    foreign.check(silent, kinds=_IMAGES, says=("prompt", "images", "duration", "resolution", "aspect_ratio"))
    _check_images(request.kind, len(request.images), "images")
    if not request.model:
        raise InvalidRequest("model is required at this provider", field="model", missing=True)
    settings = {
        "style": "general",
        "aspect_ratio": foreign.ratio(request),
        "duration": request.duration or _USUAL_SECONDS,
        "model": request.model,
        "resolution": request.resolution,
    }
    contents = [("text", request.prompt)] if request.prompt else []
    contents += [("image", image) for image in request.images]
    return {
        "type": vidu.TYPES[request.kind],
        "input": {"prompts": [{"type": kind, "content": content, "enhance": True} for kind, content in contents]},
        "settings": {name: value for name, value in settings.items() if value},
    }


# --- what the document says of it ---

_EXAMPLE_TASK: Mapping[str, Json] = {
    "id": described.EXAMPLE_ID,
    "input": {
        "creation_id": _NO_CREATION,
        "prompts": [
            {"type": "text", "content": "a paper boat", "negative": False, "enhance": True, "recaption": ""},
        ],
        "lang": "en",
    },
    "settings": {"style": "general", "duration": 4, "aspect_ratio": "16:9", "model": "vidu-1"},
    "type": "text2video",
    "state": "queueing",
    "creations": [],
    "err_code": "",
    "created_at": "2026-01-06T08:00:00.123456Z",
}
_EXAMPLE_CREATION: Mapping[str, Json] = {
    "id": f"{described.EXAMPLE_ID}-1",
    "task_id": described.EXAMPLE_ID,
    "type": "video",
    "grade": "draft",
    "uri": f"{described.EXAMPLE_FILES}/1-video.mp4",
    "cover_uri": f"{described.EXAMPLE_FILES}/1-cover.jpeg",
    "resolution": "360p",
    "vote": "unspecified",
    "is_favor": False,
    "src_video_duration": 4,
    "creator_id": "key-1",
    "video": {"duration": 3.85, "fps": 16, "resolution": {"width": 688, "height": 384}},
    "is_deleted": False,
    "err_code": "",
    "created_at": "2026-01-06T08:01:30.123456Z",
}
_EXAMPLE_DONE = {**_EXAMPLE_TASK, "state": "success", "creations": [_EXAMPLE_CREATION]}
_describer = described.Describer(
    prefix=_SCHEMAS,
    error={
        "code": 400,
        "reason": "FieldLacking",
        "message": "settings.model is required",
        "metadata": {"trace_id": "1-695c8f00-0a1b2c3d4e5f"},
    },
    fault=vidu.fault().body,
)
_SUBMIT = _describer.operation("Submit a task", "Task", _EXAMPLE_TASK, body="Submission")
_SHOW = _describer.operation("A task and its creations", "Task", _EXAMPLE_DONE, parameters=[described.TASK_ID])
_PROMPT = described.record(
    {
        "type": {**described.TEXT, "description": "text or image"},
        "content": {**described.TEXT, "description": "The text, or the image: a URL, or a data: URI in base64."},
        "negative": described.FLAG,
        "enhance": described.FLAG,
        "recaption": described.TEXT,
    },
    required=("type", "content"),
)
_INPUT = {
    "creation_id": {**described.TEXT, "description": "What to upscale: one of ours, or the provider's own."},
    "prompts": described.array(_PROMPT, maxItems=_MOST_PROMPTS),
}
_SETTINGS = {
    "model": described.TEXT,
    "duration": described.whole(1, LONGEST_WAY, description="In seconds."),
    "style": described.TEXT,
    "aspect_ratio": {**described.TEXT, "pattern": f"^{RATIO.pattern}$"},
    "resolution": described.TEXT,
    "movement_amplitude": described.TEXT,
}
_BODIES: Mapping[str, Json] = {
    "Submission": described.record(
        {
            "type": described.words(*_KINDS),
            "input": described.record(_INPUT, required=()),
            "settings": described.record(_SETTINGS, required=("model", "duration")),
            "callback_url": {**described.TEXT, "format": "uri"},
            "provider": {**described.TEXT, "description": "Reelkeep's own: the provider to use. It does not travel."},
        },
        required=("type", "input", "settings"),
        examples=[
            {
                "type": "upscale",
                "input": {"creation_id": "2370483030340581"},
                "settings": {"model": "stable", "duration": 4},
            },
            {
                "type": "text2video",
                "input": {"prompts": [{"type": "text", "content": "a paper boat", "enhance": True}]},
                "settings": {"style": "general", "aspect_ratio": "16:9", "duration": 4, "model": "vidu-1"},
            },
        ],
    ),
    "Task": described.like(
        _EXAMPLE_DONE,
        state=described.words(*dict.fromkeys(vidu.WORDS.values())),
        err_code={**described.TEXT, "description": "Why it failed; empty if it did not."},
        uri={**described.TEXT, "description": "Permanent."},
        created_at=described.MOMENT,
    ),
    "Error": described.like(_describer.error),
}
