"""What a record of the table has room for: it holds 400 KB, a request with images in it several megabytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from reelkeep.domain.task import Creation, Request
from reelkeep.domain.wire import Json

_RECORD_BYTES = 65_536  # more than that goes to the archive
_STRING = 8_192  # longer strings are cut; a prompt is never as long
_PAYLOAD = 131_072  # the client gets its payload back at every look, so it is cut only when it must be
_ROOM = 370_000  # of what clients and providers say; the rest is for the task's own words, and the indexes
_FILES_ROOM = 200_000  # a notice of all files has 256 KB, and a delivery of it quotes them once more
_FILE = 640  # bytes of what is said of one, kept or lost, beside its link


def is_big(request: Request) -> bool:
    return _said(request) > _RECORD_BYTES


def has_room(request: Request, creations: Sequence[Creation]) -> bool:
    """Whether these creations go into the record of the task with this request."""
    files = sum(_bytes(asset.source) + _FILE for creation in creations for asset in creation.assets)
    return files <= min(_FILES_ROOM, _ROOM - _said(request))


def _said(request: Request) -> int:
    return _bytes(
        [
            request.body,
            request.payload,
            request.prompt,
            request.images,
            request.video_url,
            request.callback_url,
            request.unexpressed,
        ]
    )


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
        unexpressed=tuple(_cut(name) for name in request.unexpressed[:1]),
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
