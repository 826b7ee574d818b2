"""Kling's bodies: what clients send, one for each kind of task, and what they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from reelkeep.dialects.families.form_data import picture
from reelkeep.dialects.translate import Body, Part, means, only_here
from reelkeep.dialects.values import Film, Image, Name, Prompt, TextSeconds, unless
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

Picture = Annotated[
    Image,
    BeforeValidator(picture),
    WithJsonSchema({"type": "string", "description": "An http(s) URL, or base64 without `data:` before it."}),
]


def bare(image: str) -> str:
    """As Kling writes a picture."""
    return image.partition(";base64,")[2] if image.startswith("data:") else image


class Make(Part):
    mode: Name | None = means("resolution", words={"std": "720p", "pro": "1080p", "4k": "4K"})
    duration: TextSeconds | None = means("duration", write=str)

    def presumed(self) -> Iterator[str]:
        """A mode promises no size: what it makes differs from model to model."""
        yield from super().presumed()
        if self.mode:
            yield "resolution"


class Watermark(Part):
    enabled: bool | None = means("watermark", says="A second video has one.")


class Submission(Body):
    external_task_id: Name | None = means("payload", says="Comes back unchanged with every answer.")
    watermark_info: Watermark | None = None


class _Video(Make, Submission):
    model_name: Name = means("model", "kling-v1")
    multi_shot: bool = only_here(False, says="With `shot_type` and `multi_prompt`.")
    prompt: Prompt | None = means("prompt")
    negative_prompt: Prompt | None = only_here()
    sound: Name | None = means("audio", words={"on": True, "off": False})
    cfg_scale: Annotated[float, Field(ge=0, le=1)] = only_here(0.5)


class Text2video(_Video):
    kind = Kind.TEXT2VIDEO
    prompt: Annotated[Prompt | None, unless("multi_shot")] = means("prompt", validate_default=True)
    aspect_ratio: Name | None = means("aspect_ratio")


class Image2video(_Video):
    kind = Kind.IMG2VIDEO
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"image_tail": ("images",), "image": ("images",)}

    image: Picture | None = None
    image_tail: Annotated[Picture | None, unless("image")] = Field(None, validate_default=True)

    def understood(self) -> dict[str, Any]:
        """No other format has a last frame alone, so no other one gets it."""
        images = tuple(filter(None, (self.image, self.image and self.image_tail)))
        kind = Kind.START_END2VIDEO if images[1:] else Kind.IMG2VIDEO
        return super().understood() | {"kind": kind, "images": images}

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        images = zip(("image", "image_tail"), map(bare, request.images), strict=False)
        return {**super().express(request), **dict(images)}


class Listed(Part):
    image: Picture


class MultiImage2video(_Video):
    kind = Kind.REFERENCE2VIDEO
    model_name: Name = means("model", "kling-v1-6")
    image_list: list[Listed] = means(
        "images",
        ...,
        min_length=1,
        max_length=4,
        read=lambda listed: tuple(each.image for each in listed),
        write=lambda images: [{"image": bare(image)} for image in images],
    )
    aspect_ratio: Name | None = means("aspect_ratio")


class VideoExtend(Submission):
    kind = Kind.EXTEND
    video_id: Name = means("creation_id", ...)
    prompt: Prompt | None = means("prompt")


class Talk(Part):
    video_id: Name | None = means("creation_id")
    video_url: Annotated[Film | None, unless("video_id")] = means("video_url", validate_default=True)
    text: Prompt | None = means("prompt")


class LipSync(Submission):
    kind = Kind.LIP_SYNC
    input: Talk


class Effect(Make):
    """What it is made of (`images`, `image`) goes to Kling only, as its scenes do."""

    model_name: Name | None = means("model")


class Effects(Submission):
    kind = Kind.TEMPLATE2VIDEO
    effect_scene: Name = means("template", ...)
    input: Effect


BODIES: Mapping[Kind, type[Body]] = {  # Kling's voices and scenes are its own
    **{body.kind: body for body in (Text2video, Image2video, MultiImage2video, VideoExtend)},
    Kind.START_END2VIDEO: Image2video,
}
