"""How a video is asked for in OpenAI's Videos and in what grew from it, both ways.

Sources: OpenAI's reference for POST /v1/videos; new-api's pages for that and for POST /v1/video/generations, and its
TaskSubmitReq and adaptors, which are what it really reads (github.com/QuantumNous/new-api, relay/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from reelkeep.dialects.dialect import LARGEST_BODY, Http
from reelkeep.dialects.grammar import foreign
from reelkeep.dialects.grammar.forms import form_in, object_in, picture, plain
from reelkeep.dialects.grammar.sizes import pixels, shape
from reelkeep.dialects.grammar.strict import IMAGE, URL, Fields
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

T = TypeVar("T")

# --- what a client asks for ---

_LONGEST_PROMPT = 32_000
_LONGEST_PAYLOAD = 1_048_576
_MOST_IMAGES = 16
_LARGEST_SEED = 2**63 - 1
_NUMBERS = frozenset({"duration", "seconds", "width", "height", "fps", "seed", "n"})
_FLAGS = frozenset({"audio", "generate_audio", "watermark", "off_peak", "return_last_frame"})
# What new-api's form keeps where it is; the rest it moves into metadata, with numbers in it as numbers.
_OWN_FIELDS = frozenset(
    {
        "model", "prompt", "image", "images", "input_reference", "size", "duration", "seconds", "mode", "metadata",
        "provider", "callback_url",
    }
)  # fmt: skip
_TEXTS = frozenset({"payload", "user", "callback_url"})  # also if they look like numbers
_SAYS_NOTHING: Mapping[str, Json] = {"mode": "std", "movement_amplitude": "auto", "style": "general"}
_ACTIONS = {
    "textGenerate": Kind.TEXT2VIDEO,
    "generate": Kind.IMG2VIDEO,
    "firstTailGenerate": Kind.START_END2VIDEO,
    "referenceGenerate": Kind.REFERENCE2VIDEO,
}
_IMAGES = {
    Kind.TEXT2VIDEO: range(1),
    Kind.IMG2VIDEO: range(1, 2),
    Kind.START_END2VIDEO: range(2, 3),
    Kind.REFERENCE2VIDEO: range(1, _MOST_IMAGES + 1),
}


def asked(dialect: str, http: Http) -> Request:
    """Raises BodyTooLarge, or InvalidRequest with the field's name."""
    form = form_in(http)
    body = http.json() if form is None else _as_json(form)
    said = Fields(_read(body))
    more = said.part("metadata")

    def either(read: Callable[[Fields, str], T], *names: str) -> T:
        """Of what metadata and the body say, metadata goes first, as at the gateway."""
        found = [read(part, name) for part in (more, said) for name in names]
        return next((value for value in found if value not in (None, "")), found[-1])

    (resolution, aspect_ratio), unexpressed = _size(said, more)
    images = _images(said)
    reference = said.given.get("input_reference")
    kind = _kind(more, len(images), referred=isinstance(reference, dict) and "file_id" in reference)
    prompt = said.text("prompt", longest=_LONGEST_PROMPT)
    if kind is Kind.TEXT2VIDEO and not prompt.strip():
        raise InvalidRequest("prompt is required", field="prompt", missing=True)
    if either(Fields.whole, "n") not in (None, 0, 1):
        raise InvalidRequest("n must be 1: one task makes one video", field="n")
    either(partial(Fields.text, among=("url",)), "response_format")
    either(partial(Fields.text, longest=8192), "user")
    tier = either(partial(Fields.text, among=("auto", "default", "flex")), "service_tier")
    return Request(
        dialect=dialect,
        kind=kind,
        model=said.text("model"),
        prompt=prompt,
        images=images,
        duration=_seconds(said, more),
        resolution=either(Fields.text, "resolution") or resolution,
        aspect_ratio=either(Fields.text, "aspect_ratio", "ratio") or aspect_ratio,
        seed=either(partial(Fields.whole, least=-1, most=_LARGEST_SEED), "seed"),
        audio=either(Fields.flag, "audio", "generate_audio"),
        watermark=either(Fields.flag, "watermark"),
        last_frame=either(Fields.flag, "return_last_frame") or False,
        off_peak=either(Fields.flag, "off_peak") or tier == "flex",
        payload=either(partial(Fields.text, longest=_LONGEST_PAYLOAD), "payload"),
        provider=said.text("provider"),
        callback_url=either(partial(Fields.text, form=URL, longest=8192), "callback_url"),
        body=body,
        unexpressed=(*unexpressed, *said.unread(_SAYS_NOTHING)),
    )


def _as_json(form: dict[str, Json]) -> dict[str, Json]:
    """The body that would have said the same; a gateway of new-api makes this of a form."""
    body = {name: value for name, value in form.items() if name in _OWN_FIELDS}
    moved = {name: _typed(name, value) for name, value in form.items() if name not in _OWN_FIELDS}
    metadata = body.get("metadata") or {}
    metadata = object_in(metadata, "metadata") if isinstance(metadata, str) else _typed("metadata", metadata)
    if not isinstance(metadata, dict):
        raise InvalidRequest("metadata must be an object", field="metadata")
    return {**body, "metadata": {**moved, **metadata}} if moved or metadata else body


