"""Pictures and the RIFF family (WebP, WAV, AVI), read while they pass by. Of a picture only its size is read, and
whether its end mark came: a file that came whole over the wire is archived without one, too."""

from __future__ import annotations

from typing import Literal

from reelkeep.media.boxes import BREAKS_OFF, Facts, Malformed

HEAD = 256  # bytes at the beginning of a file in which its format shows
NO_END_MARK = "its end mark is missing"

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a JPEG: ITU-T T.81, B.1.1
_START, _END, _SCAN, _PADDING = 0xD8, 0xD9, 0xDA, 0xFF


class Picture:
    """PNG (ISO/IEC 15948, 11.2.2), GIF (GIF89a, 18): a size close to the beginning, and a mark at the end."""

    def __init__(self, end: bytes, at: int, size: int, order: Literal["big", "little"]) -> None:
        """The width is at this offset, in so many bytes; the height follows."""
        self._end, self._place = end, (at, size, order)
        self._head = self._tail = b""
        self._ended = False

    def feed(self, chunk: memoryview) -> None:
        self._head += bytes(chunk[: HEAD - len(self._head)])
        data = self._tail + bytes(chunk)
        self._ended = self._ended or self._end in data
        self._tail = data[-len(self._end) :]

    def missing(self) -> str | None:
        return None if self._ended else NO_END_MARK

    def facts(self) -> Facts:
        return Facts(None, None, *_two_numbers(self._head, *self._place))


def _two_numbers(data: bytes, at: int, size: int, order: Literal["big", "little"]) -> tuple[int, int]:
    end = at + size
    return int.from_bytes(data[at:end], order), int.from_bytes(data[end : end + size], order)


class Jpeg:
    """ITU-T T.81, annex B: segments up to the first scan, one of which tells the size."""

    def __init__(self) -> None:
        self._pending = b""
        self._size: tuple[int, int] | None = None
        self._in_scan = self._ended = False

    def feed(self, chunk: memoryview) -> None:
        data, at = self._pending + bytes(chunk), 0
        while not self._in_scan and len(data) >= at + 4:
            marker, length = data[at + 1], max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
            if data[at] != 0xFF:
                raise Malformed
            if marker in (_START, _END, _PADDING):
                at += 1 if marker == _PADDING else 2
                continue
            if len(data) < at + 2 + length:
                break
            if marker in _FRAMES:
                height, width = _two_numbers(data, at + 5, 2, "big")
                self._size = width, height
            self._in_scan = marker == _SCAN
            at += 2 + length
        if self._in_scan:
            self._ended = self._ended or data.find(b"\xff\xd9", at) >= 0
            at = max(at, len(data) - 1)
        self._pending = data[at:]

    def missing(self) -> str | None:
        if not self._in_scan or not self._size:
            return BREAKS_OFF
        return None if self._ended else NO_END_MARK

    def facts(self) -> Facts:
        return Facts(None, None, *(self._size or (None, None)))


class Riff:
    """A length at the beginning, and the facts close to it."""

    def __init__(self) -> None:
        self._head = b""
        self._seen = 0

    def feed(self, chunk: memoryview) -> None:
        if len(self._head) < HEAD:
            self._head += bytes(chunk[: HEAD - len(self._head)])
        self._seen += len(chunk)

    def missing(self) -> str | None:
        length = self._number(4)
        length -= length % 2  # a padding byte at the end says nothing
        return BREAKS_OFF if length != 0xFFFFFFFE and self._seen < 8 + length else None

    def facts(self) -> Facts:
        match self._head[12:16]:
            case b"VP8X":  # RFC 9649, 2.7
                return Facts(None, None, 1 + self._number(24, 3), 1 + self._number(27, 3))
            case b"VP8 ":  # RFC 6386, 9.1
                return Facts(None, None, self._number(26, 2) & 0x3FFF, self._number(28, 2) & 0x3FFF)
            case b"VP8L":  # RFC 9649, 3.4
                packed = self._number(21)
                return Facts(None, None, 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF))
            case b"LIST" if self._head[20:28] == b"hdrlavih" and (microseconds := self._number(32)):
                seconds = self._number(48) * microseconds / 1e6
                return Facts(seconds, 1e6 / microseconds, self._number(64), self._number(68))
            case b"fmt " if (data := self._head.find(b"data", 20)) > 0 and self._number(28):
                # A recorder may not know the length.
                return Facts(min(self._number(data + 4), self._seen - data - 8) / self._number(28))
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
