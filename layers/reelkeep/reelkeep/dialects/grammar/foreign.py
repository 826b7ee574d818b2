"""A request that came in one dialect, for a provider of another: what that one has no words for is refused before
it costs anything."""

from __future__ import annotations

from collections.abc import Collection

from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Kind, Request

_MEANINGS = (
    "prompt", "images", "video_url", "creation_id", "template", "duration", "resolution", "aspect_ratio", "seed",
    "audio", "watermark", "last_frame", "off_peak",
)  # fmt: skip
_USUALLY_NOT = frozenset({"watermark", "last_frame", "off_peak"})


def check(request: Request, *, kinds: Collection[Kind], says: Collection[str]) -> None:
    """Raises InvalidRequest for the first thing that is asked for beyond these kinds and these fields of a Request,
    under the client's name for it, or else the Request's."""
    if request.unexpressed:
        raise cannot(request.unexpressed[0])
    if request.kind not in kinds:
        raise InvalidRequest(f"{request.kind} cannot be expressed at this provider", field="kind")
    for name in _MEANINGS:
        if name not in says and _meant(request, name):
            raise cannot(name)


def cannot(name: str) -> InvalidRequest:
    return InvalidRequest(f"{name} cannot be expressed at this provider", field=name)


def _meant(request: Request, name: str) -> bool:
    value = getattr(request, name)
    if name == "seed":
        return value not in (None, -1)  # Ark's word for any
    return bool(value) if name in _USUALLY_NOT else value not in (None, "", ())
