"""Pictures, in formats that take base64 without `data:` before it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from reelkeep.dialects.families.form_data import picture
from reelkeep.dialects.translate import Image

Picture = Annotated[
    Image,
    BeforeValidator(picture),
    WithJsonSchema({"type": "string", "description": "An http(s) URL, or base64 without `data:` before it."}),
]


def bare(image: str) -> str:
    """As such a format writes it."""
    return image.partition(";base64,")[2] if image.startswith("data:") else image
