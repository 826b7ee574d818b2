"""A creation's files: where a provider has them, and where clients find them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from reelkeep.dialects.families.lenient import JsonObject, link, text
from reelkeep.domain.expiry import link_expiry
from reelkeep.domain.task import Asset, Creation
from reelkeep.domain.wire import Json

_LISTS = (
    "videos", "video_list", "generations", "outputs", "output", "results", "result", "content", "files",
    "artifacts", "video_urls", "result_urls", "urls", "data",
    "generated_samples", "generated_videos",
)  # fmt: skip
_OBJECTS = (
    "content", "result", "result_json", "results", "output", "outputs", "task_result", "response", "data",
    "generation", "file", "assets", "metadata",
    "generate_video_response", "text",
)  # fmt: skip
_VIDEOS = (
    "result_url", "video_url", "url", "uri", "output_url", "download_url", "file_url", "video", "output", "src",
    "gcs_uri", "video_uri",
)  # fmt: skip
_LINK_IN_TEXT = re.compile(r"""(?:\]\(|\bsrc=["'])(https?://[^\s)"'<>]+)""", re.IGNORECASE)  # of Markdown, or of HTML
_PICTURE = re.compile(r"\.(png|jpe?g|webp|gif|svg)(?=[?#]|$)", re.IGNORECASE)
_REQUESTED = ("prompt", "images", "input")  # shows that an answer repeats what was asked for
_SOURCES = ("creations", "video_url", "video", "videos", "content", "url")
_COVERS = ("cover_url", "cover_uri", "thumbnail_url", "cover_image_url", "poster_url", "cover", "thumbnail")


def creations_in(task: JsonObject, task_id: str) -> tuple[Creation, ...]:
    """The creations with a link to a video, each once, wherever providers are known to put them.

    One without an id is known by its place in the list, or, if there is no list, by the task's id.
    """
    listed = task.fields.get("creations")
    if listed and (found := _made(task, task_id, enumerate(_listed(listed), 1))):
        return found
    if listed and any(name in task.fields for name in _REQUESTED):  # a link in it may be that of its source
        task = JsonObject({name: value for name, value in task.fields.items() if name not in _SOURCES})
    return _made(task, task_id, _items(task))


def _made(task: JsonObject, task_id: str, items: Iterable[tuple[int, JsonObject]]) -> tuple[Creation, ...]:
    found: dict[str, Creation] = {}
    for place, item in items:
        creation_id = item.id("id") if place else task_id
        made = creation(creation_id or str(place or 1), item, task)
        if made.asset("video"):
            found.setdefault(made.id, made)
    return tuple(found.values())


def _items(task: JsonObject) -> Iterator[tuple[int, JsonObject]]:
    """What may be creations, with their places in the list that holds them; 0 if there is no list."""
    inner = list(_objects(task))
    for holder in (task, *inner, *chain.from_iterable(map(_objects, inner))):
        lists = (_listed(value) for name in _LISTS if isinstance(value := holder.fields.get(name), list))
        if items := next((items for items in lists if any(map(_video, items))), None):
            yield from enumerate(items, 1)
            return
        if _video(holder):
            yield 0, holder
            return


def _objects(holder: JsonObject) -> Iterator[JsonObject]:
    values = (holder.fields.get(name) for name in _OBJECTS)
    return (_item(value) for value in values if isinstance(value, dict | str) and value)


def _listed(value: Json) -> list[JsonObject]:
    return [_item(item) for item in (value if isinstance(value, list) else [value])]


def _item(value: Json) -> JsonObject:
    return JsonObject({"url": value} if isinstance(value, str) and _link_in(value) else value)


def _video(item: JsonObject) -> str:
    """The link to its video. What has a role is a part of the request."""
    if item.fields.get("role"):
        return ""
    return item.first(_link_in, _VIDEOS)


def _link_in(value: Json, depth: int = 2) -> str:
    """A link, or the one in an object or a list."""
    if isinstance(value, list):
        return next(filter(None, (_link_in(each, depth - 1) for each in value)), "") if depth else ""
    if isinstance(value, dict):
        return JsonObject(value).first(lambda each: _link_in(each, depth - 1), _VIDEOS) if depth else ""
    return link(value) or _link_in_text(text(value))


def _link_in_text(said: str) -> str:
    """The link to a video that a sentence shows, as chats do."""
    return next((link(each) for each in _LINK_IN_TEXT.findall(said) if not _PICTURE.search(each)), "")


def creation(creation_id: str, item: JsonObject, task: JsonObject) -> Creation:
    clean = item.link("nomark_uri")  # the video without a mark, for those who pay for that
    moderation = item.fields.get("moderation_url")
    copies = moderation if isinstance(moderation, list) else [moderation]
    sources = {
        "video": clean or _video(item),
        "cover": item.first(_link_in, _COVERS) or task.first(_link_in, _COVERS),
        "watermarked": item.link("watermarked_url", "watermark_url") or (clean and _video(item)),
        "last-frame": item.link("last_frame_url"),
        **{f"moderation-{number}": link(copy) for number, copy in enumerate(copies, 1)},
    }
    return Creation(id=creation_id, assets=assets(sources), **facts(item, task))


def assets(sources: dict[str, str]) -> tuple[Asset, ...]:
    return tuple(Asset(name=name, source=url, expires_at=link_expiry(url)) for name, url in sources.items() if url)


def facts(*objects: JsonObject) -> dict[str, Json]:
    """A video's duration, frame rate and size, each from the first of the objects that has it."""
    holders = [
        part
        for each in objects
        for part in (each.object("video").object("resolution"), each.object("video"), each.object("metadata"), each)
    ]

    def of(*names: str) -> float | None:
        return next(filter(None, (holder.number(*names) for holder in holders)), None)

    sizes = (re.fullmatch(r"(\d{1,5})x(\d{1,5})", holder.text("size"), re.ASCII) for holder in holders)
    width, height = next(((int(size[1]), int(size[2])) for size in sizes if size), (None, None))
    return {
        "duration": of("duration", "seconds"),
        "fps": of("fps", "framespersecond"),
        "width": _pixels(of("width")) or width,
        "height": _pixels(of("height")) or height,
    }


def _pixels(length: float | None) -> int | None:
    return int(length) if length and length < 1_000_000 else None
