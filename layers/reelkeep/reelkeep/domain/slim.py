"""A request's short form: a record of the table holds 400 KB, a request with images in it several megabytes."""

from __future__ import annotations

import json
from dataclasses import replace

from reelkeep.domain.task import Request
from reelkeep.domain.wire import Json

_RECORD_BYTES = 65_536  # more than that goes to the archive
_STRING = 8_192  # longer strings are cut; a prompt is never as long
_PAYLOAD = 131_072  # the client gets its payload back at every look, so it is cut only when it must be


def is_big(request: Request) -> bool:
    return _bytes([request.body, request.payload, request.prompt, request.images, request.video_url]) > _RECORD_BYTES


def slim(request: Request) -> Request:
    """The request with its long strings cut to a hint of what they were; a record holds it for certain."""
    fits = _bytes(request.payload) <= _PAYLOAD
    body = _slim(request.body)
    images = tuple(_cut(image) for image in request.images)
    return replace(
        request,
        prompt=_cut(request.prompt),
        images=images if _bytes(images) <= _RECORD_BYTES else (),
        video_url=_cut(request.video_url),
        payload=request.payload if fits else "",
        body=body if _bytes(body) <= _RECORD_BYTES else {},
        payload_omitted=not fits,
    )


def _bytes(value: Json) -> int:
    """No less than the value takes in a record, whatever its letters are."""
    return len(json.dumps(value))


def _slim(value: Json) -> Json:
    match value:
        case str():
            return _cut(value)
        case dict():
            return {key: _slim(item) for key, item in value.items()}
        case list():
            return [_slim(item) for item in value]
    return value


def _cut(text: str) -> str:
    return text if len(text) <= _STRING else f"{text[:40]}... ({len(text)} characters)"
