"""What an MP4 or QuickTime file says about itself (ISO/IEC 14496-12), read while it passes by.

The index (`moov`) may stand before or after the pictures, or be spread over fragments. Of it only the boxes
with durations, sizes and sample counts are kept; the long sample tables are stepped over.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field

from reelkeep.media.boxes import BREAKS_OFF, Act, Box, Facts, Malformed, Walk

_CONTAINERS = frozenset(b"moov trak mdia minf stbl mvex moof traf iprp ipco".split())
_LEAVES = frozenset(b"mvhd tkhd mdhd hdlr stsd stts stco co64 trex tfhd trun ispe".split())
_MOST_TRACKS = 256
_DIFFERENT_LENGTHS = 1024  # sample lengths told apart per track; more only makes the frame rate an average


@dataclass(slots=True)
class Track:
    number: int = 0
    kind: bytes = b""
    timescale: int = 0
    width: int = 0
    height: int = 0
    turned: bool = False  # shown rotated by a quarter
    samples: int = 0
    ticks: int = 0
    default_ticks: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    last_chunk: int = -1

    def add(self, count: int, ticks: int) -> None:
        self.samples += count
        self.ticks += count * ticks
        if len(self.lengths) < _DIFFERENT_LENGTHS:
            self.lengths[ticks] += count

    @property
    def seconds(self) -> float | None:
        return self.ticks / self.timescale if self.timescale and self.ticks else None

    @property
    def fps(self) -> float | None:
        """The frame rate that nine frames of ten have, else the average."""
        if not self.timescale or not self.ticks:
            return None
        ticks, count = self.lengths.most_common(1)[0]
        if ticks and count >= 0.9 * self.samples:
            return self.timescale / ticks
        return self.samples * self.timescale / self.ticks


class Mp4(Walk):
    """`still` for the picture formats in the same boxes (AVIF, HEIC), which need no `moov`."""

    def __init__(self, *, still: bool = False) -> None:
        super().__init__()
        self._still = still
        self._tracks: list[Track] = []
        self._indexed = False  # a moov was there
        self._filled = False  # an mdat was there
        self._picture: tuple[int, int] | None = None  # the largest `ispe`: others are its tiles
        self._movie_seconds: float | None = None
        self._fragmented = False
        self._fragment: Track | None = None
        self._fragment_ticks = 0

    @property
    def has_video(self) -> bool:
        return self._video is not None

    def missing(self) -> str | None:
        if not self.whole:
            return BREAKS_OFF
        if self._still:
            return None
        if not self._indexed:
            return "its index is missing"
        if not self._filled or any(track.last_chunk >= self.offset for track in self._tracks):
            return "it holds its index, but not all that the index points to"
        return None

    def facts(self) -> Facts:
        if self._still:
            return Facts(None, None, *(self._picture or (None, None)))
        video = self._video
        if video is None or not video.width:
            return Facts(self._seconds)
        size = (video.height, video.width) if video.turned else (video.width, video.height)
        return Facts(self._seconds, video.fps, *size)

    @property
    def _video(self) -> Track | None:
        return next((track for track in self._tracks if track.kind == b"vide"), None)

    @property
    def _seconds(self) -> float | None:
        of_tracks = max((track.seconds or 0.0 for track in self._tracks), default=0.0) or None
        if self._fragmented:  # what moov says of a fragmented file covers at most its beginning
            return of_tracks
        return self._movie_seconds or of_tracks

    def header(self, data: bytes) -> Box | None:
        if self.room is not None and self.room < 8:  # QuickTime ends some lists with four zero bytes
            return Box(b"", 0, self.room, Act.SKIP)
        if len(data) < 8:
            return None
        kind = data[4:8]
        size, head = int.from_bytes(data[:4], "big"), 8
        if size == 1:
            if len(data) < 16:
                return None
            size, head = int.from_bytes(data[8:16], "big"), 16
        if size == 0:
            payload = None
        elif size >= head and all(32 <= byte < 127 or byte == 0xA9 for byte in kind):
            payload = size - head
        elif self._indexed and self._filled and self.room is None:
            return Box(b"", 8, None, Act.SKIP)  # something of no meaning after a complete file
        else:
            raise Malformed
        if kind == b"mdat":
            self._filled = True
        if kind in _CONTAINERS:
            return Box(kind, head, payload, Act.ENTER)
        if kind == b"meta" and self.room is None and payload != 0:  # still pictures keep their sizes here
            if len(data) < head + 4:
                return None
            return Box(kind, head + 4, None if payload is None else payload - 4, Act.ENTER)
        return Box(kind, head, payload, Act.KEEP if kind in _LEAVES else Act.SKIP)

    def entered(self, kind: bytes) -> None:
        if kind == b"moov":
            self._indexed = True
        elif kind == b"trak":
            if len(self._tracks) >= _MOST_TRACKS:
                raise Malformed
            self._tracks.append(Track())
        elif kind == b"moof":
            self._fragmented = True

    def kept(self, kind: bytes, payload: bytes) -> None:
        try:
            self._read(kind, payload)
        except struct.error:
            return  # a box too short for what it should say says nothing

    def _read(self, kind: bytes, data: bytes) -> None:
        if kind == b"mvhd":
            timescale, duration = _timescale_and_duration(data)
            if timescale and duration:
                self._movie_seconds = duration / timescale
        elif kind == b"ispe":
            width, height = struct.unpack_from(">II", data, 4)
            if self._picture is None or width * height > self._picture[0] * self._picture[1]:
                self._picture = (width, height)
        elif kind == b"trex":
            number, _, ticks = struct.unpack_from(">III", data, 4)
            for track in self._tracks:
                if track.number == number:
                    track.default_ticks = ticks
        elif kind == b"tfhd":
            self._begin_fragment(data)
        elif kind == b"trun":
            self._add_run(data)
        elif self._tracks:
            _read_into(self._tracks[-1], kind, self.inside, data)

    def _begin_fragment(self, data: bytes) -> None:
        flags, number = struct.unpack_from(">II", data)
        self._fragment = next((track for track in self._tracks if track.number == number), None)
        if self._fragment is None:
            return
        self._fragment_ticks = self._fragment.default_ticks
        if flags & 0x08:
            at = 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0)
            (self._fragment_ticks,) = struct.unpack_from(">I", data, at)

    def _add_run(self, data: bytes) -> None:
        if self._fragment is None:
            return
        flags, count = struct.unpack_from(">II", data)
        if not flags & 0x100:
            self._fragment.add(count, self._fragment_ticks)
            return
        at = 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0)
        step = 4 * (flags >> 8 & 0xF).bit_count()
        for sample in range(min(count, (len(data) - at) // step)):
            self._fragment.add(1, struct.unpack_from(">I", data, at + sample * step)[0])


def _read_into(track: Track, kind: bytes, inside: bytes, data: bytes) -> None:
    long = data[:1] == b"\1"  # version 1 has 64-bit times
    if kind == b"tkhd":
        (track.number,) = struct.unpack_from(">I", data, 20 if long else 12)
        a, b, _, c, d = struct.unpack_from(">5i", data, 52 if long else 40)
        track.turned = a == 0 == d and b != 0 != c
    elif kind == b"mdhd":
        track.timescale, _ = _timescale_and_duration(data)
    elif kind == b"hdlr" and inside == b"mdia":  # QuickTime has others elsewhere
        track.kind = data[8:12]
    elif kind == b"stsd" and track.kind == b"vide":
        track.width, track.height = struct.unpack_from(">HH", data, 40)
    elif kind == b"stts":
        for count, ticks in struct.iter_unpack(">II", _table(data, 8)):
            track.add(count, ticks)
    elif kind == b"stco":
        track.last_chunk = max((at for (at,) in struct.iter_unpack(">I", _table(data, 4))), default=-1)
    elif kind == b"co64":
        track.last_chunk = max((at for (at,) in struct.iter_unpack(">Q", _table(data, 8))), default=-1)


def _timescale_and_duration(data: bytes) -> tuple[int, int]:
    """Of `mvhd` and `mdhd`. A duration with all bits set means that it is not known."""
    if data[:1] == b"\1":
        timescale, duration = struct.unpack_from(">IQ", data, 20)
        return timescale, 0 if duration == 2**64 - 1 else duration
    timescale, duration = struct.unpack_from(">II", data, 12)
    return timescale, 0 if duration == 2**32 - 1 else duration


def _table(data: bytes, row: int) -> bytes:
    """The rows of a table that are really there, whatever number it claims."""
    (count,) = struct.unpack_from(">I", data, 4)
    return data[8 : 8 + row * min(count, (len(data) - 8) // row)]
