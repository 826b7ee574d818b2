"""What Vidu's ent/v2 accepts: fields, models, durations, resolutions, and what they cost.

The facts are Vidu's documentation (platform.vidu.com/docs: text-to-video, image-to-video, reference-to-video,
start-end-to-video, template, video-extension, upscale-pro, lip-sync). Prices are the simulator's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from local.simulator.endpoints import RefusedError
from local.simulator.media.sizes import RATIOS, SHORT_SIDES


@dataclass(frozen=True)
class Kind:
    """One endpoint. `images`: how many it takes, at least and at most."""

    type: str
    required: tuple[str, ...] = ()
    images: tuple[int, int] = (0, 0)
    models: tuple[tuple[str, range, tuple[str, ...]], ...] = ()


_Q = ("720p", "540p", "1080p")  # the first one is the default
_FULL = ("1080p",)
_OLD = ("360p", "720p", "1080p")
_ANY = "*"
_FOUR, _FIVE = range(4, 9, 4), range(5, 6)

KINDS = {
    "text2video": Kind("text2video", ("model", "prompt"), models=(
        ("viduq3-*", range(1, 17), _Q), ("viduq2", range(1, 11), _Q), ("viduq1", _FIVE, _FULL),
        ("vidu1.5", _FOUR, _OLD))),
    "img2video": Kind("img2video", ("model", "images"), (1, 1), (
        ("viduq3-*", range(1, 17), _Q), ("viduq2-pro-fast", range(1, 11), ("720p", "1080p")),
        ("viduq2-*", range(1, 11), _Q), ("viduq1*", _FIVE, _FULL), ("vidu2.0", _FOUR, _OLD))),
    "start-end2video": Kind("headtailimg2video", ("model", "images"), (2, 2), (
        ("viduq3-*", range(1, 17), _Q), ("viduq2-*", range(1, 9), _Q), ("viduq1*", _FIVE, _FULL),
        ("vidu2.0", _FOUR, _OLD))),
    "reference2video": Kind("character2video", ("model", "prompt"), (1, 7), (
        ("viduq3", range(3, 17), _Q), ("viduq2", range(1, 11), _Q), ("viduq1", _FIVE, _FULL),
        ("vidu2.0", range(4, 5), ("360p", "720p")))),
    "template2video": Kind("template", ("template",), (0, 7)),
    "extend": Kind("extend", ("model",), (0, 1), (
        ("viduq2-pro", range(1, 8), _Q), ("viduq2-turbo", range(1, 8), _Q))),
    "upscale-new": Kind("upscale"),
    "lip-sync": Kind("lip_sync", ("video_url",)),
    "multiframe": Kind("multiframe", ("model",), (0, 9)),
}  # fmt: skip

_FLAGS = ("auto_subjects", "bgm", "audio", "is_rec", "off_peak", "watermark")
_WORDS = (
    "model", "prompt", "aspect_ratio", "resolution", "movement_amplitude", "style", "audio_type", "voice_id",
    "payload", "wm_url", "meta_data", "callback_url", "template", "area", "video_url", "video_creation_id",
    "creation_id", "upscale_resolution", "audio_url", "text", "ref_photo_url", "start_image",
    "client_request_id",
)  # fmt: skip
_NUMBERS = ("duration", "seed", "cus_priority")
_ANYTHING = ("wm_position", "speed", "volume", "subjects", "image_settings", "key_frames", "template_story")

_CREDITS_A_SECOND = {"360p": 2, "540p": 3, "720p": 5, "1080p": 10, "2K": 12, "4K": 16, "8K": 30}
_IMAGE_TYPES = tuple(f"data:image/{name};base64," for name in ("png", "jpeg", "jpg", "webp"))
_LONGEST = {"prompt": 5000, "payload": 1_048_576}


def checked(kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
    """The body without its nulls and with the defaults of its model; RefusedError says what is wrong."""
    fields = {name: value for name, value in body.items() if value is not None}
    for name, value in fields.items():
        _check_type(name, value)
    for name in kind.required:
        if not fields.get(name):
            raise RefusedError("FieldLacking", f"{name} is required")
    images, (fewest, most) = fields.get("images", []), kind.images
    if not fewest <= len(images) <= most and not (fields.get("subjects") and not images):
        raise RefusedError("FieldItemCountOutOfRange", f"images must hold {fewest} to {most} items")
    for image in images:
        if image.startswith("data:") and not image.startswith(_IMAGE_TYPES):
            raise RefusedError("ImageFormatInvalid", "images must be png, jpeg, jpg or webp")
    if kind.type == "upscale":
        fields["resolution"] = fields.get("upscale_resolution", "1080p")
    _check_choice("aspect_ratio", fields.get("aspect_ratio") or "16:9", RATIOS)
    return _with_model(kind, fields)


def price(fields: dict[str, Any]) -> int:
    whole = int(_CREDITS_A_SECOND[fields["resolution"]] * fields["duration"])
    return (whole // 2 if fields.get("off_peak") else whole) + (10 if fields.get("is_rec") else 0)


def _check_type(name: str, value: object) -> None:
    if name in _FLAGS:
        right = isinstance(value, bool)
    elif name in _WORDS:
        right = isinstance(value, str) and len(value) <= _LONGEST.get(name, 2000)
    elif name in _NUMBERS:
        right = isinstance(value, int) and not isinstance(value, bool)
    elif name == "images":
        right = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
    elif name in _ANYTHING:
        right = True
    else:
        raise RefusedError("FieldUnwanted", f"{name} is not a field of this request")
    if not right:
        raise RefusedError("FieldInvalid", f"{name} has a wrong type or length")


def _with_model(kind: Kind, fields: dict[str, Any]) -> dict[str, Any]:
    models = kind.models or ((_ANY, range(1, 61), ("720p", *SHORT_SIDES)),)
    served = [model for model in models if fnmatch(fields.get("model", ""), model[0])]
    if not served:
        raise RefusedError("ModelUnavailable", f"model {fields['model']} is not served here")
    _, durations, resolutions = served[0]
    if resolutions == _OLD and fields.get("duration") == 8:
        resolutions = ("720p",)
    fallback = {"duration": 5 if 5 in durations else durations[0], "resolution": resolutions[0]}
    complete = fallback | {name: value for name, value in fields.items() if value != ""}
    _check_choice("duration", complete["duration"], durations)
    _check_choice("resolution", complete["resolution"], resolutions)
    return fields | {name: complete[name] for name in fallback}


def _check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    if value not in (allowed := list(choices)):
        raise RefusedError("FieldInvalid", f"{name} must be one of {', '.join(map(str, allowed))}")
