"""WebM and Matroska files (RFC 9559; numbers below are its sections), read while they pass by.

A file is whole when its segment is. A recorder that does not know the segment's size leaves it open; then the file is
whole when its last block is, and whatever follows does not matter.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from reelkeep.media.boxes import (
    BREAKS_OFF,
    MOST_TRACKS,
    NOTHING_TO_PLAY,
    REST,
    Action,
    Box,
    BoxReader,
    Facts,
    Malformed,
)

_SEGMENT, _CLUSTER, _GROUP = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xa0"  # 5.1, 5.1.3, 5.1.3.5
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK = b"\xe7", b"\xa3", b"\xa1"  # 5.1.3.1, 5.1.3.4, 5.1.3.5.1
_INFO, _SCALE, _DURATION = b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1", b"\x44\x89"  # 5.1.2
_TRACKS, _TRACK, _NUMBER, _DEFAULT = b"\x16\x54\xae\x6b", b"\xae", b"\xd7", b"\x88"  # 5.1.4
_FRAME, _VIDEO, _WIDTH, _HEIGHT = b"\x23\xe3\x83", b"\xe0", b"\xb0", b"\xba"  # 5.1.4.1
_CODEC, _TYPE, _SOUND = b"\x86", b"\x83", 2  # 5.1.4.1, 5.1.4.1.3

_CONTAINERS = frozenset([_SEGMENT, _INFO, _TRACKS, _TRACK, _VIDEO, _GROUP])
_LEAVES = frozenset([_SCALE, _DURATION, _NUMBER, _DEFAULT, _FRAME, _WIDTH, _HEIGHT, _TIMESTAMP, _CODEC, _TYPE])
# Void, CRC-32, PrevSize, Position, SeekHead, Cues, Attachments, Chapters, Tags, and the EBML header
_OTHERS = "ec bf ab a7 114d9b74 1c53bb6b 1941a469 1043a770 1254c367 1a45dfa3"
_KNOWN = _CONTAINERS | _LEAVES | {_CLUSTER, _SIMPLE_BLOCK, _BLOCK} | {bytes.fromhex(kind) for kind in _OTHERS.split()}
_LONGEST_NUMBER = 8  # bytes
_LONGEST_CODEC = 64


@dataclass(slots=True)
class _Track:
    is_default: bool = True
    frame: int = 0  # nanoseconds
    is_video: bool = False
    is_sound: bool = False
    codec: str = ""
    width: int | None = None
    height: int | None = None
    blocks: int = 0
    size: int = 0
    begin: int = 1 << 63  # the first timestamp, in ticks
    end: int = -1  # the last one

    def fps(self, scale: int) -> float | None:
        if self.frame:
            return 1e9 / self.frame
        ticks = self.end - self.begin
        if ticks <= 0 or not scale:
            return None
        rate = (self.blocks - 1) * 1e9 / (ticks * scale)
        # Timestamps are rounded to ticks.
        return round(rate) if abs(rate - round(rate)) * ticks <= rate else rate


class Matroska(BoxReader):
    def __init__(self) -> None:
        super().__init__()
        self._sized = False  # the segment says how long it is
        self._tracks: list[_Track] = []
        self._by_number: dict[int, _Track] = {}
        self._scale = 1_000_000  # nanoseconds a tick
        self._duration = 0.0  # ticks
        self._cluster_time = 0

    def missing(self) -> str | None:
        if not self.whole:
            return BREAKS_OFF
        return None if self._filled else NOTHING_TO_PLAY

    def facts(self) -> Facts:
        ticks = self._duration
        films = [track for track in self._tracks if track.is_video and track.blocks]
        # A cover may be a track of its own, of one picture.
        film = max(films, key=lambda track: (min(5, track.blocks), track.is_default, track.size), default=None)
        if not math.isfinite(ticks) or ticks <= 0:  # a live recorder
            first = min((track.begin for track in self._by_number.values()), default=0)
            ticks = max((track.end for track in self._by_number.values()), default=0) - first
            ticks += film.frame / self._scale if film and self._scale else 0
        seconds = ticks * self._scale / 1e9
        if film is None:
            return Facts(seconds, has_video=False)
        has_sound = any(track.is_sound and track.blocks for track in self._tracks)
        fps = film.fps(self._scale)
        return Facts(seconds, fps, film.width, film.height, codec=film.codec, has_sound=has_sound)

    @property
    def _filled(self) -> bool:
        return any(track.blocks for track in self._tracks)

    def header(self, data: bytes) -> Box | None:
        """RFC 8794, 4 to 6: an id and a size, each of which says in its first byte how long it is."""
        if self._sized and self.room is None:  # after the segment
            return REST
        if not data:
            return None
        id_size = 9 - data[0].bit_length()
        if id_size > 4:
            return self._rest(1)
        if len(data) <= id_size:
            return None
        size_size = 9 - data[id_size].bit_length()
        if size_size > 8:
            return self._rest(id_size + 1)
        at = id_size + size_size
        if len(data) < at:
            return None
        kind = data[:id_size]
        unknown = (1 << 7 * size_size) - 1
        value = int.from_bytes(data[id_size:at], "big") & unknown
        size = None if value == unknown else value
        if kind not in _KNOWN and self.room is None and self._filled:
            return self._rest(at)
        if kind in (_SIMPLE_BLOCK, _BLOCK) and size is not None:
            return self._block_header(kind, data, at, size)
        if kind == _SEGMENT:
            self._sized = size is not None
        if kind in _CONTAINERS or kind == _CLUSTER:
            return Box(kind, at, size, Action.ENTER)
        return Box(kind, at, size, Action.COLLECT if kind in _LEAVES else Action.SKIP)

    def _rest(self, header_size: int) -> Box:
        """This is no element. Players skip to the next one that they understand, and need nothing of the rest."""
        if self.room is None and not self._filled:
            raise Malformed
        return Box(b"", header_size, None, Action.SKIP)

    def _block_header(self, kind: bytes, data: bytes, at: int, size: int) -> Box | None:
        """10.1 and 10.2: a block begins with its track and its time within the cluster."""
        if len(data) == at:
            return None
        number_size = 9 - data[at].bit_length()
        if number_size > 8 or size < number_size + 2:
            return Box(kind, at, size, Action.SKIP)
        if len(data) < at + number_size + 2:
            return None
        number = int.from_bytes(data[at : at + number_size], "big") & (1 << 7 * number_size) - 1
        (time,) = struct.unpack_from(">h", data, at + number_size)
        if track := self._by_number.get(number):
            track.blocks += 1
            track.size += size
            track.begin = min(track.begin, self._cluster_time + time)
            track.end = max(track.end, self._cluster_time + time)
        return Box(kind, at + number_size + 2, size - number_size - 2, Action.SKIP)

    def entered(self, kind: bytes) -> None:
        if kind == _TRACK:
            if len(self._tracks) >= MOST_TRACKS:
                raise Malformed
            self._tracks.append(_Track())
        elif kind == _VIDEO and self._tracks:
            self._tracks[-1].is_video = True

    def collected(self, kind: bytes, payload: bytes) -> None:
        if kind == _CODEC and self._tracks:
            self._tracks[-1].codec = payload[:_LONGEST_CODEC].decode("ascii", "replace")
        if len(payload) > _LONGEST_NUMBER:  # says nothing
            return
        number = int.from_bytes(payload, "big")
        if kind == _TIMESTAMP:
            self._cluster_time = number
        elif kind == _SCALE:
            self._scale = number
        elif kind == _DURATION and len(payload) in (4, 8):
            (self._duration,) = struct.unpack(">f" if len(payload) == 4 else ">d", payload)
        elif self._tracks:
            self._read_into(self._tracks[-1], kind, number)

    def _read_into(self, track: _Track, kind: bytes, number: int) -> None:
        if kind == _NUMBER:
            self._by_number.setdefault(number, track)
        elif kind == _DEFAULT:
            track.is_default = number > 0
        elif kind == _TYPE:
            track.is_sound = number == _SOUND
        elif kind == _FRAME:
            track.frame = number
        elif kind == _WIDTH:
            track.width = number
        elif kind == _HEIGHT:
            track.height = number