def _typed(name: str, value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _typed(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(name, item) for item in value]
    return value if name in _TEXTS else plain(value)


def _read(body: Mapping[str, Json]) -> dict[str, Json]:
    """The body with everything in its own form, which clients write in text as well."""
    read = {name: _in_form(name, value) for name, value in body.items()}
    metadata = read.get("metadata")
    if isinstance(metadata, str) and metadata:
        metadata = object_in(metadata, "metadata")
    if isinstance(metadata, dict):
        read["metadata"] = {name: _in_form(name, value) for name, value in metadata.items()}
    return read


def _in_form(name: str, value: Json) -> Json:
    if name in _NUMBERS | _FLAGS and isinstance(value, str):
        value = plain(value)
    if name in _NUMBERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if name == "images":
        items = value if isinstance(value, list) else [value]
        return [picture(item) if isinstance(item, str) else item for item in items if item]
    return picture(value) if name in ("image", "input_reference") and isinstance(value, str) else value


def _images(said: Fields) -> tuple[str, ...]:
    """In the order in which a gateway joins them."""
    if isinstance(said.given.get("input_reference"), dict):
        reference = said.part("input_reference").text("image_url", form=IMAGE, longest=LARGEST_BODY)
    else:
        reference = said.text("input_reference", form=IMAGE, longest=LARGEST_BODY)
    images = said.images("images", most=_MOST_IMAGES)
    image = said.text("image", form=IMAGE, longest=LARGEST_BODY)
    before, after = ((one,) if one and one not in images else () for one in (reference, image))
    return before + images + (after if after != before else ())


def _kind(more: Fields, images: int, *, referred: bool) -> Kind:
    """What the gateway makes of so many images, unless metadata says."""
    action = more.text("action", among=tuple(_ACTIONS))
    kind = _ACTIONS[action] if action else _usual_kind(images or int(referred))
    if images not in _IMAGES[kind] and not referred:
        raise more.wrong("action", f"{action} does not go with {images} images")
    return kind


def _usual_kind(images: int) -> Kind:
    return (Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.START_END2VIDEO, Kind.REFERENCE2VIDEO)[min(images, 3)]


def _seconds(said: Fields, more: Fields) -> int | None:
    found = {part.whole(name): part.name(name) for part in (said, more) for name in ("duration", "seconds")}
    lengths = [(length, name) for length, name in found.items() if length]
    if len(lengths) > 1:
        (_, one), (_, other), *_ = lengths
        raise InvalidRequest(f"{other} contradicts {one}", field=other)
    return lengths[0][0] if lengths else None


def _size(said: Fields, more: Fields) -> tuple[tuple[str, str], list[str]]:
    """The resolution and the ratio that are asked for in pixels; and what was said that they do not express."""
    names = ("size", "width", "height", "fps")
    where = {name: more if name in more.given else said for name in names}
    size = where["size"].text("size", longest=32)
    width, height, fps = (where[name].whole(name, most=16_384) for name in names[1:])
    found = shape(size)
    if width or height:
        exact = shape(f"{width or 0}x{height or 0}")
        if size and exact != found:
            raise where["width"].wrong("width", "and height contradict size")
        found = exact
    asked_for = {"size": size, "width": width, "height": height}
    unexpressed = [] if any(found) else [name for name, value in asked_for.items() if value]
    return found, [where[name].name(name) for name in (*unexpressed, *(["fps"] if fps else []))]


# --- what a provider is asked for ---

_KINDS = frozenset(_IMAGES)
_SAYS = frozenset(
    {"prompt", "images", "duration", "resolution", "aspect_ratio", "seed", "audio", "watermark"}
)  # what a gateway can be told; for the rest it has no words, or none that all its channels know


def travelling(body: dict[str, Json]) -> dict[str, Json]:
    """The client's own body, without what is ours in its metadata."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return body
    return {**body, "metadata": {name: value for name, value in metadata.items() if name != "callback_url"}}


def written(request: Request) -> dict[str, Json]:
    """A request of another dialect. Raises InvalidRequest for what cannot be said.

    Everything but the first few fields reaches a channel of new-api only in metadata, which each of its channels
    reads in its provider's own words.
    """
    foreign.check(request, kinds=_KINDS, says=_SAYS)
    if not request.prompt.strip():
        raise InvalidRequest("prompt is required at this provider", field="prompt", missing=True)
    seed = request.seed if request.seed is not None and request.seed >= 0 else None
    size = pixels(request.resolution, request.aspect_ratio)
    action = next(word for word, kind in _ACTIONS.items() if kind is request.kind)
    metadata = {
        "action": None if request.kind is _usual_kind(len(request.images)) else action,
        "resolution": request.resolution,
        "aspect_ratio": request.aspect_ratio,  # Vidu's word and Kling's
        "ratio": request.aspect_ratio,  # Doubao's
        "seed": seed,
        "audio": request.audio,
        "generate_audio": request.audio,
        "watermark": request.watermark,
    }
    image = {"image": request.images[0]} if len(request.images) == 1 else {"images": list(request.images)}
    body: dict[str, Json] = {
        "model": request.model,
        "prompt": request.prompt,
        **image,
        "duration": request.duration,
        "size": size or request.resolution,
        "metadata": {name: value for name, value in metadata.items() if value not in (None, "")},
    }
    return {name: value for name, value in body.items() if value not in (None, "", [], {})}
