"""What OpenAI's Videos and the formats that grew from it have in common: how a video is asked for, and refused.

Sources: OpenAI's reference for POST /v1/videos; new-api's pages for that and for POST /v1/video/generations, and its
TaskSubmitReq and adaptors, which are what it really reads (github.com/QuantumNous/new-api, relay/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from reelkeep.dialects import foreign
from reelkeep.dialects.dialect import Http, Reply
from reelkeep.dialects.forms import LARGEST_BODY, body_of, object_in, picture, plain
from reelkeep.dialects.strict import IMAGE, Fields
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.task import Creation, Failure, FailureClass, Kept, Kind, Request, State, Task
from reelkeep.domain.wire import Json

T = TypeVar("T")

STATUSES = {
    State.CREATED: "queued",
    State.QUEUEING: "queued",
    State.PROCESSING: "in_progress",
    State.ARCHIVING: "in_progress",
    State.SUCCESS: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
PROGRESS = dict.fromkeys(State, 0) | {State.PROCESSING: 50, State.ARCHIVING: 95, State.SUCCESS: 100}

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
    body = body_of(http)
    if not http.headers.get("content-type", "").startswith("application/json"):
        body = _as_json(body)
    said = Fields(_read(body))
    more = said.part("metadata")
    foreign_to_us: list[str] = []

    def either(read: Callable[[Fields, str], T], *names: str) -> T:
        """What metadata says goes before what the body says, as at the gateway."""
        found = [read(part, name) for part in (more, said) for name in names]
        return next((value for value in found if value not in (None, "")), found[-1])

    images, reference = _images(said), said.given.get("input_reference")
    if isinstance(reference, dict) and reference.get("file_id"):
        foreign_to_us.append("input_reference.file_id")
    kind = _kind(more, len(images), referred=bool(foreign_to_us))
    prompt = said.text("prompt", longest=_LONGEST_PROMPT)
    if not prompt.strip() and kind is Kind.TEXT2VIDEO:
        raise InvalidRequest("prompt is required", field="prompt", missing=True)
    size = either(partial(Fields.text, longest=32), "size")
    width, height = (either(partial(Fields.whole, most=16_384), name) for name in ("width", "height"))
    resolution, aspect_ratio = _shape(size)
    if width and height:
        if size and (resolution, aspect_ratio) != _shape(f"{width}x{height}"):
            raise InvalidRequest("width and height contradict size", field="width")
        resolution, aspect_ratio = _shape(f"{width}x{height}")
    if (size or width or height) and not resolution and not aspect_ratio:
        foreign_to_us.append("size" if size else "width" if width else "height")
    if either(partial(Fields.whole, most=240), "fps"):
        foreign_to_us.append("fps" if "fps" in said.given else "metadata.fps")
    if either(Fields.whole, "n") not in (None, 0, 1):
        raise InvalidRequest("n must be 1: one task makes one video", field="n")
    either(partial(Fields.text, among=("url",)), "response_format")
    for ours in ("user", "callback_url"):
        either(partial(Fields.text, longest=8192), ours)
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
        body=body,
        unexpressed=(*foreign_to_us, *said.unread(_SAYS_NOTHING)),
    )
