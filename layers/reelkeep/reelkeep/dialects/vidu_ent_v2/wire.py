"""The bodies of Vidu's ent/v2: what clients send, one for each kind of task, and what they get.

What the documentation says of a kind is checked. What it says of a model is not: the provider knows its models, so
new ones need no new release here. Source: platform.vidu.com/docs, one page for each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from reelkeep.dialects.translate import Body, Part, means, only_here
from reelkeep.dialects.values import Film, Image, Name, Prompt, Ratio, Seconds, Url, Whole, unless
from reelkeep.domain.errors import Missing
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_MOST_IMAGES = 100  # Vidu's newest model takes 15; the limit is there to have one
_Seed = Annotated[int, Whole(0, 2**63 - 1)]


class Submission(Body):
    """What every kind has."""

    # Kinds that do not require a model have only one.
    model: Name | None = means("model", write=lambda _: None)
    payload: Annotated[str, Field(max_length=1_048_576)] | None = means(
        "payload", says="Comes back unchanged with every answer."
    )


class Video(Submission):
    """What the kinds that generate from a prompt or images have in common."""

    model: Name = means("model", ...)
    prompt: Prompt | None = means("prompt")
    duration: Seconds | None = means("duration")
    seed: _Seed | None = means("seed", none=0, says="0: at random.")
    resolution: Name | None = means("resolution", examples=["720p"])
    movement_amplitude: Literal["auto", "small", "medium", "large"] = only_here("auto")
    bgm: bool = only_here(False)
    audio: bool | None = means("audio")
    audio_type: Name | None = only_here()
    voice_id: Name | None = only_here()
    is_rec: bool = only_here(False)
    off_peak: bool = means("off_peak", False, says="Cheaper; done within 48 hours.")
    watermark: bool | None = means("watermark")
    wm_position: Literal[1, 2, 3, 4, "unspecified", "top_left", "top_right", "bottom_right", "bottom_left"] | None = (
        only_here()
    )
    wm_url: Url | None = only_here()
    meta_data: str | None = only_here()

    def understood(self) -> dict[str, Any]:
        """With Vidu's defaults, so that a listing by resolution finds the task."""
        old, q1 = self.model.startswith(("vidu1.5", "vidu2.0")), self.model.startswith("viduq1")
        duration = self.duration or (4 if old else 5)
        usual = "1080p" if q1 else "360p" if old and duration == 4 else "720p"
        return super().understood() | {"duration": duration, "resolution": self.resolution or usual}

    def presumed(self) -> Iterator[str]:
        yield from super().presumed()
        yield from (name for name in ("duration", "resolution") if not getattr(self, name))


class Text2video(Video):
    kind = Kind.TEXT2VIDEO
    prompt: Prompt = means("prompt", ...)
    style: Literal["general", "anime"] = only_here("general")
    aspect_ratio: Ratio | None = means("aspect_ratio")


class Img2video(Video):
    kind = Kind.IMG2VIDEO
    images: list[Image] = means("images", ..., min_length=1, max_length=1)


class Subject(Part):
    id: Name | None = None
    name: Name | None = None
    images: list[Image] = Field([], max_length=_MOST_IMAGES)
    videos: list[Film] = Field([], max_length=_MOST_IMAGES)
    voice_id: Name | None = None


class Reference2video(Video):
    kind = Kind.REFERENCE2VIDEO
    prompt: Prompt = means("prompt", ...)
    subjects: list[Subject] = only_here([], max_length=_MOST_IMAGES)
    images: Annotated[list[Image], unless("subjects")] = means(
        "images", [], max_length=_MOST_IMAGES, validate_default=True
    )
    aspect_ratio: Ratio | None = means("aspect_ratio")


class StartEnd2video(Video):
    kind = Kind.START_END2VIDEO
    images: list[Image] = means("images", ..., min_length=2, max_length=2)


class Template2video(Submission):
    kind = Kind.TEMPLATE2VIDEO
    template: Name = means("template", ...)
    images: list[Image] = means("images", ..., min_length=1, max_length=_MOST_IMAGES)
    prompt: Prompt | None = means("prompt")
    seed: _Seed | None = means("seed", none=0, says="0: at random.")
    aspect_ratio: Ratio | None = means("aspect_ratio")
    area: Name | None = only_here()
    beast: Name | None = only_here()
    bgm: bool = only_here(False)


class _FromVideo(Submission):
    """Takes an earlier creation, or any video; the creation wins."""

    video_creation_id: Name | None = means("creation_id")
    video_url: Annotated[Film | None, unless("video_creation_id")] = means("video_url", validate_default=True)


class Extend(_FromVideo):
    kind = Kind.EXTEND
    model: Name = means("model", ...)
    images: list[Image] = means("images", [], max_length=1, says="The last frame.")
    prompt: Prompt | None = means("prompt")
    duration: Seconds = means("duration", 5)
    resolution: Name = means("resolution", "720p")


class UpscaleNew(_FromVideo):
    kind = Kind.UPSCALE
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"": ("duration",)}  # it is as long as its source

    upscale_resolution: Literal["1080p", "2K", "4K", "8K"] = means("resolution", "1080p")


class LipSync(Submission):
    kind = Kind.LIP_SYNC
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"audio_url": ("prompt",), "text": ("prompt",)}

    video_url: Film = means("video_url", ...)
    text: Annotated[str, Field(max_length=2000)] | None = only_here(
        says="At least 4 letters, or 2 Chinese characters."
    )
    audio_url: Annotated[Url | None, unless("text")] = only_here(validate_default=True)
    speed: Annotated[float, Field(ge=0.5, le=2)] = only_here(1.0)
    voice_id: Name | None = only_here()
    volume: Annotated[float, Field(ge=0, le=10)] = only_here(0.0)
    ref_photo_url: Image | None = only_here()

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        return {**super().express(request), "text": request.prompt}


class KeyFrame(Part):
    key_image: Image
    prompt: Prompt | None = only_here()
    duration: Seconds = only_here(5)


class Multiframe(Submission):
    kind = Kind.MULTIFRAME
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "start_image": ("images",),
        "image_settings": ("images", "prompt"),
    }

    model: Name = means("model", ...)
    start_image: Image
    image_settings: list[KeyFrame] = Field(min_length=2, max_length=_MOST_IMAGES)
    resolution: Name = means("resolution", "720p")

    def understood(self) -> dict[str, Any]:
        images = (self.start_image, *(frame.key_image for frame in self.image_settings))
        return super().understood() | {"images": images}

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        if not request.images:
            raise Missing("images are required, in their order", field="images")
        first, *others = request.images
        frames = [{"key_image": image, "prompt": request.prompt} for image in others]
        return {**super().express(request), "start_image": first, "image_settings": frames}


BODIES: Mapping[Kind, type[Submission]] = {
    body.kind: body
    for body in (
        Text2video, Img2video, Reference2video, StartEnd2video, Template2video,
        Extend, UpscaleNew, LipSync, Multiframe,
    )
}  # fmt: skip
