"""What a client of ent/v2 may send: one body a kind, each understood and expressed as a Request.

The limits that the documentation states are checked. Unknown models, resolutions and fields pass, so that a
new model at the provider needs no new release here. Source: platform.vidu.com/docs, one page for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_URL = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]"
_IMAGE = r"^([hH][tT][tT][pP][sS]?://[^\s/?#]|data:image/[a-zA-Z0-9.+-]+;base64,[a-zA-Z0-9+/])"
_RATIO = r"^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$"
FORMS = {
    _URL: "must be an http(s) URL",
    _IMAGE: "must be an http(s) URL, or a data: URI that begins with data:image/…;base64,",
    _RATIO: "must be two whole numbers, as in 16:9",
}

Name = Annotated[str, Field(max_length=256)]  # may become part of a key in the table
Prompt = Annotated[str, Field(max_length=5000)]
Url = Annotated[str, Field(pattern=_URL, max_length=8192)]
Image = Annotated[str, Field(pattern=_IMAGE)]
Ratio = Annotated[str, Field(pattern=_RATIO)]
Seconds = Annotated[StrictInt, Field(ge=1, le=86_400)]
Seed = Annotated[StrictInt, Field(ge=0, le=2**63 - 1, description="0 or absent: at random")]

UNDERSTOOD = (
    "model", "prompt", "images", "video_url", "creation_id", "template", "duration", "resolution",
    "aspect_ratio", "seed", "audio", "watermark", "off_peak",
)  # fmt: skip
_OURS = ("payload", "callback_url", "provider")


def _example(body: Json) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [body]})


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_absent(cls, value: Any) -> Any:
        """Clients written in languages without optional values send "" or null for what they leave out."""
        if not isinstance(value, dict):
            return value
        return {name: item for name, item in value.items() if item is not None and item != ""}


class Body(_Part):
    """What every kind has."""

    kind: ClassVar[Kind]

    model: Name = ""
    payload: str = Field("", max_length=1_048_576, description="Comes back unchanged with every answer.")
    callback_url: Url | None = None
    provider: Name = Field("", description="Reelkeep's own: the provider to use, by name. It does not travel.")

    def understood(self) -> dict[str, Any]:
        """The fields of a Request that this body says something of."""
        said = {name: getattr(self, name) for name in _spoken_of(type(self))}
        return {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in said.items()
            if value is not None and (name, value) != ("seed", 0)  # at random
        }

    def unexpressed(self, body: Mapping[str, Json]) -> tuple[str, ...]:
        """What the client asked for, other than what is done anyway, that a Request has no field for."""
        understood, usual = _understood_of(type(self))
        return tuple(
            said for said, value in body.items() if value and said not in understood and value != usual.get(said)
        )

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        """The fields of this body that say what the request says."""
        body: dict[str, Json] = {}
        for name in UNDERSTOOD:
            value = getattr(request, name)
            if value in (None, "", ()) or (name in ("off_peak", "watermark") and not value):
                continue
            field = cls.model_fields.get(name)
            if field is None:
                raise InvalidRequest(f"{name} cannot be said with {cls.kind} at this provider", field=name)
            if name != "model" or field.is_required():  # the other kinds know one model only
                body[field.alias or name] = list(value) if isinstance(value, tuple) else value
        return body


@cache
def _spoken_of(body: type[Body]) -> tuple[str, ...]:
    """Which fields of a Request it has; to ask pydantic for one that is not there takes long."""
    return tuple(name for name in (*UNDERSTOOD, *_OURS) if name in body.model_fields or hasattr(body, name))


@cache
def _understood_of(body: type[Body]) -> tuple[frozenset[str], dict[str, Json]]:
    """Of its fields, by the names that clients know: those that a Request has, and what they are by default."""
    fields = {field.alias or name: (name, field.default) for name, field in body.model_fields.items()}
    understood = frozenset(said for said, (name, _) in fields.items() if name in (*UNDERSTOOD, *_OURS))
    return understood, {said: usual for said, (_, usual) in fields.items()}


class Video(Body):
    """What the kinds that generate from a prompt or images have in common."""

    model: Name
    prompt: Prompt = ""
    duration: Seconds | None = None
    seed: Seed | None = None
    resolution: Name = Field("", examples=["720p"])
    movement_amplitude: Literal["auto", "small", "medium", "large"] = "auto"
    bgm: StrictBool = False
    audio: StrictBool | None = None
    audio_type: Name = ""
    voice_id: Name = ""
    is_rec: StrictBool = False
    off_peak: StrictBool = Field(False, description="Cheaper; done within 48 hours.")
    watermark: StrictBool | None = None
    wm_position: Literal[1, 2, 3, 4, "unspecified", "top_left", "top_right", "bottom_right", "bottom_left"] | None = (
        None
    )
    wm_url: Url | None = None
    meta_data: str = ""

    def understood(self) -> dict[str, Any]:
        """With Vidu's defaults, so that a listing by resolution finds the task."""
        old, q1 = self.model.startswith(("vidu1.5", "vidu2.0")), self.model.startswith("viduq1")
        duration = self.duration or (4 if old else 5)
        usual = "1080p" if q1 else "360p" if old and duration == 4 else "720p"
        return super().understood() | {"duration": duration, "resolution": self.resolution or usual}


class Text2video(Video):
    kind = Kind.TEXT2VIDEO
    model_config = _example({"model": "viduq3-pro", "prompt": "a paper boat on a pond", "duration": 5})

    prompt: Prompt
    style: Literal["general", "anime"] = "general"
    aspect_ratio: Ratio | None = None


