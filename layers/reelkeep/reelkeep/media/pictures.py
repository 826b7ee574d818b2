"""What still pictures and the RIFF family say about themselves, read while they pass by."""

from __future__ import annotations

import re

from reelkeep.media.boxes import BREAKS_OFF, Act, Box, Facts, Malformed, Walk

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's headers with the size in pixels
_GIF_HEADS = {0x21: 2, 0x2C: 10, 0x3B: 1}  # extension, picture, end
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


class Gif(Walk):
    def __init__(self) -> None:
        super().__init__()
        self._size: tuple[int, int] | None = None
        self._in_blocks = False
        self._ended = False

    def missing(self) -> str | None:
        return None if self._ended else BREAKS_OFF

    def facts(self) -> Facts:
        return Facts(None, None, *(self._size or (None, None)))

    def header(self, data: bytes) -> Box | None:
        if self._ended:
            return Box(b"", 0, None, Act.SKIP)
        needed = 13 if self.offset == 0 else 1 if self._in_blocks else _GIF_HEADS.get(data[0], 0)
        if not needed:
            raise Malformed
        if len(data) < needed:
            return None
        payload = 0
        if self.offset == 0:
            self._size = (int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
            payload = _colours(data[10])
        elif self._in_blocks:
            payload = data[0]
            self._in_blocks = payload > 0
        elif data[0] == 0x3B:
            self._ended = True
        else:
            self._in_blocks = True
            payload = _colours(data[9]) + 1 if data[0] == 0x2C else 0
        return Box(data[:1], needed, payload, Act.SKIP)


def _colours(flags: int) -> int:
    """Bytes of the table of colours that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


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
