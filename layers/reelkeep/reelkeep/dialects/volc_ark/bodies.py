"""The body that asks Ark for a video, read and written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelkeep.dialects.dialect import LARGEST_BODY
from reelkeep.dialects.grammar import foreign
from reelkeep.dialects.grammar.strict import IMAGE, URL, Fields
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json

MOST_ITEMS = 100  # of content; Ark was seen to take 64 images and does not say where it stops
TIERS = {"default": False, "flex": True}
_LONGEST_TEXT = 20_000
_EXPIRES_AFTER = 172_800  # seconds, if the client does not say
_ASSET = "asset://"  # begins the address of a file in the account's library at Ark

_USUAL: Mapping[str, Json] = {  # what no other provider has words for, and what stands there for nothing special
    "camera_fixed": False,
    "draft": False,
    "frames": None,
    "framespersecond": 24,
    "omni_reference_task_type": "auto",
    "output_format": "mp4",
    "priority": 0,
    "tools": [],
}


def read(sent: dict[str, Json]) -> dict[str, Any]:
    """The fields of a Request that this body says something of. Raises InvalidRequest, naming what is wrong."""
    body = Fields(sent)
    content = _read_content(body.parts("content", most=MOST_ITEMS))
    body.given = {**content.flags, **body.given}
    tier = body.text("service_tier")
    seconds, seed = body.whole("duration", least=-1), body.whole("seed", least=-1, most=2**32 - 1)
    understood = {
        "kind": content.kind,
        "model": body.text("model", required=True),
        "prompt": content.prompt,
        "images": content.images,
        "creation_id": content.draft,
        "duration": seconds if seconds and seconds > 0 else None,  # -1 leaves it to the model
        "resolution": body.text("resolution"),
        "aspect_ratio": body.text("ratio"),
        "seed": None if seed == -1 else seed,
        "audio": body.flag("generate_audio"),
        "watermark": body.flag("watermark"),
        "last_frame": body.flag("return_last_frame") or False,
        "off_peak": TIERS.get(tier, False),
        "expires_after": body.whole("execution_expires_after", least=3_600, most=259_200) or _EXPIRES_AFTER,
        "provider": body.text("provider"),
        "callback_url": body.text("callback_url", form=URL, longest=8192),
    }
    unexpressed = [*content.unexpressed, *_special(body)]
    if tier and tier not in TIERS:
        unexpressed.append("service_tier")
    body.text("safety_identifier", longest=64)  # says who asks, not for what: it need not be expressed elsewhere
    return {**understood, "unexpressed": (*unexpressed, *body.unread({}))}


def _special(body: Fields) -> Iterator[str]:
    for name in ("camera_fixed", "draft"):
        body.flag(name)
    for name in ("frames", "framespersecond", "priority"):
        body.whole(name)
    for name in ("omni_reference_task_type", "output_format"):
        body.text(name)
    body.parts("tools", most=MOST_ITEMS)
    for name, usual in _USUAL.items():
        if body.given.get(name, usual) != usual:
            yield name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    kind: Kind
    prompt: str
    images: tuple[str, ...]
    draft: str  # the creation that an earlier task of ours made
    flags: Mapping[str, Json] = field(default_factory=dict)
    unexpressed: tuple[str, ...] = ()


def _read_content(items: Sequence[Fields]) -> _Content:
    """What is said and shown; and, by the roles in it, what is wanted: Ark itself has no word for that."""
    texts: list[str] = []
    images: list[tuple[Fields, str]] = []
    drafts: list[str] = []
    media, special = False, []
    for item in items:
        match item.text("type", required=True):
            case "text":
                texts.append(item.text("text", longest=_LONGEST_TEXT))
            case "image_url":
                images.append((item, _address(item, "image_url", IMAGE)))
                if images[-1][1].startswith(_ASSET):
                    special.append(item.name("image_url"))
            case "video_url" | "audio_url" as name:
                _address(item, name)
                media = True
                special.append(item.name(name))
            case "draft_task":
                drafts.append(item.part("draft_task", required=True).text("id", required=True))
                special.append(item.name("draft_task"))
            case _:  # newer than we are: for the provider to understand
                special.append(item.name("type"))
    prompt, flags = _without_flags("\n".join(filter(None, texts)))
    kind, shown = _kind_and_images(images, media=media)
    if drafts:
        kind = Kind.UPSCALE
    elif kind is Kind.TEXT2VIDEO and not special and not prompt:
        raise InvalidRequest("content must hold a text or an image", field="content", missing=True)
    ours = [ids.creation_id(draft, 1) for draft in drafts if ids.is_task_id(draft)]
    return _Content(
        kind=kind, prompt=prompt, images=shown, draft="".join(ours[:1]), flags=flags, unexpressed=tuple(special)
    )


def _address(item: Fields, name: str, form: re.Pattern[str] | None = None) -> str:
    part = item.part(name, required=True)
    address = part.text("url", required=True, longest=LARGEST_BODY)
    if form and not address.startswith(_ASSET):
        part.text("url", longest=LARGEST_BODY, form=form)
    return address


def _kind_and_images(images: Sequence[tuple[Fields, str]], *, media: bool) -> tuple[Kind, tuple[str, ...]]:
    """Ark's own rules, in its words, as it was seen to refuse what breaks them."""
    roles: dict[str, list[str]] = {"first_frame": [], "last_frame": [], "reference_image": []}
    for item, address in images:
        role = item.text("role", required=len(images) > 1 or media, among=roles) or "first_frame"
        roles[role].append(address)
    first, last, references = roles.values()
    for name, frames in (("first", first), ("last", last)):
        if len(frames) > 1:
            raise _wrong(f"expected at most one {name} frame image content but got {len(frames)} instead")
    if (first or last) and (references or media):
        raise _wrong("first/last frame content cannot be mixed with reference media content")
    if last and not first:
        raise _wrong("last frame content needs first frame content")
    if first:
        return Kind.START_END2VIDEO if last else Kind.IMG2VIDEO, (*first, *last)
    return Kind.REFERENCE2VIDEO if references or media else Kind.TEXT2VIDEO, tuple(references)


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(f"content: {message}", field="content")