class Img2video(Video):
    kind = Kind.IMG2VIDEO
    model_config = _example({"model": "viduq2-pro", "images": ["https://example.com/boat.png"]})

    images: list[Image] = Field(min_length=1, max_length=1)


class Subject(_Part):
    id: Name = ""
    name: Name = ""
    images: list[Image] = Field([], max_length=3)
    videos: list[Url] = []
    voice_id: Name = ""


class Reference2video(Video):
    kind = Kind.REFERENCE2VIDEO
    model_config = _example(
        {"model": "viduq2", "prompt": "the boat at dusk", "images": ["https://example.com/boat.png"]}
    )

    prompt: Prompt
    images: list[Image] = Field([], max_length=7)
    subjects: list[Subject] = Field([], max_length=7)
    aspect_ratio: Ratio | None = None

    @model_validator(mode="after")
    def _images_or_subjects(self) -> Self:
        if not self.images and not self.subjects:
            raise InvalidRequest("images (1 to 7) or subjects are required", field="images", missing=True)
        return self


class StartEnd2video(Video):
    kind = Kind.START_END2VIDEO
    model_config = _example(
        {
            "model": "viduq2-pro",
            "images": ["https://example.com/first.png", "https://example.com/last.png"],
        }
    )

    images: list[Image] = Field(min_length=2, max_length=2)


class Template2video(Body):
    kind = Kind.TEMPLATE2VIDEO
    model_config = _example({"template": "hugging", "images": ["https://example.com/two.png"]})

    template: Name
    images: list[Image] = Field(min_length=1)
    prompt: Prompt = ""
    seed: Seed | None = None
    aspect_ratio: Ratio | None = None
    area: Name = ""
    beast: Name = ""
    bgm: StrictBool = False


class _FromVideo(Body):
    """Takes an earlier creation, or any video; the creation wins."""

    creation_id: Name = Field("", alias="video_creation_id")
    video_url: Url | None = None

    @model_validator(mode="after")
    def _some_video(self) -> Self:
        if not self.creation_id and not self.video_url:
            message = "video_creation_id or video_url is required"
            raise InvalidRequest(message, field="video_url", missing=True)
        return self


class Extend(_FromVideo):
    kind = Kind.EXTEND
    model_config = _example({"model": "viduq2-pro", "video_creation_id": "885000000000000777"})

    model: Name
    images: list[Image] = Field([], max_length=1, description="The last frame.")
    prompt: Prompt = ""
    duration: StrictInt = Field(5, ge=1, le=7)
    resolution: Name = "720p"


class UpscaleNew(_FromVideo):
    kind = Kind.UPSCALE
    model_config = _example({"video_url": "https://example.com/boat.mp4", "upscale_resolution": "4K"})

    resolution: Literal["1080p", "2K", "4K", "8K"] = Field("1080p", alias="upscale_resolution")


class LipSync(Body):
    kind = Kind.LIP_SYNC
    model_config = _example({"video_url": "https://example.com/talk.mp4", "text": "Good morning, everyone"})

    video_url: Url
    audio_url: Url | None = None
    text: str = Field("", max_length=2000, description="At least 4 letters, or 2 Chinese characters.")
    speed: StrictFloat = Field(1.0, ge=0.5, le=2)
    voice_id: Name = ""
    volume: StrictFloat = Field(0, ge=0, le=10)
    ref_photo_url: Image | None = None

    @model_validator(mode="after")
    def _something_to_say(self) -> Self:
        if not self.audio_url and not self.text:
            raise InvalidRequest("audio_url or text is required", field="audio_url", missing=True)
        return self

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        return super().express(replace(request, prompt="")) | {"text": request.prompt}


class KeyFrame(_Part):
    key_image: Image
    prompt: Prompt = ""
    duration: StrictInt = Field(5, ge=2, le=7)


class Multiframe(Body):
    kind = Kind.MULTIFRAME
    model_config = _example(
        {
            "model": "viduq2-turbo",
            "start_image": "https://example.com/1.png",
            "image_settings": [
                {"key_image": "https://example.com/2.png", "prompt": "the boat leaves", "duration": 3},
                {"key_image": "https://example.com/3.png"},
            ],
        }
    )

    model: Name
    start_image: Image
    image_settings: list[KeyFrame] = Field(min_length=2, max_length=9)
    resolution: Name = "720p"

    @property
    def images(self) -> list[str]:
        return [self.start_image, *(frame.key_image for frame in self.image_settings)]

    def unexpressed(self, body: Mapping[str, Json]) -> tuple[str, ...]:
        """The frames are images; what is said of one frame only is not."""
        plain = all(not frame.prompt and frame.duration == 5 for frame in self.image_settings)
        covered = ("start_image", "image_settings") if plain else ("start_image",)
        return tuple(name for name in super().unexpressed(body) if name not in covered)

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        if not request.images:
            raise InvalidRequest("images are required, in their order", field="images", missing=True)
        said = {"prompt": request.prompt} if request.prompt else {}
        first, *others = request.images
        return super().express(replace(request, images=(), prompt="")) | {
            "start_image": first,
            "image_settings": [{"key_image": image, **said} for image in others],
        }


KINDS: dict[Kind, type[Body]] = {
    body.kind: body
    for body in (
        Text2video, Img2video, Reference2video, StartEnd2video, Template2video,
        Extend, UpscaleNew, LipSync, Multiframe,
    )
}  # fmt: skip
