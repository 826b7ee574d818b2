"""What the OpenAPI document says of Ark's content generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from reelkeep.dialects.grammar import described
from reelkeep.dialects.volc_ark import LARGEST_PAGE, bodies
from reelkeep.domain.wire import Json

OWN_BASE = "/api/v3"  # where Ark's own is
USUAL_PAGE = 10  # Ark does not say what its own is

_PREFIX = "VolcArk"
_TEXT, _FLAG, _NUMBER = described.TEXT, described.FLAG, {"type": "integer", "minimum": 0}

_FILES = described.EXAMPLE_FILES
_TASK: Json = {
    "id": described.EXAMPLE_ID,
    "model": "doubao-seedance-1-5-pro-251215",
    "status": "succeeded",
    "error": None,
    "content": {"video_url": f"{_FILES}/1-video.mp4", "last_frame_url": f"{_FILES}/1-last-frame.png"},
    "usage": {"completion_tokens": 108_900, "total_tokens": 108_900},
    "created_at": 1_767_686_400,
    "updated_at": 1_767_686_455,
    "seed": 7,
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "framespersecond": 24,
    "generate_audio": True,
    "service_tier": "default",
}
_describer = described.Describer(
    prefix=_PREFIX,
    error={
        "error": {
            "code": "InvalidParameter",
            "message": "duration must be a whole number from -1 to 86400. Request id: 0217",
            "param": "duration",
            "type": "BadRequest",
        }
    },
    fault={
        "error": {
            "code": "InternalServiceError",
            "message": "The service encountered an unexpected internal error",
            "param": "",
            "type": "InternalServerError",
        }
    },
)


def _in_query(name: str, meaning: str, schema: Mapping[str, Json]) -> Json:
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


_WORDS = described.array({"type": "string", "minLength": 1, "maxLength": 256})
_PAGE = described.whole(1, LARGEST_PAGE)


@cache
def described_at(base: str) -> tuple[Mapping[str, Json], ...]:
    """Submit, list, show, remove: the same at both addresses, under names of its own at each."""
    if base == OWN_BASE:
        return _OPERATIONS
    return tuple(
        {**each, "operationId": each["operationId"].replace(_PREFIX, f"{_PREFIX}V1")} for each in _OPERATIONS
    )


_SUBMIT = _describer.operation(
    "submitVolcArkTask",
    "Submit a task",
    "TaskId",
    {"id": described.EXAMPLE_ID},
    body="Submission",
    description="Words, pictures, films and sounds are its `content`.",
)
_SHOW = _describer.operation(
    "showVolcArkTask",
    "A task and its video",
    "Task",
    _TASK,
    description="The links are there once it has succeeded, and stay.",
    parameters=[described.TASK_ID],
)
_LIST = _describer.operation(
    "listVolcArkTasks",
    "Tasks of the last 7 days, newest first",
    "TaskList",
    {"items": [_TASK], "total": 1},
    description="Each filter admits any of its values, and a task is listed if it fits all filters.",
    parameters=[
        _in_query("page_num", "From 1.", {**_PAGE, "default": 1}),
        _in_query("page_size", "Tasks a page.", {**_PAGE, "default": USUAL_PAGE}),
        _in_query("filter.status", "Only tasks of this status.", _WORDS),
        _in_query("filter.task_ids", "Only these tasks, however old they are.", _WORDS),
        _in_query("filter.model", "Only tasks for this model.", _WORDS),
        _in_query("filter.service_tier", "`default` or `flex`.", _WORDS),
    ],
)
_REMOVE = _describer.operation(
    "removeVolcArkTask",
    "Cancel a task in the queue, or take one that ended off the list",
    "Nothing",
    {},
    description="A task under way is refused. What is in the archive stays there.",
    parameters=[described.TASK_ID],
)
_OPERATIONS = (_SUBMIT, _LIST, _SHOW, _REMOVE)


def schemas(status_words: Sequence[str]) -> Mapping[str, Any]:
    return {f"{_PREFIX}{name}": schema for name, schema in {**_BODIES, "Task": _task(status_words)}.items()}


def _nullable(fields: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    return {name: {**schema, "type": [schema["type"], "null"]} for name, schema in fields.items()}


def _task(status_words: Sequence[str]) -> Json:
    known = {
        "safety_identifier": _TEXT,
        "seed": {"type": "integer"},
        "resolution": _TEXT,
        "ratio": _TEXT,
        "duration": {**_NUMBER, "description": "Seconds."},
        "frames": _NUMBER,
        "framespersecond": _NUMBER,
        "generate_audio": _FLAG,
        "draft": _FLAG,
        "execution_expires_after": _NUMBER,
        "priority": _NUMBER,
        "tools": described.array({"type": "object"}),
        "output_format": _TEXT,
    }
    content = {
        "video_url": {**_TEXT, "description": "Permanent; empty until success."},
        "last_frame_url": _TEXT,
    }
    always = {
        "id": _TEXT,
        "model": _TEXT,
        "status": described.words(*status_words),
        "error": described.nullable(described.record({"code": _TEXT, "message": _TEXT})),
        "content": described.record(content, required=("video_url",)),
        "usage": described.record(
            {"completion_tokens": _NUMBER, "total_tokens": _NUMBER},
            description="0 until success, and from providers that do not count in tokens.",
        ),
        "created_at": {**_NUMBER, "description": "Seconds since 1970."},
        "updated_at": {**_NUMBER, "description": "Seconds since 1970."},
        "service_tier": described.words(*bodies.TIERS),
    }
    return described.record({**always, **known}, required=always)


_URL = described.record({"url": {**_TEXT, "description": "An http(s) URL, a data: URI in base64, or asset://."}})
_ITEM = described.record(
    {
        "type": described.words("text", "image_url", "video_url", "audio_url", "draft_task"),
        "text": {**_TEXT, "description": "May end in flags such as `--rs 720p --dur 5`; fields go before them."},
        "image_url": _URL,
        "video_url": _URL,
        "audio_url": _URL,
        "draft_task": described.record({"id": _TEXT}),
        "role": described.words("first_frame", "last_frame", "reference_image", "reference_video", "reference_audio"),
    },
    required=("type",),
)
_OPTIONS: Mapping[str, Mapping[str, Json]] = {
    "resolution": {**_TEXT, "examples": ["480p", "720p", "1080p", "4k"]},
    "ratio": {**_TEXT, "examples": ["16:9", "9:16", "adaptive"]},
    "duration": described.whole(-1, 86_400, description="Seconds; -1 leaves it to the model."),
    "frames": described.whole(0, 86_400, description="Goes before `duration`."),
    "seed": described.whole(-1, 2**32 - 1, description="-1: at random."),
    "camera_fixed": _FLAG,
    "watermark": _FLAG,
    "generate_audio": _FLAG,
    "draft": _FLAG,
    "return_last_frame": {**_FLAG, "description": "The last frame is kept as a picture, too."},
    "service_tier": {**_TEXT, "description": "`flex` is cheaper, and takes up to two days."},
    "execution_expires_after": described.whole(3_600, 259_200),
    "priority": described.whole(0, 86_400),
    "tools": described.array({"type": "object"}, maxItems=bodies.MOST_ITEMS),
    "output_format": {**_TEXT, "examples": ["mp4", "mov"]},
    "omni_reference_task_type": _TEXT,
    "safety_identifier": {**_TEXT, "maxLength": 64},
    "callback_url": {**_TEXT, "format": "uri"},
    "provider": {**_TEXT, "description": "Reelkeep's own: the provider to use, by name. It does not travel."},
}
_BODIES: Mapping[str, Json] = {
    "Submission": described.record(
        {
            "model": {**_TEXT, "minLength": 1, "maxLength": 256},
            "content": described.array(_ITEM, minItems=1, maxItems=bodies.MOST_ITEMS),
            **_nullable(_OPTIONS),
        },
        required=("model", "content"),
        examples=[
            {
                "model": "doubao-seedance-1-5-pro-251215",
                "content": [
                    {"type": "text", "text": "a paper boat"},
                    {
                        "type": "image_url",
                        "image_url": {"url": "https://example.com/boat.png"},
                        "role": "first_frame",
                    },
                ],
                "resolution": "720p",
                "duration": 5,
                "return_last_frame": True,
            }
        ],
    ),
    "TaskId": described.record({"id": _TEXT, "safety_identifier": _TEXT}, required=("id",)),
    "TaskList": described.record(
        {
            "items": described.array({"$ref": f"#/components/schemas/{_PREFIX}Task"}),
            "total": {**_NUMBER, "description": "On all pages."},
        }
    ),
    "Nothing": {"type": "object"},
    "Error": described.record(
        {"error": described.record({"code": _TEXT, "message": _TEXT, "param": _TEXT, "type": _TEXT})}
    ),
}
