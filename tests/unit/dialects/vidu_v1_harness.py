"""What the tests of Vidu's v1 share: its routes as calls, and submissions."""

from __future__ import annotations

from reelkeep.dialects.vidu_v1.server import dialect
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import BOAT, Speaker, values

v1 = Speaker(dialect)

TEXT = {"type": "text", "content": "a paper boat", "enhance": True}
IMAGE = {"type": "image", "content": BOAT, "enhance": True}
USUAL = {"style": "general", "aspect_ratio": "16:9", "duration": 4, "model": "vidu-1"}
SUBMISSION = {"type": "text2video", "input": {"prompts": [TEXT]}, "settings": USUAL}


def asked(kind: str = "text2video", *prompts: Json, settings: Json = USUAL, **given_: Json) -> Json:
    return {"type": kind, "input": {"prompts": list(prompts), **given_}, "settings": settings}


NAMES = (
    "type", "input", "settings", "prompts", "content", "creation_id", "model", "duration", "aspect_ratio", "id",
    "state", "creations", "uri", "url", "nomark_uri", "video", "err_code", "reason", "negative", "lang",
)  # fmt: skip
ANYTHING = values(NAMES, "success", "failed", "text", "image", "img2video", "upscale", "TaskNotFound", TEXT, IMAGE, 4)
