"""How a video is asked for in OpenAI's Videos and in what grew from it.

Sources: OpenAI's reference for POST /v1/videos; new-api's pages for that and for POST /v1/video/generations, and its
TaskSubmitReq and adaptors, which are what it really reads (github.com/QuantumNous/new-api, relay/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from reelkeep.dialects.families.form_data import picture, plain, unpacked
from reelkeep.dialects.families.resolution import pixels, shape
from reelkeep.dialects.translate import Body, Part, cannot, means, only_here
from reelkeep.dialects.values import Image, Name, Url, Whole
from reelkeep.domain.errors import InvalidRequest, Missing
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_MOST_IMAGES = 100  # what a model takes, its provider says
_NUMBERS = frozenset({"duration", "seconds", "width", "height", "fps", "seed", "n"})
_FLAGS = frozenset({"audio", "generate_audio", "watermark", "off_peak", "return_last_frame"})
_TOLD = ("resolution", "aspect_ratio", "ratio", "seed", "audio", "generate_audio", "watermark")
_ACTIONS = {
    "textGenerate": Kind.TEXT2VIDEO,
    "generate": Kind.IMG2VIDEO,
    "firstTailGenerate": Kind.START_END2VIDEO,
    "referenceGenerate": Kind.REFERENCE2VIDEO,
}
IMAGES = {  # how many, by what is made of them
    Kind.TEXT2VIDEO: range(1),
    Kind.IMG2VIDEO: range(1, 2),
    Kind.START_END2VIDEO: range(2, 3),
    Kind.REFERENCE2VIDEO: range(1, _MOST_IMAGES + 1),
}
_Pixels = Annotated[int, Whole(0, 16_384)]
_Length = Annotated[  # OpenAI's clients send it as text
    int, Whole(), WithJsonSchema({"type": ["integer", "string"], "description": "A whole number, of seconds."})
]


class _Asked(Part):
    """What may stand in a body or in its metadata. Of two words for one thing, the one that is declared last wins."""

    size: Annotated[str, Field(max_length=32)] | None = Field(None, description="As in 1280x720, 720p or 16:9.")
    width: _Pixels | None = None
    height: _Pixels | None = None
    fps: _Pixels = only_here(0)
    duration: _Length | None = means("duration", none=0)
    seconds: _Length | None = means("duration", none=0)
    resolution: Name | None = means("resolution", examples=["720p"])
    ratio: Name | None = means("aspect_ratio")
    aspect_ratio: Name | None = means("aspect_ratio", examples=["16:9"])
    seed: Annotated[int, Whole(-1, 2**63 - 1)] | None = means("seed", says="-1: at random.")
    generate_audio: bool | None = means("audio")
    audio: bool | None = means("audio")
    watermark: bool | None = means("watermark")
    return_last_frame: bool | None = means("last_frame")
    service_tier: Literal["auto", "default", "flex"] | None = means(
        "off_peak", words={"flex": True, "auto": None, "default": None}
    )
    off_peak: bool | None = means("off_peak", none=False)
    n: Annotated[int, Whole(0, 1)] | None = only_here(matters=False, says="One task makes one video.")
    response_format: Literal["url"] | None = only_here(matters=False)
    user: Annotated[str, Field(max_length=8192)] | None = only_here(matters=False)
    mode: Name = only_here("std")
    movement_amplitude: Name = only_here("auto")
    style: Name = only_here("general")
    payload: Annotated[str, Field(max_length=1_048_576)] | None = means(
        "payload", says="Comes back with the task, where the format has a place for it."
    )

    @classmethod
    def prepare(cls, sent: dict[str, Json]) -> dict[str, Json]:
        """Numbers and flags in their own form, which clients write in text as well."""
        return {name: _typed(value) if name in _NUMBERS | _FLAGS else value for name, value in sent.items()}


class Metadata(_Asked):
    """Goes before the body's own fields, as at the gateway."""

    action: Literal["textGenerate", "generate", "firstTailGenerate", "referenceGenerate"] | None = Field(
        None, description="What the images are for, if it does not follow from how many there are."
    )
    callback_url: Url | None = means("callback_url")

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        """Everything but the first few fields reaches a channel of new-api only here; each channel reads it in its
        provider's own words, so that what has several is said in all of them."""
        said = super().express(request)
        usual = request.kind is _usual_kind(len(request.images))
        action = next(word for word, kind in _ACTIONS.items() if kind is request.kind)
        return ({} if usual else {"action": action}) | {name: said[name] for name in _TOLD if name in said}


class Reference(Part):
    image_url: Image | None = None
    file_id: Name | None = only_here(says="Of a file that was uploaded: there are none here.")


def _form_of(value: Any) -> str:
    return ":object" if isinstance(value, dict | Part) else ":text"


_Reference = Annotated[Annotated[Image, Tag(":text")] | Annotated[Reference, Tag(":object")], Discriminator(_form_of)]


