"""What fits into a record of the table. DynamoDB takes 400 KB; a request with images can have several megabytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from reelkeep.domain.task import Creation, Request
from reelkeep.domain.wire import Json

_RECORD_BYTES = 65_536  # a longer request goes to the archive
_STRING_CHARACTERS = 8_192  # longer strings are cut; no prompt is as long
_PAYLOAD_BYTES = 131_072  # every answer repeats the payload, so it is left out only if it must be
_DOCUMENT_BYTES = 370_000  # for what clients and providers say; the rest is for our own fields and the indexes
_FILES_BYTES = 200_000  # a notification of all files has 256 KB, and a delivery quotes it once more
_FILE_BYTES = 640  # of what a notification says of one file, beside its link
_FILE_ERROR_BYTES = 560  # of what a record says beyond that of one that cannot be fetched


def needs_truncation(request: Request) -> bool:
    return _request_bytes(request) > _RECORD_BYTES


def fits_record(request: Request, creations: Sequence[Creation]) -> bool:
    """Whether the record of the task with this request has room for these creations."""
    files = [_bytes(asset.source) + _FILE_BYTES for creation in creations for asset in creation.assets]
    recorded = sum(files) + len(files) * _FILE_ERROR_BYTES
    return sum(files) <= _FILES_BYTES and recorded <= _DOCUMENT_BYTES - _request_bytes(request)


def _request_bytes(request: Request) -> int:
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


def truncate_request(request: Request) -> Request:
    """The request with its long strings cut to a hint of what they were. A record certainly holds it."""
    fits = _bytes(request.payload) <= _PAYLOAD_BYTES
    body = _truncate(request.body)
    images = tuple(_hint(image) for image in request.images)
    return replace(
        request,
        prompt=_hint(request.prompt),
        images=images if _bytes(images) <= _RECORD_BYTES else (),
        video_url=_hint(request.video_url),
        payload=request.payload if fits else "",
        body=body if _bytes(body) <= _RECORD_BYTES else {},
        unexpressed=tuple(_hint(name) for name in request.unexpressed[:1]),
        payload_omitted=not fits,
    )


def _bytes(value: Json) -> int:
    """At least as many as the value takes in a record, whatever its letters are."""
    return len(json.dumps(value))


def _truncate(value: Json) -> Json:
    match value:
        case str():
            return _hint(value)
        case dict():
            return {key: _truncate(item) for key, item in value.items()}
        case list():
            return [_truncate(item) for item in value]
    return value


def _hint(text: str) -> str:
    return text if len(text) <= _STRING_CHARACTERS else f"{text[:40]}... ({len(text)} characters)"
