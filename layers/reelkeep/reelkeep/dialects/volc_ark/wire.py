"""Ark's bodies: what clients send, what they get."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from reelkeep.dialects.translate import Body, Part, means, only_here
from reelkeep.dialects.values import IMAGE, Name, Whole, formed, without_line_breaks
from reelkeep.dialects.volc_ark import EXPIRES_AFTER
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, Missing
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

_MOST_ITEMS = 100  # of content; Ark was seen to take 64 images and does not say where it stops
_ASSET = "asset://"  # begins the address of a file in the account's library at Ark
_FPS = 24  # if the client says nothing else
_Count = Annotated[int, Whole()]
_Image = Annotated[
    str,
    formed(f"^({IMAGE}|{_ASSET}.)", "must be an http(s) URL, or a data: URI that begins with data:image/…;base64,"),
    AfterValidator(without_line_breaks),
]


class Image(Part):
    url: _Image = Field(description="An http(s) URL, a data: URI in base64, or asset://.")


class Media(Part):
    url: str


class Draft(Part):
    id: Name


class Item(Part):
    type: Name = Field(description="text, image_url, video_url, audio_url or draft_task.")
    text: Annotated[str, Field(max_length=20_000)] | None = Field(
        None, description="May end in flags such as `--rs 720p --dur 5`; fields go before them."
    )
    image_url: Image | None = None
    video_url: Media | None = None
    audio_url: Media | None = None
    draft_task: Draft | None = None
    role: Name | None = Field(
        None, description="first_frame, last_frame, reference_image, reference_video or reference_audio."
    )


class Submission(Body):
    by_hand: ClassVar[Mapping[str, tuple[str, ...]]] = {"content": ("images", "prompt")}

    model: Name = means("model", ...)
    content: list[Item] = Field(min_length=1, max_length=_MOST_ITEMS)
    resolution: Name | None = means("resolution", write=str.lower, examples=["480p", "720p", "1080p", "4k"])
    ratio: Name | None = means("aspect_ratio", examples=["16:9", "9:16", "adaptive"])
    duration: Annotated[int, Whole(-1)] | None = means(
        "duration", none=-1, says="Seconds; -1 leaves it to the model."
    )
    seed: Annotated[int, Whole(-1, 2**32 - 1)] | None = means(
        "seed", none=-1, write=lambda seed: seed or None, says="-1: at random."
    )
    generate_audio: bool | None = means("audio")
    watermark: bool | None = means("watermark")
    return_last_frame: bool = means("last_frame", False, says="The last frame is archived as a picture, too.")
    service_tier: Name | None = means(
        "off_peak", words={"default": False, "flex": True}, says="`flex` is cheaper, and takes up to two days."
    )
    execution_expires_after: Annotated[int, Whole(3_600, 259_200)] = means("expires_after", EXPIRES_AFTER)
    camera_fixed: bool = only_here(False)
    draft: bool = only_here(False)
    frames: _Count | None = only_here(says="Goes before `duration`.")
    framespersecond: _Count = only_here(_FPS)
    omni_reference_task_type: Name = only_here("auto")
    output_format: Name = only_here("mp4", examples=["mp4", "mov"])
    priority: _Count = only_here(0)
    tools: list[dict[str, Any]] = only_here([], max_length=_MOST_ITEMS)
    safety_identifier: Annotated[str, Field(max_length=64)] | None = only_here(
        matters=False, says="Says who asks, not for what."
    )

    @classmethod
    def prepare(cls, sent: dict[str, Json]) -> dict[str, Json]:
        """With the flags of its texts, which its fields go before."""
        content = sent.get("content")
        items = content if isinstance(content, list) else []
        texts = [item.get("text") for item in items if isinstance(item, dict) and item.get("type") == "text"]
        return _flags_of("\n".join(text for text in texts if isinstance(text, str))) | sent

    def understood(self) -> dict[str, Any]:
        rate = min(self.framespersecond or _FPS, _FPS)  # a higher one may be overlooked there, and more is billed
        seconds = {"duration": -(-self.frames // rate)} if self.frames else {}  # rounded up
        return super().understood() | _meaning_of(self.content) | seconds

    def presumed(self) -> Iterator[str]:
        """Frames go before the duration, and a draft is small whatever is to come of it."""
        yield from super().presumed()
        yield from ["duration"] * bool(self.frames) + ["resolution"] * self.draft

    def unexpressed(self, place: str = "") -> Iterator[str]:
        for number, item in enumerate(self.content):
            if item.type == "image_url" and item.image_url and not item.image_url.url.startswith(_ASSET):
                continue
            if item.type != "text":  # films, sounds, drafts, assets, and what is newer than we are
                yield f"content[{number}].{item.type if item.type in item.model_fields_set else 'type'}"
        yield from super().unexpressed(place)

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        if request.kind is Kind.TEXT2VIDEO and not request.prompt:
            raise Missing("prompt is required at this provider", field="prompt")
        if flag := _FLAG.search(request.prompt):  # of the prompt of another format, whose fields say what is wanted
            raise InvalidRequest(f"prompt holds --{flag[1]}, which is an option at this provider", field="prompt")
        texts = [{"type": "text", "text": request.prompt}] if request.prompt else []
        images = [
            {"type": "image_url", "image_url": {"url": image}, "role": role}
            for image, role in zip(request.images, _ROLES_OF[request.kind], strict=False)
        ]
        return {**super().express(request), "content": [*texts, *images]}


_ROLES = ("first_frame", "last_frame", "reference_image")
_ROLES_OF: Mapping[Kind, tuple[str, ...]] = {  # of images
    Kind.TEXT2VIDEO: (),
    Kind.IMG2VIDEO: _ROLES[:1],
    Kind.START_END2VIDEO: _ROLES[:2],
    Kind.REFERENCE2VIDEO: _ROLES[2:] * (_MOST_ITEMS - 1),
}
BODIES: Mapping[Kind, type[Body]] = dict.fromkeys(_ROLES_OF, Submission)


def _meaning_of(content: list[Item]) -> dict[str, Any]:
    """What is said and shown; and, by the roles in it, what is wanted: Ark itself has no word for that."""
    for number, item in enumerate(content):
        if item.type in ("image_url", "video_url", "audio_url", "draft_task") and not getattr(item, item.type):
            raise _lacking(f"content[{number}].{item.type}")
    prompt = _FLAG.sub("", "\n".join(item.text for item in content if item.type == "text" and item.text)).strip()
    media = any(item.type in ("video_url", "audio_url") for item in content)
    drafts = [item.draft_task.id for item in content if item.type == "draft_task" and item.draft_task]
    kind, images = _kind_and_images(content, media=media)
    if kind is Kind.TEXT2VIDEO and not prompt and all(item.type == "text" for item in content):
        raise Missing("content must hold a text or an image", field="content")
    ours = [ids.creation_id(draft, 1) for draft in drafts if ids.is_task_id(draft)]
    return {
        "kind": Kind.UPSCALE if drafts else kind,
        "prompt": prompt,
        "images": tuple(images),
        "creation_id": "".join(ours[:1]),
        "video_input": any(item.type == "video_url" for item in content),
    }


def _kind_and_images(content: list[Item], *, media: bool) -> tuple[Kind, list[str]]:
    """Ark's own rules, in its words, as it was seen to refuse what breaks them."""
    images = [(number, item) for number, item in enumerate(content) if item.type == "image_url"]
    by_role: dict[str, list[str]] = {role: [] for role in _ROLES}
    for number, item in images:
        if not item.role and (len(images) > 1 or media):
            raise _lacking(f"content[{number}].role")
        role = item.role or "first_frame"
        if role not in by_role:
            field = f"content[{number}].role"
            raise InvalidRequest(f"{field} must be one of {', '.join(_ROLES)}", field=field)
        by_role[role].append(item.image_url.url if item.image_url else "")
    first, last, references = by_role.values()
    for name, frames in (("first", first), ("last", last)):
        if len(frames) > 1:
            raise _wrong(f"expected at most one {name} frame image content but got {len(frames)} instead")
    if (first or last) and (references or media):
        raise _wrong("first/last frame content cannot be mixed with reference media content")
    if last and not first:
        raise _wrong("last frame content needs first frame content")
    if first:
        return Kind.START_END2VIDEO if last else Kind.IMG2VIDEO, [*first, *last]
    return Kind.REFERENCE2VIDEO if references or media else Kind.TEXT2VIDEO, references


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(f"content: {message}", field="content")