class Submission(_Asked, Body):
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "size": ("resolution", "aspect_ratio"),
        "images": ("images",),
        "image": ("images",),
    }

    model: Name | None = means("model", says="Decides which provider serves the task.")
    prompt: Annotated[str, Field(max_length=32_000)] | None = means("prompt", says="Needed unless there are images.")
    input_reference: _Reference | None = Field(None, description="The first frame.")
    images: list[Image] = Field(
        [],
        max_length=_MOST_IMAGES,
        description="One: the first frame. Two: the first and the last. More: references.",
    )
    image: Image | None = Field(None, description="An http(s) URL, a data: URI, or bare base64.")
    metadata: Metadata | None = Field(
        None, description="What a provider understands beyond that, by name; also as the JSON text of an object."
    )

    @classmethod
    def prepare(cls, sent: dict[str, Json]) -> dict[str, Json]:
        said = super().prepare(sent)
        if isinstance(said.get("metadata"), str):
            said["metadata"] = unpacked(said["metadata"])
        if "images" in said:
            images = said["images"] if isinstance(said["images"], list) else [said["images"]]
            said["images"] = [picture(image) for image in images if image]
        pictures = {name: picture(said[name]) for name in ("image", "input_reference") if name in said}
        return said | pictures

    def understood(self) -> dict[str, Any]:
        images = self._images()
        kind = self._kind(len(images))
        if kind is Kind.TEXT2VIDEO and not (self.prompt or "").strip():
            raise Missing("prompt is required", field="prompt")
        self._check_lengths()
        resolution, ratio = self._size()[0]
        shown = {"resolution": resolution, "aspect_ratio": ratio, "kind": kind, "images": images}
        return shown | super().understood()

    def unexpressed(self, place: str = "") -> Iterator[str]:
        yield from self._size()[1]
        yield from super().unexpressed(place)

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        for name in ("off_peak", "last_frame"):  # not all channels know them
            if getattr(request, name):
                raise cannot(name)
        if not request.prompt.strip():
            raise Missing("prompt is required at this provider", field="prompt")
        said = super().express(request)
        images = list(request.images)
        shown: dict[str, Json] = {"image": images[0]} if len(images) == 1 else {"images": images}
        size = pixels(request.resolution, request.aspect_ratio) or request.resolution
        body = {
            **{name: said.get(name) for name in ("model", "prompt", "duration", "metadata")},
            **shown,
            "size": size,
        }
        return {name: value for name, value in body.items() if value}

    def _said(self, name: str) -> tuple[str, Any]:
        """What this field is called where it is said, and its value."""
        if self.metadata and name in self.metadata.model_fields_set:
            return f"metadata.{name}", getattr(self.metadata, name)
        return name, getattr(self, name)

    def _images(self) -> tuple[str, ...]:
        """In the order in which a gateway joins them."""
        shown = self.input_reference
        reference = shown.image_url if isinstance(shown, Reference) else shown
        before, after = ((one,) if one and one not in self.images else () for one in (reference, self.image))
        return (*before, *self.images, *(after if after != before else ()))

    def _kind(self, images: int) -> Kind:
        """What the gateway makes of so many images, unless metadata says."""
        uploaded = isinstance(self.input_reference, Reference) and self.input_reference.file_id is not None
        action = self.metadata.action if self.metadata else None
        kind = _ACTIONS[action] if action else _usual_kind(images or int(uploaded))
        if images not in IMAGES[kind] and not uploaded:
            field = "metadata.action"
            raise InvalidRequest(f"{field} {action} does not go with {images} images", field=field)
        return kind

    def _check_lengths(self) -> None:
        places = [("", self), ("metadata.", self.metadata)]
        said = [
            (getattr(part, name, None), place + name) for place, part in places for name in ("duration", "seconds")
        ]
        lengths = {length: name for length, name in said if length}
        if len(lengths) > 1:
            one, other, *_ = lengths.values()
            raise InvalidRequest(f"{other} contradicts {one}", field=other)

    def _size(self) -> tuple[tuple[str, str], list[str]]:
        """The resolution and the ratio that are asked for in pixels; and what was said that they do not express.

        A size without a word of ours stands in the resolution's place: it has not the price of one that is not named.
        """
        said = [self._said(name) for name in ("size", "width", "height")]
        (_, size), (field, width), (_, height) = said
        asked = f"{width or 0}x{height or 0}" if width or height else size or ""
        found = shape(asked)
        if size and found != shape(size):
            raise InvalidRequest(f"{field} and height contradict size", field=field)
        return (found, []) if any(found) else ((asked, ""), [name for name, value in said if value])


BODIES: Mapping[Kind, type[Body]] = dict.fromkeys(IMAGES, Submission)


def _usual_kind(images: int) -> Kind:
    return (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)[min(images, 3)]


def _typed(value: Json) -> Json:
    read = plain(value) if isinstance(value, str) else value
    return int(read) if isinstance(read, float) and read.is_integer() else read