# Before there were fields for it, the text carried flags; what is wrong with one, Ark overlooks.
_FLAG_NAMES = {
    "resolution": "resolution", "rs": "resolution", "ratio": "ratio", "rt": "ratio", "duration": "duration",
    "dur": "duration", "frames": "frames", "framespersecond": "framespersecond", "fps": "framespersecond",
    "seed": "seed", "camerafixed": "camera_fixed", "cf": "camera_fixed", "watermark": "watermark", "wm": "watermark",
}  # fmt: skip
_FLAG = re.compile(rf"(?<!\S)--({'|'.join(_FLAG_NAMES)})\s+(\S+)\s*")
_FLAG_VALUES = {
    **dict.fromkeys(("duration", "frames", "framespersecond"), r"-1|\d{1,3}"),
    **dict.fromkeys(("camera_fixed", "watermark"), "true|false"),
    "ratio": r"\d{1,2}:\d{1,2}|adaptive",
    "resolution": r"\d{3,4}p|\dk",
    "seed": r"-1|\d{1,9}",
}


def _without_flags(text: str) -> tuple[str, Mapping[str, Json]]:
    flags: dict[str, Json] = {}
    for said, value in _FLAG.findall(text):
        name = _FLAG_NAMES[said]
        if re.fullmatch(_FLAG_VALUES[name], value, re.ASCII):
            flags[name] = {"true": True, "false": False}.get(value, value)
            if re.fullmatch(r"-?\d+", value, re.ASCII):
                flags[name] = int(value)
    return _FLAG.sub("", text).strip(), flags


_IMAGES = {  # how many there must be, at least and at most, and their roles
    Kind.TEXT2VIDEO: (0, 0, ()),
    Kind.IMG2VIDEO: (1, 1, ("first_frame",)),
    Kind.START_END2VIDEO: (2, 2, ("first_frame", "last_frame")),
    Kind.REFERENCE2VIDEO: (1, MOST_ITEMS, ("reference_image",) * MOST_ITEMS),
}
_SAYS = (
    "prompt", "images", "duration", "resolution", "aspect_ratio", "seed", "audio", "watermark", "last_frame",
    "off_peak",
)  # fmt: skip


def write(request: Request) -> dict[str, Json]:
    """The body for a request that another dialect brought. Raises InvalidRequest for what it cannot say."""
    foreign.check(request, kinds=_IMAGES, says=_SAYS)
    least, most, roles = _IMAGES[request.kind]
    if not least <= len(request.images) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise InvalidRequest(f"images: {request.kind} takes {wanted} at this provider", field="images")
    for name in ("model",) if request.images else ("model", "prompt"):
        if not getattr(request, name):
            raise InvalidRequest(f"{name} is required at this provider", field=name, missing=True)
    texts = [{"type": "text", "text": request.prompt}] if request.prompt else []
    images = [
        {"type": "image_url", "image_url": {"url": image}, "role": role}
        for image, role in zip(request.images, roles, strict=False)
    ]
    said = {
        "resolution": request.resolution.lower() or None,  # 4K is 4k here
        "ratio": foreign.ratio(request) or None,
        "duration": request.duration,
        "seed": request.seed or None,  # 0 is Vidu's way to leave it to chance
        "generate_audio": request.audio,
        "watermark": request.watermark,
        "return_last_frame": request.last_frame or None,
        "service_tier": "flex" if request.off_peak else None,
    }
    return {
        "model": request.model,
        "content": [*texts, *images],
        **{name: value for name, value in said.items() if value is not None},
    }


def with_draft(item: Json, task_id: str) -> Json:
    """A client knows its draft by our id, the provider by its own."""
    is_draft = isinstance(item, dict) and item.get("type") == "draft_task"
    return {**item, "draft_task": {"id": task_id}} if is_draft else item
