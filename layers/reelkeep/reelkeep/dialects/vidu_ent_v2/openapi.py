"""What the OpenAPI document says of Vidu's ent/v2, beyond the bodies."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.grammar.query import LARGEST_NUMBER
from reelkeep.dialects.vidu_ent_v2 import LARGEST_PAGE
from reelkeep.domain.wire import Json

SCHEMAS = "ViduEntV2"  # what the names of the bodies' schemas begin with


def _holds(schema: str, **more: Json) -> dict[str, Json]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{SCHEMAS}{schema}"}, **more}}


def _answers(meaning: str, schema: str, example: Json) -> dict[str, Json]:
    error = {
        "code": 400,
        "reason": "FieldLacking",
        "message": "model is required",
        "metadata": {"trace_id": "1-695c8f00-0a1b2c3d4e5f"},
    }
    fault = {"code": 500, "reason": "InternalServiceFailure", "message": "internal service failure"}
    return {
        "200": {"description": meaning, "content": _holds(schema, example=example)},
        "4XX": {"description": "Refused; `reason` says why.", "content": _holds("Error", example=error)},
        "5XX": {
            "description": "Our fault.",
            "content": _holds("Error", example=fault | {"metadata": {"trace_id": ""}}),
        },
    }


def _parameter(name: str, meaning: str, kind: str = "array", **schema: Json) -> dict[str, Json]:
    items: dict[str, Json] = {"items": {"type": "string", **schema}} if kind == "array" else schema
    return {
        "name": name,
        "in": "query",
        "description": meaning,
        "schema": {"type": kind, **items},
        **({"explode": True} if kind == "array" else {}),
    }


_TASK_ID = {"name": "task_id", "in": "path", "required": True, "schema": {"type": "string"}}
_EXAMPLE_ID = "019b91f8d40000112233445566778899"
_EXAMPLE_CREATION = {
    "id": "885000000000000777",
    "url": f"https://reelkeep.example.com/files/nOZ4/{_EXAMPLE_ID}/1-video.mp4",
    "cover_url": f"https://reelkeep.example.com/files/b0qX/{_EXAMPLE_ID}/1-cover.jpeg",
    "watermarked_url": "",
    "moderation_url": [],
    "video": {"duration": 5.04, "fps": 24, "resolution": {"width": 1280, "height": 720}},
}
_EXAMPLE_TASK = {
    "type": "img2video",
    "model": "viduq2-pro",
    "prompt": "a paper boat",
    "images": ["https://example.com/boat.png"],
    "duration": 5,
    "resolution": "720p",
    "aspect_ratio": "",
    "created_at": "2026-01-06T08:00:00.123456Z",
    "credits": 20,
}


def describe_submit(segment: str) -> Mapping[str, Json]:
    example = {
        "task_id": _EXAMPLE_ID,
        "state": "queueing",
        **_EXAMPLE_TASK,
        "style": "general",
        "seed": 0,
        "movement_amplitude": "auto",
        "payload": "job-1",
        "bgm": False,
        "audio_type": "",
        "off_peak": False,
        "watermark": False,
        "wm_position": "unspecified",
        "wm_url": "",
        "meta_data": "",
        "is_rec": False,
        "cus_priority": 0,
        "client_request_id": "",
    }
    body = "".join(word.capitalize() for word in segment.split("-"))
    return {
        "operationId": f"submit{SCHEMAS}{body}",
        "summary": f"Submit a task: {segment}",
        "description": "The answer repeats what was asked for. Fields that Vidu adds later pass, too.",
        "requestBody": {"required": True, "content": _holds(body)},
        "responses": _answers("The task as it was taken in", "Submitted", example),
    }


SHOW: Mapping[str, Json] = {
    "operationId": f"show{SCHEMAS}Task",
    "summary": "A task's state and its creations",
    "description": "There are creations once it is a success, and their links stay.",
    "parameters": [_TASK_ID],
    "responses": _answers(
        "The task",
        "TaskCreations",
        {
            "id": _EXAMPLE_ID,
            "state": "success",
            "err_code": "",
            "credits": 20,
            "payload": "job-1",
            "bgm": False,
            "off_peak": False,
            "creations": [_EXAMPLE_CREATION],
        },
    ),
}
LIST: Mapping[str, Json] = {
    "operationId": f"list{SCHEMAS}Tasks",
    "summary": "Tasks, newest first",
    "description": "Each filter admits any of its values, and a task is listed if it fits all filters.",
    "parameters": [
        _parameter("created_at.from", "RFC 3339; 7 days before the end if absent", "string", format="date-time"),
        _parameter("created_at.to", "RFC 3339; now if absent", "string", format="date-time"),
        _parameter("task_ids", "Only these tasks"),
        _parameter("templates", "Only tasks with these templates"),
        _parameter("model_versions", "Short names such as 2.0 and q2-pro, or long ones such as viduq2-pro"),
        _parameter("resolutions", "Such as 720p"),
        _parameter("states", "Any if absent", enum=["created", "queueing", "processing", "success", "failed"]),
        _parameter("pager.page", "From 0", "integer", minimum=0, maximum=LARGEST_NUMBER, default=0),
        _parameter("pager.pagesz", "Tasks a page", "integer", minimum=1, maximum=LARGEST_PAGE, default=10),
        _parameter("pager.page_token", "The next_page_token of the page before; goes before pager.page", "string"),
    ],
    "responses": _answers(
        "One page; next_page_token is empty on the last",
        "TaskList",
        {
            "next_page_token": "",
            "tasks": [
                {
                    "id": _EXAMPLE_ID,
                    "key_id": "key-1",
                    **_EXAMPLE_TASK,
                    "state": "success",
                    "creations": [_EXAMPLE_CREATION],
                }
            ],
        },
    ),
}
CANCEL: Mapping[str, Json] = {
    "operationId": f"cancel{SCHEMAS}Task",
    "summary": "Cancel a task that has not begun",
    "description": "Possible until the provider has begun to work on it.",
    "parameters": [_TASK_ID],
    "responses": _answers("Cancelled", "Nothing", {}),
}