def _lacking(field: str) -> Missing:
    return Missing(f"{field} is required", field=field)


# Before there were fields for it, the text carried flags; what is wrong with one, Ark overlooks.
_FLAG_NAMES = {
    "resolution": "resolution", "rs": "resolution", "ratio": "ratio", "rt": "ratio", "duration": "duration",
    "dur": "duration", "frames": "frames", "framespersecond": "framespersecond", "fps": "framespersecond",
    "seed": "seed", "camerafixed": "camera_fixed", "cf": "camera_fixed", "watermark": "watermark", "wm": "watermark",
}  # fmt: skip
_FLAG = re.compile(rf"(?<!\S)--({'|'.join(_FLAG_NAMES)})\s+(\S+)\s*")
_FLAG_VALUES = {
    "duration": r"-1|\d{1,3}",
    **dict.fromkeys(("frames", "framespersecond"), r"\d{1,3}"),
    **dict.fromkeys(("camera_fixed", "watermark"), "true|false"),
    "ratio": r"\d{1,2}:\d{1,2}|adaptive",
    "resolution": r"\d{3,4}p|\dk",
    "seed": r"-1|\d{1,9}",
}


def _flags_of(text: str) -> dict[str, Json]:
    flags: dict[str, Json] = {}
    for said, value in _FLAG.findall(text):
        name = _FLAG_NAMES[said]
        if re.fullmatch(_FLAG_VALUES[name], value, re.ASCII):
            number = int(value) if re.fullmatch(r"-?\d+", value, re.ASCII) else value
            flags[name] = {"true": True, "false": False}.get(value, number)
    return flags
