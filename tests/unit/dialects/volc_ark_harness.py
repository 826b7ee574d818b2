"""What the tests of Ark share: its routes as calls, and submissions."""

from __future__ import annotations

from reelkeep.dialects.volc_ark.server import dialect
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import (
    BOAT,
    Speaker,
)

ark = Speaker(dialect)
SUBMISSION = ark.golden("submission")
MODEL = SUBMISSION["model"]
TEXT = {"type": "text", "text": "a paper boat"}


def image(role: str = "", url: str = BOAT) -> Json:
    return {"type": "image_url", "image_url": {"url": url}, **({"role": role} if role else {})}


def asked(*content: Json, **fields: Json) -> Json:
    return {"model": MODEL, "content": list(content or [TEXT]), **fields}
