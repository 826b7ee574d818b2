"""The bodies of vidu_native: what clients send, what they get."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reelkeep.dialects.translate import Body, cannot, means, only_here
from reelkeep.dialects.values import Image, Name, Prompt, Ratio, Seconds
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_KINDS = (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)  # by the number of images


class Submission(Body):
    model: Name = means("model", ...)
    prompt: Prompt = means("prompt", ...)
    images: list[Image] = means(
        "images",
        [],
        max_length=100,
        says="One is the first frame, two are the first and the last, more are what the video shows; "
        "with a model whose name ends in -components, all are.",
    )
    aspect_ratio: Ratio | None = means("aspect_ratio")
    size: Name | None = means(
        "resolution",
        read=lambda size: re.sub(r"(?<=\d)P$", "p", size),
        write=lambda size: re.sub(r"(?<=\d)p$", "P", size),
        says="Such as 720P.",
    )
    duration: Seconds | None = means("duration", says="In seconds.")
    enhance_prompt: bool = only_here(False)
    enable_upsample: bool = only_here(False)

    def understood(self) -> dict[str, Any]:
        return super().understood() | {"kind": _kind(self.model, len(self.images))}

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        if _kind(request.model, len(request.images)) is not request.kind:  # it would take them for something else
            raise cannot("images")
        return {**super().express(request), "images": list(request.images)}


BODIES: Mapping[Kind, type[Body]] = dict.fromkeys(_KINDS, Submission)


def _kind(model: str, images: int) -> Kind:
    """What the images are for follows from how many there are, but for Veo's models whose names end so."""
    if images and model.endswith("-components"):
        return Kind.REFERENCE2VIDEO
    return _KINDS[min(images, 3)]
