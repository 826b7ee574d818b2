"""What the OpenAPI document says of tasks, beyond the bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelkeep.dialects.reelkeep.openapi import EXAMPLE_TASK, answer, in_path, located, problems, schema_named, takes
from reelkeep.dialects.reelkeep.tasks.listing import LARGEST_PAGE, USUAL_PAGE
from reelkeep.dialects.reelkeep.tasks.submissions import KINDS
from reelkeep.domain.task import FailureClass, Kind, State
from reelkeep.domain.wire import Json

if TYPE_CHECKING:
    from reelkeep.dialects.reelkeep.tasks import bodies

_FILES = f"https://reelkeep.example.com/files/Zm9yIGV2ZXIgYW5kIGEgZGF5/{EXAMPLE_TASK}"
_VIDEO: bodies.File = {
    "name": "video",
    "url": f"{_FILES}/1-video.mp4",
    "bytes": 4_193_280,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "crc32": None,
    "content_type": "video/mp4",
}
_COVER: bodies.File = {
    "name": "cover",
    "url": f"{_FILES}/1-cover.jpeg",
    "bytes": 81_920,
    "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "crc32": None,
    "content_type": "image/jpeg",
}
_TASK: bodies.Task = {
    "id": EXAMPLE_TASK,
    "state": State.QUEUEING,
    "kind": Kind.TEXT2VIDEO,
    "provider": "vidu",
    "model": "viduq3-pro",
    "prompt": "A paper boat on a pond at dawn",
    "images": [],
    "video_url": None,
    "creation_id": None,
    "template": None,
    "duration": 5,
    "resolution": None,
    "aspect_ratio": None,
    "seed": None,
    "audio": None,
    "off_peak": False,
    "payload": "job-1",
    "tags": ["campaign-7"],
    "created_at": "2026-11-21T12:00:00.200000Z",
    "updated_at": "2026-11-21T12:00:01Z",
    "finished_at": None,
    "deadline": "2026-11-21T14:00:00.200000Z",
    "credits": 20,
    "failure": None,
    "last_error": None,
    "adopted": None,
    "adopted_as": None,
    "possible_repeat": None,
    "creations": [],
}
_DONE: bodies.Task = {
    **_TASK,
    "state": State.SUCCESS,
    "seed": 1_234_567,
    "updated_at": "2026-11-21T12:01:17Z",
    "finished_at": "2026-11-21T12:01:17Z",
    "creations": [
        {
            "id": "885000000000000777",
            "url": _VIDEO["url"],
            "cover_url": _COVER["url"],
            "watermarked_url": None,
            "last_frame_url": None,
            "moderation_urls": [],
            "video": {"duration": 5.04, "fps": 24.0, "width": 1280, "height": 720},
            "files": [_VIDEO, _COVER],
        }
    ],
}
_CANCELLED: bodies.Task = {
    **_TASK,
    "state": State.CANCELLED,
    "updated_at": "2026-11-21T12:00:20Z",
    "finished_at": "2026-11-21T12:00:20Z",
    "failure": {
        "reason": FailureClass.CANCELLED,
        "code": "UserCancelled",
        "message": "cancelled by the client",
        "retryable": False,
    },
}


def _filter(name: str, meaning: str, **schema: Json) -> dict[str, Json]:
    return {"name": name, "in": "query", "description": meaning, "schema": schema}


def _any_of(name: str, meaning: str, **item: Json) -> dict[str, Json]:
    items = item if "$ref" in item else {"type": "string", "minLength": 1, "maxLength": 256, **item}
    schema = {"type": "array", "items": items}
    return {"name": name, "in": "query", "description": meaning, "schema": schema, "explode": True}


_OF_ONE = [in_path("task_id", EXAMPLE_TASK, "The task's id.")]

SUBMIT: Mapping[str, Json] = {
    "operationId": "submitTask",
    "summary": "Submit a task",
    "description": (
        "The task is recorded before the provider is called, and seen through whatever happens then. "
        "What is refused with 4xx is not generated, and not paid for."
    ),
    "requestBody": takes(
        "NewTask",
        examples={
            name: {"value": body.model_config["json_schema_extra"]["examples"][0]}  # type: ignore[index]  # they all have one
            for name, body in KINDS.items()
        },
    ),
    "responses": {
        "201": answer(
            "The task, as it was taken in.",
            "Task",
            _TASK,
            headers=located("task", f"/tasks/{EXAMPLE_TASK}"),
        ),
        **problems("invalid-request", "no-credit", "body-too-large", "refused-by-provider", "throttled-by-provider"),
    },
}
LIST: Mapping[str, Json] = {
    "operationId": "listTasks",
    "summary": "List tasks, newest first",
    "description": (
        "A task is listed if it fits every filter. A filter that is repeated admits any of its values. Pages "
        "stay as they are while new tasks arrive."
    ),
    "parameters": [
        _filter("created_from", "Created at this time or later.", type="string", format="date-time"),
        _filter("created_to", "Created at this time or earlier.", type="string", format="date-time"),
        _any_of("task_id", "With one of these ids, 100 at most.", pattern="^[0-9a-f]{32}$", examples=[EXAMPLE_TASK]),
        _any_of("state", "In one of these states.", **schema_named("TaskState")),
        _any_of("model", "For one of these models.", examples=["viduq3-pro"]),
        _any_of("resolution", "In one of these resolutions, as they were asked for.", examples=["720p"]),
        _any_of("template", "With one of these templates."),
        _filter(
            "limit",
            "How many tasks a page holds; fewer if they are very long.",
            type="integer",
            minimum=1,
            maximum=LARGEST_PAGE,
            default=USUAL_PAGE,
        ),
        _filter("cursor", "The `next_cursor` of the page before.", type="string", pattern="^[A-Za-z0-9_-]{22}$"),
    ],
    "responses": {
        "200": answer("One page.", "TaskPage", {"tasks": [_DONE], "next_cursor": None}),
        **problems("invalid-request"),
    },
}
SHOW: Mapping[str, Json] = {
    "operationId": "showTask",
    "summary": "Show a task",
    "description": "A task whose state is `success` has every file of every creation in the archive.",
    "parameters": _OF_ONE,
    "responses": {"200": answer("The task.", "Task", _DONE), **problems("not-found")},
}
CANCEL: Mapping[str, Json] = {
    "operationId": "cancelTask",
    "summary": "Cancel a task",
    "description": "Possible until the provider has begun to work on it.",
    "parameters": _OF_ONE,
    "responses": {
        "200": answer("The task, cancelled.", "Task", _CANCELLED),
        **problems("not-found", "cannot-cancel"),
    },
}
