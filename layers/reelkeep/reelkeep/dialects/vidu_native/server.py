"""Vidu under /vidu-native, as its server speaks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.grammar import described, openai_words
from reelkeep.dialects.grammar.strict import LONGEST_PROMPT, RATIO, URL, Fields
from reelkeep.dialects.vidu_native import NAME, PATH
from reelkeep.dialects.vidu_native.bodies import kind_of
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.links import Links
from reelkeep.domain.task import Request, State, Task
from reelkeep.domain.wire import Json

_SCHEMAS = "ViduNative"
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


class _Server(openai_words.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/vidu-native/",)
    spelled: Mapping[str, str] = {"resolution": "size", "kind": "images"}

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return (
            Submit(method="POST", path=PATH, description=_SUBMIT, parse=_parsed, render=_submitted),
            Show(
                method="GET",
                path=f"{PATH}/{{task_id}}",
                description=_SHOW,
                callbacks_signed_by="vidu",
                render=_shown,
            ),
        )

    @property
    def schemas(self) -> Mapping[str, Any]:
        return {f"{_SCHEMAS}{name}": schema for name, schema in _BODIES.items()}


dialect = _Server()


def _parsed(http: Http) -> Request:
    sent = http.json()
    body = Fields(sent)
    model = body.text("model", required=True)
    images = body.images("images", most=_MOST_IMAGES)
    request = Request(
        dialect=NAME,
        kind=kind_of(model, len(images)),
        model=model,
        prompt=body.text("prompt", required=True, longest=LONGEST_PROMPT),
        images=images,
        duration=body.whole("duration", least=1),
        resolution=re.sub(r"(?<=\d)P$", "p", body.text("size")),
        aspect_ratio=body.text("aspect_ratio", form=RATIO),
        provider=body.text("provider"),
        callback_url=body.text("callback_url", form=URL, longest=8192),
        body=sent,
    )
    return replace(request, unexpressed=tuple(body.unread({})))


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
        shown["error"] = openai_words.message_of(task.failure)
    return Reply(body=shown)


def _milliseconds(task: Task) -> int:
    """As the page's first example has it; its second has seconds."""
    return int(task.updated_at.timestamp() * 1000)


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
    error=openai_words.refusal(InvalidRequest("model is required", field="model", missing=True), {}).body,
    fault=openai_words.fault().body,
)
_EXAMPLE: Mapping[str, Json] = {
    "id": described.EXAMPLE_ID,
    "status": "pending",
    "status_update_time": 1_767_686_400_123,
    "enhanced_prompt": "",
}
_SUBMIT = _describer.operation(
    "submitViduNativeTask",
    "Submit a task",
    "Submitted",
    _EXAMPLE,
    body="Submission",
    description="What the images are for follows from how many there are.",
)
_SHOW = _describer.operation(
    "showViduNativeTask",
    "A task and its video",
    "Task",
    {**_EXAMPLE, "status": "completed", "video_url": f"{described.EXAMPLE_FILES}/1-video.mp4"},
    description="The link to the file is there once it is completed, and stays.",
    parameters=[described.TASK_ID],
)
