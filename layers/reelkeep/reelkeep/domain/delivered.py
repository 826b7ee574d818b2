"""Whether what was delivered is what was ordered, and what its provider says that it made.

Nothing is said of what the request leaves open, of what the file does not tell, or of what a word may mean: sizes are
compared by their class, since 720p is 1280x720 here, 960x960 there, and 1470x630 in 21:9. Sources of those sizes: the
documentation of Ark (resolution and ratio) and of Vidu.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reelkeep.domain.task import ArchivedFile, Creation, Kind, Request, Task

_SECONDS = 0.5  # that a video may be longer or shorter: 5 s come as 5.04 s, 4 s as 3.85 s
_SIDE = 0.09  # of a side's length, by which sizes of one class differ; the nearest classes are an eighth apart
_RATIO = 0.05  # of a ratio: 832x480 counts as 16:9, and the nearest ratios are a sixteenth apart
_PIXELS = 0.02  # of a side that the provider claims: 1920x1080 comes as 1920x1088
_SHORT_SIDES = {"2k": 1440, "4k": 2160, "8k": 4320}
_LONG_SIDES_OF_2K = range(2000, 2900)  # 2048x1080, 2048x1152 and 2560x1440 are all called so
_WIDE = 16 / 9
_CODECS = {"h265": "hevc", "x265": "hevc", "avc": "h264", "x264": "h264"}

# An extension's duration may be that of what is added; the others are as long as their source.
_WITH_DURATION = frozenset(
    {Kind.TEXT2VIDEO, Kind.IMG2VIDEO, Kind.REFERENCE2VIDEO, Kind.START_END2VIDEO, Kind.TEMPLATE2VIDEO}
)
_WITH_RATIO = frozenset({Kind.TEXT2VIDEO, Kind.REFERENCE2VIDEO})  # else the pictures decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    creation: str
    what: str  # duration, resolution, size, aspect_ratio, audio, codec
    ordered: str = ""  # empty if the file fits what was ordered, or nothing was
    claimed: str = ""  # the same of what the provider says
    delivered: str


def differences(task: Task) -> list[Difference]:
    """Of the videos in the archive. Nobody ordered what was adopted: its request is what the provider says of it."""
    order = None if task.adopted else task.request
    return [
        difference
        for creation in task.creations
        if (video := creation.asset("video")) and video.archived
        for difference in _of(creation, order, video.archived)
    ]


def _of(creation: Creation, order: Request | None, file: ArchivedFile) -> Iterator[Difference]:
    found = dict[str, Difference]()
    if order:
        for what, ordered, delivered in _from_order(order, file):
            found[what] = Difference(creation=creation.id, what=what, ordered=ordered, delivered=delivered)
    for what, claimed, delivered in _from_claim(creation, file):
        ordered = found[what].ordered if what in found else ""
        found[what] = Difference(
            creation=creation.id, what=what, ordered=ordered, claimed=claimed, delivered=delivered
        )
    yield from found.values()


_Found = Iterator[tuple[str, str, str]]  # what, as it was said, as it was delivered


def _from_order(order: Request, file: ArchivedFile) -> _Found:
    said = {name for name in ("duration", "resolution", "aspect_ratio") if name not in order.presumed}
    if order.kind in _WITH_DURATION and "duration" in said and order.duration and order.duration > 0:
        yield from _seconds(order.duration, file)
    if file.width and file.height:
        size, seen = (file.width, file.height), f"{file.width}x{file.height}"
        if "resolution" in said and not _has_resolution(size, order.resolution):
            yield "resolution", order.resolution, seen
        if order.kind in _WITH_RATIO and "aspect_ratio" in said and not _has_ratio(size, order.aspect_ratio):
            yield "aspect_ratio", order.aspect_ratio, seen
    # A track may hold silence, so one that nobody ordered proves nothing.
    if order.audio and "audio" not in order.presumed and file.sound is False:
        yield "audio", "true", "false"
    codec = _CODECS.get(order.codec.lower(), order.codec.lower())
    if codec and file.codec and codec != file.codec:
        yield "codec", order.codec, file.codec


def _from_claim(creation: Creation, file: ArchivedFile) -> _Found:
    if creation.duration:
        yield from _seconds(creation.duration, file)
    if creation.width and creation.height and file.width and file.height:
        pairs = zip(sorted((creation.width, creation.height)), sorted((file.width, file.height)), strict=True)
        if not all(_is_near(claimed, made, _PIXELS) for claimed, made in pairs):
            yield "size", f"{creation.width}x{creation.height}", f"{file.width}x{file.height}"


def _seconds(wanted: float, file: ArchivedFile) -> _Found:
    if file.duration is not None and abs(file.duration - wanted) > _SECONDS:
        yield "duration", f"{wanted:g}", f"{file.duration:g}"


def _has_resolution(size: tuple[int, int], word: str) -> bool:
    """By its shorter side, its longer one, or its area, whichever the provider goes by."""
    word = word.lower()
    if pixels := re.fullmatch(r"(\d{2,5})[x*×](\d{2,5})", word, re.ASCII):
        pairs = zip(sorted((int(pixels[1]), int(pixels[2]))), sorted(size), strict=True)
        return all(_is_near(wanted, made, _SIDE) for wanted, made in pairs)
    lines = re.fullmatch(r"(\d{3,4})p", word, re.ASCII)
    side = int(lines[1]) if lines else _SHORT_SIDES.get(word)
    if side is None:  # whatever it means
        return True
    if word == "2k" and max(size) in _LONG_SIDES_OF_2K:
        return True
    width, height = size
    made = (min(size), max(size) / _WIDE, math.sqrt(width * height / _WIDE))
    return any(_is_near(side, each, _SIDE) for each in made)


def _has_ratio(size: tuple[int, int], word: str) -> bool:
    ratio = re.fullmatch(r"([1-9]\d{0,3}):([1-9]\d{0,3})", word, re.ASCII)
    return ratio is None or _is_near(int(ratio[1]) / int(ratio[2]), size[0] / size[1], _RATIO)


def _is_near(wanted: float, made: float, tolerance: float) -> bool:
    return abs(made - wanted) <= tolerance * wanted
