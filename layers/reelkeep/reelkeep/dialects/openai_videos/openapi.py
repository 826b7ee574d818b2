"""What the OpenAPI document says of OpenAI's Videos."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from reelkeep.dialects.grammar import video_openapi
from reelkeep.dialects.grammar.described import TEXT, array, nullable, record, whole, words
from reelkeep.dialects.openai_videos import LARGEST_PAGE
from reelkeep.domain.wire import Json

_PREFIX = "OpenaiVideos"
_EXAMPLE: Json = {
    **video_openapi.EXAMPLE_TASK,
    "status": "completed",
    "progress": 100,
    "completed_at": 1_767_686_477,
    "expires_at": None,
    "prompt": "A paper boat on a pond at dawn",
    "remixed_from_video_id": None,
    "seconds": "5",
    "size": "1280x720",
    "error": None,
    "metadata": {"url": video_openapi.LINK},
}
_QUEUED = {name: value for name, value in _EXAMPLE.items() if name != "metadata"} | {
    "status": "queued",
    "progress": 0,
    "completed_at": None,
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{_PREFIX}{name}"}


_MOMENT = nullable({"type": "integer", "description": "Unix time, in seconds."})
_BODIES: Mapping[str, Json] = {
    "Error": video_openapi.ERROR,
    "Create": video_openapi.asked(
        {"model": "viduq3-pro", "prompt": "A paper boat on a pond at dawn", "seconds": "5", "size": "1280x720"},
        seconds=video_openapi.SECONDS,
        input_reference={
            "anyOf": [video_openapi.IMAGE, _ref("ImageLink"), _ref("ImageFile")],
            "description": "The first frame.",
        },
    ),
    "ImageLink": record({"image_url": video_openapi.IMAGE}),
    "ImageFile": record({"file_id": {**TEXT, "description": "Of a file that was uploaded: there are none here."}}),
    "Form": record(
        {
            "model": TEXT,
            "prompt": TEXT,
            "seconds": TEXT,
            "size": TEXT,
            "input_reference": {**TEXT, "format": "binary", "description": "A picture, as a file or as a link."},
            "images[]": array(TEXT),
            "metadata[resolution]": {**TEXT, "description": "And whatever else metadata may hold, named so."},
        },
        required=("prompt",),
        examples=[{"model": "viduq3-pro", "prompt": "A paper boat on a pond at dawn", "seconds": "5"}],
    ),
    "Video": record(
        {
            "id": TEXT,
            "object": {"const": "video"},
            "model": TEXT,
            "status": words("queued", "in_progress", "completed", "failed"),
            "progress": whole(0, 100),
            "created_at": {"type": "integer"},
            "completed_at": _MOMENT,
            "expires_at": {"type": "null", "description": "Never."},
            "prompt": nullable(TEXT),
            "remixed_from_video_id": {"type": "null"},
            "seconds": TEXT,
            "size": {**TEXT, "description": "As it was asked for; once completed, as it is."},
            "error": nullable(record({"code": TEXT, "message": TEXT})),
            "metadata": record({"url": {**TEXT, "format": "uri", "description": "Permanent; needs no key."}}),
        },
        required=_QUEUED,
    ),
    "VideoList": record(
        {
            "object": {"const": "list"},
            "data": array(_ref("Video")),
            "first_id": nullable(TEXT),
            "last_id": nullable(TEXT),
            "has_more": {"type": "boolean"},
        }
    ),
    "Deleted": record({"id": TEXT, "object": {"const": "video.deleted"}, "deleted": {"const": True}}),
}
_describe = partial(video_openapi.operation, _PREFIX)


def _patient(operation: Mapping[str, Json]) -> Mapping[str, Json]:
    """The operation, whose answer says when to ask again."""
    header = {
        "description": "When to look again, until the video has come to its end.",
        "schema": {"type": "integer"},
        "example": 5000,
    }
    done = {**operation["responses"]["200"], "headers": {"openai-poll-after-ms": header}}
    return {**operation, "responses": {**operation["responses"], "200": done}}


SUBMIT = _patient(
    _describe(
        "submitOpenaiVideo",
        "Create a video",
        "Video",
        _QUEUED,
        asked={"application/json": "Create", "multipart/form-data": "Form"},
        description="What it is made of follows from what there is: words alone, or pictures too.",
    )
)
SHOW = _patient(
    _describe("showOpenaiVideo", "Retrieve a video", "Video", _EXAMPLE, description="The link to the file stays.")
)
LIST = _describe(
    "listOpenaiVideos",
    "List videos",
    "VideoList",
    {"object": "list", "data": [_EXAMPLE], "first_id": _EXAMPLE["id"], "last_id": _EXAMPLE["id"], "has_more": False},
    description="Every task of yours is a video here, in whatever format it came in.",
    parameters=[
        {"name": "after", "in": "query", "schema": TEXT, "description": "The id of the last video before the page."},
        {
            "name": "limit",
            "in": "query",
            "schema": whole(1, LARGEST_PAGE, default=20),
            "description": "How many videos a page holds.",
        },
        {
            "name": "order",
            "in": "query",
            "schema": words("asc", "desc", default="desc"),
            "description": "By when they were created.",
        },
    ],
)
REMOVE = _describe(
    "deleteOpenaiVideo",
    "Delete a video",
    "Deleted",
    {"id": _EXAMPLE["id"], "object": "video.deleted", "deleted": True},
    description="What has not begun is cancelled; what has ended is listed no more, and the archive keeps it.",
)
CONTENT: Mapping[str, Json] = {
    "operationId": "downloadOpenaiVideo",
    "summary": "Download a video",
    "description": "Leads to the file in the archive, once the video is completed.",
    "parameters": [
        {
            "name": "variant",
            "in": "query",
            "schema": words("video", "thumbnail", "spritesheet", default="video"),
            "description": "The film or its cover; there is never a spritesheet.",
        }
    ],
    "responses": {
        "302": {
            "description": "The file is at its permanent link.",
            "headers": {"Location": {"schema": {**TEXT, "format": "uri"}, "example": video_openapi.LINK}},
        },
        **video_openapi.refusals(_PREFIX),
    },
}
SCHEMAS: Mapping[str, Json] = {f"{_PREFIX}{name}": schema for name, schema in _BODIES.items()}
