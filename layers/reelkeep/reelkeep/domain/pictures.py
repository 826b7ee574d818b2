"""What still pictures and the RIFF family say about themselves, read while they pass by."""

from __future__ import annotations

import re

from reelkeep.domain.boxes import BREAKS_OFF, Act, Box, Facts, Malformed, Walk

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's headers with the size in pixels
HEAD = 256  # bytes at the beginning of a file in which its format shows


class Png(Walk):
    def __init__(self) -> None:
        super().__init__()
        self._size: tuple[int, int] | None = None
        self._ended = False

    def missing(self) -> str | None:
        return None if self._ended and self._size else BREAKS_OFF

    def facts(self) -> Facts:
        return Facts(None, None, *(self._size or (None, None)))

    def header(self, data: bytes) -> Box | None:
        if len(data) < 8:
            return None
        if self.offset == 0:
            return Box(b"", 8, 0, Act.SKIP)  # the signature
        if self._ended:
            return Box(b"", 0, None, Act.SKIP)
        kind = data[4:8]
        length_and_crc = int.from_bytes(data[:4], "big") + 4
        return Box(kind, 8, length_and_crc, Act.KEEP if kind in (b"IHDR", b"IEND") else Act.SKIP)

    def kept(self, kind: bytes, payload: bytes) -> None:
        if kind == b"IHDR":
            self._size = (int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big"))
        else:
            self._ended = True


class Jpeg(Walk):
    """Segments up to the first scan; from there on, only the end mark is looked for."""

    def __init__(self) -> None:
        super().__init__()
        self._size: tuple[int, int] | None = None
        self._scan_at: int | None = None
        self._ended = False
        self._last = b""

    def feed(self, chunk: memoryview) -> None:
        begun = self.offset + len(self._head)
        super().feed(chunk)
        if self._scan_at is not None and not self._ended:
            scan = chunk[max(0, self._scan_at - begun) :]
            self._ended = bool(re.search(b"\xff\xd9", scan)) or self._last + bytes(scan[:1]) == b"\xff\xd9"
            self._last = bytes(scan[-1:]) or self._last

    def missing(self) -> str | None:
        return None if self._ended and self._size else BREAKS_OFF

    def facts(self) -> Facts:
        return Facts(None, None, *(self._size or (None, None)))

    def header(self, data: bytes) -> Box | None:
        if len(data) < 2:
            return None
        if data[0] != 0xFF:
            raise Malformed
        mark = data[1]
        if mark == 0xFF:  # padding
            return Box(b"", 1, 0, Act.SKIP)
        if mark in (0xD8, 0x01):
            return Box(b"", 2, 0, Act.SKIP)
        if mark == 0xDA:
            self._scan_at = self.offset + 2
            return Box(b"", 2, None, Act.SKIP)
        if len(data) < 4:
            return None
        payload = max(0, int.from_bytes(data[2:4], "big") - 2)
        return Box(data[1:2], 4, payload, Act.KEEP if mark in _FRAMES else Act.SKIP)

    def kept(self, kind: bytes, payload: bytes) -> None:
        if kind[0] in _FRAMES:
            self._size = (int.from_bytes(payload[3:5], "big"), int.from_bytes(payload[1:3], "big"))


class Gif:
    def __init__(self) -> None:
        self._head = b""
        self._last = b""

    def feed(self, chunk: memoryview) -> None:
        if len(self._head) < 10:
            self._head += bytes(chunk[: 10 - len(self._head)])
        self._last = bytes(chunk).rstrip(b"\0")[-1:] or self._last  # some writers pad with zeros

    def missing(self) -> str | None:
        return None if self._last == b"\x3b" else BREAKS_OFF

    def facts(self) -> Facts:
        width, height = (int.from_bytes(self._head[at : at + 2], "little") for at in (6, 8))
        return Facts(None, None, width, height)


class Riff:
    """WebP, WAV and AVI: a length at the beginning, and what is wanted close to it."""

    def __init__(self) -> None:
        self._head = b""
        self._seen = 0

    def feed(self, chunk: memoryview) -> None:
        if len(self._head) < HEAD:
            self._head += bytes(chunk[: HEAD - len(self._head)])
        self._seen += len(chunk)

    def missing(self) -> str | None:
        length = self._number(4)
        return BREAKS_OFF if length != 0xFFFFFFFF and self._seen < 8 + length else None

    def facts(self) -> Facts:
        chunk = self._head[12:16]
        if chunk == b"VP8X":
            return Facts(None, None, 1 + self._number(24, 3), 1 + self._number(27, 3))
        if chunk == b"VP8 ":
            return Facts(None, None, self._number(26, 2) & 0x3FFF, self._number(28, 2) & 0x3FFF)
        if chunk == b"VP8L":
            packed = self._number(21)
            return Facts(None, None, 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF))
        if chunk == b"fmt " and (data := self._head.find(b"data", 20)) > 0 and self._number(28):
            return Facts(self._number(data + 4) / self._number(28))
        return Facts()

    def _number(self, at: int, length: int = 4) -> int:
        return int.from_bytes(self._head[at : at + length], "little")


class Opaque:
    """A format that is only recognised."""

    def feed(self, chunk: memoryview) -> None:
        pass

    def missing(self) -> str | None:
        return None

    def facts(self) -> Facts:
        return Facts()
