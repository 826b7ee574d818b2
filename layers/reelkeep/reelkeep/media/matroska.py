"""What a WebM or Matroska file says about itself (RFC 9559), read while it passes by."""

from __future__ import annotations

import struct

from reelkeep.media.boxes import BREAKS_OFF, Act, Box, Facts, Malformed, Walk

_SEGMENT, _CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_INFO, _SCALE, _DURATION = b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1", b"\x44\x89"
_TRACKS, _TRACK, _VIDEO = b"\x16\x54\xae\x6b", b"\xae", b"\xe0"
_FRAME, _WIDTH, _HEIGHT = b"\x23\xe3\x83", b"\xb0", b"\xba"

_CONTAINERS = frozenset([_SEGMENT, _INFO, _TRACKS, _TRACK, _VIDEO])
_LONGEST_NUMBER = 8  # bytes
_LEAVES = frozenset([_SCALE, _DURATION, _FRAME, _WIDTH, _HEIGHT])


class Matroska(Walk):
    def __init__(self) -> None:
        super().__init__()
        self._filled = False  # a cluster was there
        self._width: int | None = None
        self._height: int | None = None
        self._scale = 1_000_000  # nanoseconds a tick
        self._ticks: float | None = None
        self._track_frame = 0  # nanoseconds a frame, of the track that is passing
        self._in_video_track = False
        self._frame = 0  # the same, of the video

    def missing(self) -> str | None:
        if not self.whole:
            return BREAKS_OFF
        return None if self._filled else "it holds nothing to play"

    def facts(self) -> Facts:
        return Facts(
            seconds=self._ticks * self._scale / 1e9 if self._ticks else None,
            fps=1e9 / self._frame if self._frame else None,
            width=self._width,
            height=self._height,
        )

    def header(self, data: bytes) -> Box | None:
        if not data:
            return None
        id_length = 9 - data[0].bit_length()
        if id_length > 4:
            raise Malformed
        if len(data) <= id_length:
            return None
        size_length = 9 - data[id_length].bit_length()
        if size_length > 8:
            raise Malformed
        head = id_length + size_length
        if len(data) < head:
            return None
        kind = data[:id_length]
        unknown = (1 << 7 * size_length) - 1  # a live recorder does not know yet
        value = int.from_bytes(data[id_length:head], "big") & unknown
        size = None if value == unknown else value
        if kind == _CLUSTER:
            self._filled = True
        if kind in _CONTAINERS or (kind == _CLUSTER and size is None):
            return Box(kind, head, size, Act.ENTER)
        return Box(kind, head, size, Act.KEEP if kind in _LEAVES else Act.SKIP)

    def entered(self, kind: bytes) -> None:
        if kind == _TRACK:
            self._track_frame, self._in_video_track = 0, False
        elif kind == _VIDEO:
            self._frame, self._in_video_track = self._track_frame, True

    def kept(self, kind: bytes, payload: bytes) -> None:
        if len(payload) > _LONGEST_NUMBER:  # says nothing
            return
        number = int.from_bytes(payload, "big")
        if kind == _SCALE:
            self._scale = number
        elif kind == _DURATION and len(payload) in (4, 8):
            (self._ticks,) = struct.unpack(">f" if len(payload) == 4 else ">d", payload)
        elif kind == _FRAME:
            self._track_frame = number
            if self._in_video_track:
                self._frame = number
        elif kind == _WIDTH:
            self._width = number
        elif kind == _HEIGHT:
            self._height = number
