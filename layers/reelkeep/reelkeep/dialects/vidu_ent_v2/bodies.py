"""A client's body read, and one for a provider written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from reelkeep.dialects.grammar import foreign
from reelkeep.dialects.vidu_ent_v2.kinds import FORMS, KINDS, UNDERSTOOD, Body
from reelkeep.domain.errors import InvalidRequest, ItemCountOutOfRange
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json


def read(kind: Kind, body: Mapping[str, Json]) -> Body:
    """Raises InvalidRequest, naming the first field that is wrong."""
    try:
        return KINDS[kind].model_validate(body)
    except ValidationError as error:
        raise _refusal(error) from error


def write(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    foreign.check(request, kinds=tuple(Kind), says=UNDERSTOOD)
    body = KINDS[request.kind].express(_without_ways_to_say_nothing(request))
    try:
        read(request.kind, body)
    except InvalidRequest as error:
        field = re.match(r"\w*", error.field)[0]  # type: ignore[index]  # it matches anything
        said = _SAID_ELSEWHERE.get(field, field)  # the client never wrote our name for it
        raise InvalidRequest(error.message.replace(error.field, said), field=said, missing=error.missing) from error
    return body


_SAID_ELSEWHERE = {
    "video_creation_id": "creation_id",
    "upscale_resolution": "resolution",
    "start_image": "images",
    "image_settings": "images",
    "text": "prompt",
    "audio_url": "prompt",
}


def _without_ways_to_say_nothing(request: Request) -> Request:
    """Ark's -1 is a random seed, and its `adaptive` the shape of the image, which Vidu takes anyway."""
    seed = request.seed if request.seed is None or request.seed >= 0 else None
    adaptive = request.aspect_ratio == "adaptive" and request.images
    ratio = "" if adaptive else request.aspect_ratio
    # An upscale is as long as its source, which other dialects want to be told.
    duration = None if request.kind is Kind.UPSCALE else request.duration
    return replace(request, seed=seed, aspect_ratio=ratio, duration=duration)


def _refusal(error: ValidationError) -> InvalidRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    problem, message = first["type"], first["msg"]
    if problem == "missing":
        return InvalidRequest(f"{field} is required", field=field, missing=True)
    if problem == "string_pattern_mismatch":
        return InvalidRequest(f"{field} {FORMS[first['ctx']['pattern']]}", field=field)
    if problem in ("too_short", "too_long"):
        return ItemCountOutOfRange(f"{field}: {message.replace(' after validation', '')}", field=field)
    return InvalidRequest(f"{field}: {message}", field=field)


def schemas(prefix: str) -> dict[str, Json]:
    """The JSON schemas of all of them, by name."""
    from reelkeep.dialects.grammar.model_schemas import model_schemas  # only for the OpenAPI document
    from reelkeep.dialects.vidu_ent_v2.replies import Error, Nothing, Submitted, TaskCreations, TaskList

    return model_schemas(KINDS.values(), [Submitted, TaskCreations, TaskList, Nothing, Error], prefix=prefix)
