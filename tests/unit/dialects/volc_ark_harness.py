"""What the tests of Ark share: its routes as calls, and submissions."""

from __future__ import annotations

from zlib import crc32

from reelkeep.dialects.volc_ark.server import dialect
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import BOAT, TASK_ID, Speaker

ark = Speaker(dialect)
SUBMISSION = ark.golden("submission")
MODEL = SUBMISSION["model"]
TASKS = "/contents/generations/tasks"
CGT = "cgt-20260106080000-abcde"
MARK = 172_799 - crc32(TASK_ID.encode()) % 86_400
TEXT = {"type": "text", "text": "a paper boat"}


def image(role: str = "", url: str = BOAT) -> Json:
    return {"type": "image_url", "image_url": {"url": url}, **({"role": role} if role else {})}


def asked(*content: Json, **fields: Json) -> Json:
    return {"model": MODEL, "content": list(content or [TEXT]), **fields}
