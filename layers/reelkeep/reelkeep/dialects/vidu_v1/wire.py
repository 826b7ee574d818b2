"""The bodies of Vidu's v1: what clients send, what they get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

from reelkeep.dialects.families.vidu import TYPES
from reelkeep.dialects.translate import Body, Part, cannot, means, only_here
from reelkeep.dialects.values import IMAGE, Name, Ratio, Seconds, Whole, without_line_breaks
from reelkeep.dialects.vidu_v1 import NO_CREATION
from reelkeep.domain.errors import InvalidRequest, ItemCountOutOfRange, Missing
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_MOST_PROMPTS = 20
_LONGEST_TEXT = 5000
_IMAGE = f"^({IMAGE})"
_USUAL_SECONDS = 4
_IMAGES = {  # how many there must be, at least and at most
    Kind.TEXT2VIDEO: (0, 0),
    Kind.IMG2VIDEO: (1, 1),
    Kind.REFERENCE2VIDEO: (1, _MOST_PROMPTS),
    Kind.START_END2VIDEO: (2, 2),
    Kind.UPSCALE: (0, 0),
}


class Prompt(Part):
    type: Name = Field(description="text or image; the provider may know more.")
    content: str | None = Field(
        None, validate_default=True, description="The text, or the image: a URL, or a data: URI in base64."
    )
    negative: bool = only_here(False)
    enhance: bool = only_here(True)
    recaption: str | None = only_here()

    @field_validator("content")
    @classmethod
    def _fits_its_type(cls, content: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("type")
        if content is None and kind in ("text", "image"):
            raise PydanticKnownError("missing")
        if content and kind == "text" and len(content) > _LONGEST_TEXT:
            raise PydanticKnownError("string_too_long", {"max_length": _LONGEST_TEXT})
        if content and kind == "image" and not re.match(_IMAGE, content):
            raise PydanticKnownError("string_pattern_mismatch", {"pattern": _IMAGE})
        return content

    def unexpressed(self, place: str = "") -> Iterator[str]:
        if self.type not in ("text", "image"):
            yield f"{place}content"
        yield from super().unexpressed(place)


class Input(Part):
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"prompts": ("images", "prompt")}

    creation_id: Name | None = means(
        "creation_id", none=NO_CREATION, says="What to upscale: one of ours, or the provider's own."
    )
    prompts: list[Prompt] = Field([], max_length=_MOST_PROMPTS)
    lang: Name | None = only_here(matters=False)
    editor_mode: Name = only_here("normal")

    def understood(self) -> dict[str, Any]:
        texts = [each.content or "" for each in self.prompts if each.type == "text" and not each.negative]
        images = [without_line_breaks(each.content or "") for each in self.prompts if each.type == "image"]
        return super().understood() | {"prompt": "\n".join(texts), "images": tuple(images)}

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        contents = [("text", request.prompt)] if request.prompt else []
        contents += [("image", image) for image in request.images]
        return {"prompts": [{"type": kind, "content": content, "enhance": True} for kind, content in contents]}


class Settings(Part):
    model: Name = means("model", ...)
    duration: Seconds = means("duration", ..., says="In seconds.")
    style: Name = only_here("general")
    aspect_ratio: Ratio | None = means("aspect_ratio")
    resolution: Name | None = means("resolution")
    codec: Name | None = means("codec", examples=["h265"])
    movement_amplitude: Name = only_here("auto")
    sample_count: Annotated[int, Whole()] = only_here(1)
    schedule_mode: Name = only_here("normal")

    @classmethod
    def prepare(cls, sent: dict[str, Json]) -> dict[str, Json]:
        """The model's newer name is model_version."""
        newer = "model_version" in sent and "model" not in sent
        return {"model" if newer and name == "model_version" else name: value for name, value in sent.items()}

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        return {"style": "general", "duration": _USUAL_SECONDS, **super().express(request)}


class Submission(Body):
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"": ("audio",)}  # its videos are silent

    type: Literal["text2video", "img2video", "character2video", "headtailimg2video", "upscale"] = means(
        "kind", ..., words={TYPES[kind]: kind for kind in _IMAGES}
    )
    input: Input
    settings: Settings

    def understood(self) -> dict[str, Any]:
        asked = super().understood()
        kind, prompts = asked["kind"], "input.prompts"
        if kind is Kind.UPSCALE and not asked.get("creation_id"):
            kind_of_error = InvalidRequest if self.input.creation_id else Missing
            raise kind_of_error("input.creation_id must be the id of a creation", field="input.creation_id")
        if kind is Kind.TEXT2VIDEO and not asked["prompt"]:
            raise Missing(f"{prompts} must hold a text", field=prompts)
        least, most = _IMAGES[kind]
        if not least <= len(asked["images"]) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ItemCountOutOfRange(f"{prompts}: {TYPES[kind]} takes {wanted} images", field=prompts)
        return asked

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        if request.audio:
            raise cannot("audio")
        return {"type": TYPES[request.kind], **super().express(request)}


class Upscale(Body):
    """The submission that another format's upscale becomes: it makes what others call 1080p of a small video."""

    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "": ("audio", "resolution"),
        "input": ("creation_id",),
        "settings": ("duration",),
    }

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        if request.resolution not in ("", "1080p"):
            raise cannot("resolution")
        if not request.creation_id:
            raise Missing("creation_id is required at this provider", field="creation_id")
        settings = {"model": request.model or "stable", "duration": request.duration or _USUAL_SECONDS}
        return {"type": "upscale", "input": {"creation_id": request.creation_id}, "settings": settings}


BODIES: Mapping[Kind, type[Body]] = {**dict.fromkeys(_IMAGES, Submission), Kind.UPSCALE: Upscale}
