"""What the OpenAPI document says of Vidu's v1."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.families import vidu
from reelkeep.dialects.grammar import described
from reelkeep.dialects.grammar.strict import LONGEST_WAY, RATIO
from reelkeep.dialects.vidu_v1.bodies import KINDS, MOST_PROMPTS, NO_CREATION
from reelkeep.domain.wire import Json

_PREFIX = "ViduV1"
_EXAMPLE_TASK: Mapping[str, Json] = {
    "id": described.EXAMPLE_ID,
    "input": {
        "creation_id": NO_CREATION,
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
    prefix=_PREFIX,
    error={
        "code": 400,
        "reason": "FieldLacking",
        "message": "settings.model is required",
        "metadata": {"trace_id": "1-695c8f00-0a1b2c3d4e5f"},
    },
    fault={
        "code": 500,
        "reason": "InternalServiceFailure",
        "message": "internal service failure",
        "metadata": {"trace_id": ""},
    },
)
SUBMIT = _describer.operation(
    "submitViduV1Task",
    "Submit a task",
    "Task",
    _EXAMPLE_TASK,
    body="Submission",
    description="Words and pictures are prompts alike; `type` says what is made of them.",
)
SHOW = _describer.operation(
    "showViduV1Task",
    "A task and its creations",
    "Task",
    _EXAMPLE_DONE,
    description="There are creations once it is a success, and their links stay.",
    parameters=[described.TASK_ID],
)
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
    "prompts": described.array(_PROMPT, maxItems=MOST_PROMPTS),
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
            "type": described.words(*KINDS),
            "input": described.record(_INPUT, required=()),
            "settings": described.record(_SETTINGS, required=("model", "duration")),
            "callback_url": {**described.TEXT, "format": "uri"},
            "provider": {**described.TEXT, "description": "Reelkeep's own: the provider to use. It does not travel."},
        },
        required=("type", "input", "settings"),
        examples=[
            {
                "type": "text2video",
                "input": {"prompts": [{"type": "text", "content": "a paper boat", "enhance": True}]},
                "settings": {"style": "general", "aspect_ratio": "16:9", "duration": 4, "model": "vidu-1"},
            },
            {
                "type": "upscale",
                "input": {"creation_id": "2370483030340581"},
                "settings": {"model": "stable", "duration": 4},
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
SCHEMAS: Mapping[str, Json] = {f"{_PREFIX}{name}": schema for name, schema in _BODIES.items()}
