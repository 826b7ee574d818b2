"""The body that asks for a video under /vidu-native, as far as both sides need it."""

from __future__ import annotations

import re

from reelkeep.dialects.grammar import foreign
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json


def kind_of(model: str, images: int) -> Kind:
    """What the images are for follows from how many there are, but for Veo's models whose names end so."""
    if images and model.endswith("-components"):
        return Kind.REFERENCE2VIDEO
    return (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)[min(images, 3)]


def write(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    kinds = (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)
    foreign.check(request, kinds=kinds, says=("prompt", "images", "duration", "resolution", "aspect_ratio"))
    for name in ("model", "prompt"):
        if not getattr(request, name):
            raise InvalidRequest(f"{name} is required at this provider", field=name, missing=True)
    if kind_of(request.model, len(request.images)) is not request.kind:  # it would take them for something else
        raise foreign.cannot("images")
    fields = {
        "aspect_ratio": foreign.ratio(request),
        "size": re.sub(r"(?<=\d)p$", "P", request.resolution),
        "duration": request.duration,
    }
    return {
        "model": request.model,
        "prompt": request.prompt,
        "images": list(request.images),
        **{name: value for name, value in fields.items() if value},
    }
