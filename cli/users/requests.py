"""What a submission sends: from options, from pictures, from an earlier task."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.api import Task
from cli.errors import Misused
from cli.output import size
from reelkeep.domain.task import Kind

LARGEST_REQUEST: Final = 6_200_000  # bytes; Lambda takes 6 MiB, and the API a little less

# The fields of a request that a task shows again.
REQUEST_FIELDS: Final = (
    "kind",
    "model",
    "provider",
    "prompt",
    "images",
    "video_url",
    "creation_id",
    "template",
    "duration",
    "resolution",
    "aspect_ratio",
    "audio",
    "off_peak",
    "payload",
    "priority",
    "tags",
)


def guessed_kind(images: Sequence[str], video: str, template: str) -> Kind:
    """What is wanted, where the pictures say it. Raises Misused where they do not."""
    if template:
        return Kind.TEMPLATE2VIDEO
    if video or len(images) > 1:
        raise Misused(
            f"--kind is needed with {'--video' if video else f'{len(images)} images'}: one of {', '.join(Kind)}"
        )
    return Kind.IMG2VIDEO if images else Kind.TEXT2VIDEO


def image(given: str) -> str:
    """A link or a `reelkeep:` id as it is, a file as a data URI. Raises Misused."""
    if given.startswith(("http://", "https://", "data:", "reelkeep:")):
        return given
    path = Path(given).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misused(f"--image {given} is neither a link nor a file that can be read: {error.strerror}") from error
    kind = _kind_of(content) or mimetypes.guess_type(path.name)[0] or ""
    if not kind.startswith("image/"):
        raise Misused(f"--image {given} is no image")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _kind_of(content: bytes) -> str:
    """By its first bytes: a name may lie."""
    for kind, magic in (("png", b"\x89PNG\r\n\x1a\n"), ("jpeg", b"\xff\xd8\xff"), ("gif", b"GIF8"), ("bmp", b"BM")):
        if content.startswith(magic):
            return f"image/{kind}"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def checked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without what nobody gave. Raises Misused if the pictures are too many megabytes."""
    given = {name: value for name, value in body.items() if value not in (None, "", [], ())}
    pictures = sum(len(each) for each in given.get("images", ()))
    if pictures > LARGEST_REQUEST:
        raise Misused(
            f"--image: the pictures are {size(pictures)} together, and a request takes {size(LARGEST_REQUEST)}:"
            " give links"
        )
    return given


def same_again(task: Task) -> dict[str, Any]:
    """The request of a task. Raises Misused if it had pictures that the stack does not show again."""
    if any(str(each).endswith(",...") for each in (*task.get("images", ()), task.get("video_url") or "")):
        raise Misused(
            f"the pictures of {task['id']} were sent with it and cannot be sent again: give them with --image"
        )
    found = {name: task.get(name) for name in REQUEST_FIELDS}
    if found["off_peak"] is False:
        del found["off_peak"]
    return checked(found)
