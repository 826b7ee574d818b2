"""The body that asks for a task of Vidu's v1, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reelkeep.dialects.dialect import LARGEST_BODY
from reelkeep.dialects.families import vidu
from reelkeep.dialects.grammar import foreign
from reelkeep.dialects.grammar.strict import IMAGE, LONGEST_PROMPT, RATIO, URL, Fields
from reelkeep.domain.errors import InvalidRequest, ItemCountOutOfRange
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

MOST_PROMPTS = 20
_IMAGES = {  # how many there must be, at least and at most
    Kind.TEXT2VIDEO: (0, 0),
    Kind.IMG2VIDEO: (1, 1),
    Kind.REFERENCE2VIDEO: (1, 7),
    Kind.START_END2VIDEO: (2, 2),
    Kind.UPSCALE: (0, 0),
}
KINDS = {vidu.TYPES[kind]: kind for kind in _IMAGES}
NO_CREATION = "0"
_USUAL: Mapping[str, Json] = {  # what these fields hold when they say nothing
    "style": "general",
    "movement_amplitude": "auto",
    "sample_count": 1,
    "schedule_mode": "normal",
    "editor_mode": "normal",
    "enhance": True,
}
_USUAL_SECONDS = 4


def read(sent: dict[str, Json]) -> dict[str, Any]:
    """The fields of a Request that this body says something of. Raises InvalidRequest, naming what is wrong."""
    body = Fields(sent)
    kind = KINDS[body.text("type", required=True, among=KINDS)]
    given, settings = body.part("input", required=True), body.part("settings", required=True)
    texts, images = _prompts_of(given)
    creation_id = given.text("creation_id", required=kind is Kind.UPSCALE)
    if creation_id == NO_CREATION:
        if kind is Kind.UPSCALE:
            raise given.wrong("creation_id", "must be the id of a creation")
        creation_id = ""
    if kind is Kind.TEXT2VIDEO and not texts:
        raise InvalidRequest("input.prompts must hold a text", field="input.prompts", missing=True)
    _check_images(kind, len(images), "input.prompts")
    newer = "model" not in settings.given and "model_version" in settings.given
    understood = {
        "kind": kind,
        "model": settings.text("model_version" if newer else "model", required=True),
        "prompt": "\n".join(texts),
        "images": images,
        "creation_id": creation_id,
        "duration": settings.whole("duration", required=True, least=1),
        "resolution": settings.text("resolution"),
        "aspect_ratio": settings.text("aspect_ratio", form=RATIO),
        "provider": body.text("provider"),
        "callback_url": body.text("callback_url", form=URL, longest=8192),
    }
    given.text("lang")
    return {**understood, "unexpressed": tuple(body.unread(_USUAL))}


def _prompts_of(given: Fields) -> tuple[list[str], tuple[str, ...]]:
    """Texts and images, in their order; other types of prompts are for the provider to understand."""
    texts, images = [], []
    for prompt in given.parts("prompts", most=MOST_PROMPTS):
        match prompt.text("type", required=True):
            case "text":
                text = prompt.text("content", required=True, longest=LONGEST_PROMPT)
                if not prompt.given.get("negative"):
                    texts.append(text)
            case "image":
                images.append(prompt.text("content", required=True, longest=LARGEST_BODY, form=IMAGE))
    return texts, tuple(images)


def _check_images(kind: Kind, count: int, field: str) -> None:
    least, most = _IMAGES[kind]
    if not least <= count <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise ItemCountOutOfRange(f"{field}: {vidu.TYPES[kind]} takes {wanted} images", field=field)


def write(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    if request.kind is Kind.UPSCALE:
        # It makes what others call 1080p of a small video, and cannot be told to do more.
        resolution = "" if request.resolution == "1080p" else request.resolution
        plain = replace(request, resolution=resolution, audio=None)
        foreign.check(plain, kinds=_IMAGES, says=("creation_id", "duration"))
        if not request.creation_id:
            raise InvalidRequest("creation_id is required at this provider", field="creation_id", missing=True)
        settings = {"model": request.model or "stable", "duration": request.duration or _USUAL_SECONDS}
        return {"type": "upscale", "input": {"creation_id": request.creation_id}, "settings": settings}
    silent = replace(request, audio=request.audio or None)  # as its videos are
    foreign.check(silent, kinds=_IMAGES, says=("prompt", "images", "duration", "resolution", "aspect_ratio"))
    _check_images(request.kind, len(request.images), "images")
    if not request.model:
        raise InvalidRequest("model is required at this provider", field="model", missing=True)
    settings = {
        "style": "general",
        "aspect_ratio": foreign.ratio(request),
        "duration": request.duration or _USUAL_SECONDS,
        "model": request.model,
        "resolution": request.resolution,
    }
    contents = [("text", request.prompt)] if request.prompt else []
    contents += [("image", image) for image in request.images]
    return {
        "type": vidu.TYPES[request.kind],
        "input": {"prompts": [{"type": kind, "content": content, "enhance": True} for kind, content in contents]},
        "settings": {name: value for name, value in settings.items() if value},
    }
