"""The facts of a media file, found while its bytes pass by, and whether it is what it claims to be. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

from reelkeep.media.boxes import Malformed, Reader
from reelkeep.media.images import HEAD, NO_END_MARK, Jpeg, Opaque, Picture, Riff
from reelkeep.media.matroska import Matroska
from reelkeep.media.mp4 import Mp4

Expected = Literal["video", "image", "audio", "media"]  # media: any of them

_PHRASES: dict[Expected, str] = {
    "video": "a video",
    "image": "a picture",
    "audio": "a sound file",
    "media": "a media file",
}


class NotMedia(Exception):
    """It is not the media that was expected; the message says to a person what it is instead."""


class Truncated(NotMedia):
    """It is, but not all of it is there."""


@dataclass(frozen=True, slots=True)
class Media:
    content_type: str
    extension: str
    duration_seconds: float | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    codec: str = ""  # of the video: h264, hevc, …; as the file calls it if it is none of the known ones
    has_sound: bool | None = None  # None if it is not known


class _Format(NamedTuple):
    kinds: str  # of what may be expected
    name: str  # with its article, for sentences
    content_type: str
    extension: str
    reader: Callable[[], Reader] = Opaque


_MP4 = _Format("video audio", "an MP4 file", "video/mp4", "mp4", Mp4)
_QUICKTIME = _Format("video audio", "a QuickTime file", "video/quicktime", "mov", Mp4)
_AVIF = _Format("image", "an AVIF picture", "image/avif", "avif")
_HEIC = _Format("image", "a HEIC picture", "image/heic", "heic")
_BRANDS = {  # ISO/IEC 14496-12, 4.3
    b"qt  ": _QUICKTIME,
    b"M4A ": _Format("audio", "an M4A sound file", "audio/mp4", "m4a", Mp4),
    b"M4B ": _Format("audio", "an M4A sound file", "audio/mp4", "m4a", Mp4),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    **dict.fromkeys((b"heic", b"heix", b"hevc"), _HEIC),
}
_WEBM = _Format("video audio", "a WebM file", "video/webm", "webm", Matroska)
_MATROSKA = _Format("video audio", "a Matroska file", "video/x-matroska", "mkv", Matroska)
_PNG = _Format("image", "a PNG picture", "image/png", "png", partial(Picture, b"IEND", 16, 4, "big"))
_GIF = _Format("image", "a GIF picture", "image/gif", "gif", partial(Picture, b";", 6, 2, "little"))
_TS = _Format("video", "an MPEG transport stream", "video/mp2t", "ts")

_CODECS = {  # mp4ra.org; RFC 9559's codec mappings
    **dict.fromkeys(("avc1", "avc3", "V_MPEG4/ISO/AVC"), "h264"),
    **dict.fromkeys(("hvc1", "hev1", "dvh1", "dvhe", "V_MPEGH/ISO/HEVC"), "hevc"),
    **dict.fromkeys(("av01", "V_AV1"), "av1"),
    **dict.fromkeys(("vp09", "V_VP9"), "vp9"),
    **dict.fromkeys(("vp08", "V_VP8"), "vp8"),
}

_SIGNATURES = [
    (re.compile(rb"(?![\t\r\n -~]{16})G[\x00-\x7f].[\x10-\x3f].{184}G", re.S), _TS),
    (re.compile(rb".{4}G[\x00-\x7f].[\x10-\x3f].{188}G", re.S), _TS),
    (re.compile(rb"FLV\x01"), _Format("video", "an FLV file", "video/x-flv", "flv")),
    (re.compile(rb"\x00\x00\x01\xba"), _Format("video", "an MPEG program stream", "video/mpeg", "mpg")),
    (
        re.compile(rb"0&\xb2\x75\x8e\x66\xcf\x11"),
        _Format("video audio", "an ASF file", "video/x-ms-asf", "asf"),
    ),
    (re.compile(rb"\x06\x0e\x2b\x34\x02\x05\x01\x01"), _Format("video", "an MXF file", "application/mxf", "mxf")),
    (re.compile(rb"\xff\xd8\xff"), _Format("image", "a JPEG picture", "image/jpeg", "jpeg", Jpeg)),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _PNG),
    (re.compile(rb"GIF8[79]a"), _GIF),
    (re.compile(rb"RIFF....WEBP", re.S), _Format("image", "a WebP picture", "image/webp", "webp", Riff)),
    (re.compile(rb"RIFF....WAVE", re.S), _Format("audio", "a WAV sound file", "audio/wav", "wav", Riff)),
    (re.compile(rb"RIFF....AVI ", re.S), _Format("video", "an AVI file", "video/x-msvideo", "avi", Riff)),
    (re.compile(rb"OggS"), _Format("audio", "an Ogg file", "audio/ogg", "ogg")),
    (re.compile(rb"fLaC"), _Format("audio", "a FLAC sound file", "audio/flac", "flac")),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), _Format("audio", "an MP3 file", "audio/mpeg", "mp3")),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), _Format("audio", "an AAC sound file", "audio/aac", "aac")),
    (re.compile(rb"....(moov|mdat|wide|free|skip|pnot|uuid|udta)", re.S), _QUICKTIME),
]

_OTHERS = [
    (re.compile(rb"<!doctype html|<html|<head|<body", re.I), "an HTML page"),
    (re.compile(rb"<"), "an XML document"),
    (re.compile(rb"[{\[]"), "a JSON document"),
    (re.compile(rb"#EXTM3U"), "a playlist"),
    (re.compile(rb"PK\x03\x04"), "a zip file"),
    (re.compile(rb"\x1f\x8b"), "a gzip file"),
    (re.compile(rb"[\t\r\n\x20-\x7e]+\Z"), "a text"),
]


class MediaProbe:
    """Fed with the bytes in order. Memory stays small whatever the size; chunks may be cut anywhere."""

    def __init__(self, expected: Expected = "media") -> None:
        self._expected = expected
        self._head = b""
        self._found: _Format | None = None
        self._reader: Reader = Opaque()

    @property
    def content_type(self) -> str:
        """As far as it shows in what has passed. Raises NotMedia."""
        return self._format.content_type

    @property
    def extension(self) -> str:
        return self._format.extension

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Raises NotMedia as soon as that is certain."""
        view = memoryview(chunk)
        if self._found is None:
            wanted = HEAD - len(self._head)
            self._head += bytes(view[:wanted])
            if len(self._head) < HEAD:
                return
            self._recognise()
            view = view[wanted:]
        self._read(view)

    def finish(self, *, framed: bool = False) -> Media:
        """`framed`: the transfer itself shows that no byte is missing. Raises NotMedia, or Truncated."""
        name, reader = self._format.name, self._reader
        if (missing := reader.missing()) and not (framed and missing == NO_END_MARK):
            raise Truncated(f"the provider answered {name} that is not whole: {missing}")
        facts = reader.facts()
        if self._expected == "video" and not facts.has_video:
            raise NotMedia(f"the provider answered {name} without a picture in it")
        return Media(
            content_type=self._format.content_type,
            extension=self._format.extension,
            duration_seconds=_rounded(facts.seconds),
            fps=_rounded(facts.fps),
            width=facts.width or None,
            height=facts.height or None,
            codec=_codec(facts.codec),
            has_sound=facts.has_sound,
        )

    @property
    def _format(self) -> _Format:
        return self._found or self._recognise()

    def _recognise(self) -> _Format:
        found = _format_of(self._head)
        if found is None or (self._expected != "media" and self._expected not in found.kinds.split()):
            what = found.name if found else _unknown(self._head)
            raise NotMedia(f"the provider answered {what} where {_PHRASES[self._expected]} was expected")
        self._found, self._reader = found, found.reader()
        self._read(memoryview(self._head))
        return found

    def _read(self, chunk: memoryview) -> None:
        try:
            self._reader.feed(chunk)
        except Malformed:
            raise NotMedia(f"the provider answered {self._format.name} that is broken inside") from None


def _format_of(head: bytes) -> _Format | None:
    if head[4:8] == b"ftyp":
        length = min(int.from_bytes(head[:4], "big"), len(head))
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))]
        if brands[0] in (b"mif1", b"msf1"):  # a picture of a kind that only the others name
            return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), _HEIC)
        return _BRANDS.get(brands[0], _MP4)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return _WEBM if b"webm" in head[:64] else _MATROSKA
    return next((found for signature, found in _SIGNATURES if signature.match(head)), None)


def _unknown(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        return "an empty file"
    # A page may begin with a declaration or a comment of its own.
    if text.startswith(b"<") and re.search(rb"<html|<!doctype html", text, re.I):
        return "an HTML page"
    return next((what for page, what in _OTHERS if page.match(text)), "something of no known kind")


def _codec(name: str) -> str:
    return _CODECS.get(name) or (name.strip() if name.isascii() and name.isprintable() else "")


def _rounded(value: float | None) -> float | None:
    """None for what cannot be: a file may claim to last for ever, or no number of seconds at all."""
    return round(value, 3) if value is not None and 0 < value < math.inf else None
