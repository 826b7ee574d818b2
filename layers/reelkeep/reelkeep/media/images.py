"""PNG, GIF, and the RIFF family (WebP, WAV, AVI), read while they pass by."""

from __future__ import annotations

from reelkeep.media.boxes import BREAKS_OFF, REST, Action, Box, BoxReader, Facts, Malformed

HEAD = 256  # bytes at the beginning of a file in which its format shows
_CONTROL = b"\xf9"  # the extension that says how long the next picture is shown


class Png(BoxReader):
    """ISO/IEC 15948, 5. Its end chunk (IEND) says nothing, so that it may be missing after the last of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self._size: tuple[int, int] | None = None
        self._has_pixels = False
        self._ended = False

    def missing(self) -> str | None:
        pixels = self._has_pixels and self._leaf is None and not self._header
        return None if self._size and (self._ended or pixels) else BREAKS_OFF

    def facts(self) -> Facts:
        return Facts(None, None, *(self._size or (None, None)))

    def header(self, data: bytes) -> Box | None:
        if self._ended:
            return REST
        if len(data) < 8:
            return None
        if self.offset == 0:
            return Box(b"", 8, 0, Action.SKIP)  # the signature
        kind = data[4:8]
        if kind == b"IDAT":
            self._has_pixels = True
        elif kind == b"IEND":
            self._ended = True
            return Box(kind, 8, None, Action.SKIP)
        length_and_crc = int.from_bytes(data[:4], "big") + 4
        return Box(kind, 8, length_and_crc, Action.COLLECT if kind == b"IHDR" else Action.SKIP)

    def collected(self, kind: bytes, payload: bytes) -> None:
        if kind == b"IHDR":
            self._size = (int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big"))


class Gif(BoxReader):
    """GIF89a, 17 to 27. Its trailer says nothing, so that it may be missing after a picture."""

    def __init__(self) -> None:
        super().__init__()
        self._size: tuple[int, int] | None = None
        self._pictures = 0
        self._hundredths = 0  # of a second, that the pictures are shown
        self._label = b""  # of the extension that we are in
        self._in_blocks = False
        self._ended = False

    def missing(self) -> str | None:
        return None if self._ended or (self._pictures and not self._in_blocks and not self._header) else BREAKS_OFF

    def facts(self) -> Facts:
        size = self._size or (None, None)
        if self._pictures < 2 or not self._hundredths:
            return Facts(None, None, *size)
        return Facts(self._hundredths / 100, 100 * self._pictures / self._hundredths, *size)

    def header(self, data: bytes) -> Box | None:
        if self._ended:
            return REST
        if self.offset == 0:
            if len(data) < 13:
                return None
            self._size = (int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
            return Box(b"", 13, _colours(data[10]), Action.SKIP)
        if self._in_blocks:
            self._in_blocks = data[0] > 0
            return Box(self._label, 1, data[0], Action.COLLECT if self._label == _CONTROL else Action.SKIP)
        if data[0] not in (0x21, 0x2C):  # an extension, a picture
            if data[0] != 0x3B and not self._pictures:
                raise Malformed
            self._ended = True
            return Box(b"", 1, None, Action.SKIP)
        if len(data) < (needed := 10 if data[0] == 0x2C else 2):
            return None
        self._in_blocks, self._label = True, data[1:2] if data[0] == 0x21 else b""
        self._pictures += data[0] == 0x2C
        return Box(b"", needed, _colours(data[9]) + 1 if data[0] == 0x2C else 0, Action.SKIP)

    def collected(self, kind: bytes, payload: bytes) -> None:
        if kind == _CONTROL and payload:
            delay = int.from_bytes(payload[1:3], "little")
            self._hundredths += delay if delay > 1 else 10  # as players do


def _colours(flags: int) -> int:
    """Bytes of the table of colours that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


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
