"""Containers made of one packet after another: whether the last one is whole. Nothing else of them is read."""

from __future__ import annotations

from collections.abc import Callable

from reelkeep.media.boxes import BREAKS_OFF, NOTHING_TO_PLAY, REST, Action, Box, BoxReader, Facts

Measure = Callable[
    [bytes], tuple[int, int] | None
]  # header and payload of a packet; None while more bytes are needed
_END = (0, 0)  # what comes is no packet


class Packets(BoxReader):
    """Packets that say how long they are. The file may be cut between two of them: nobody could tell."""

    def __init__(self, measure: Measure) -> None:
        super().__init__()
        self._measure = measure
        self._count = 0

    def missing(self) -> str | None:
        if not self.whole:
            return BREAKS_OFF
        return None if self._count > 1 else NOTHING_TO_PLAY

    def facts(self) -> Facts:
        return Facts()

    def header(self, data: bytes) -> Box | None:
        found = self._measure(data)
        if found is None:
            return None
        if found == _END:
            return REST
        self._count += 1
        return Box(b"packet", found[0], found[1], Action.SKIP)


class TransportStream:
    """MPEG-TS (ISO/IEC 13818-1, 2.4.3): packets of one length, of which each begins with 0x47 after some bytes."""

    def __init__(self, length: int = 188) -> None:
        self._length = length
        self._seen = 0
        self._tail = b""

    def feed(self, chunk: memoryview) -> None:
        self._seen += len(chunk)
        self._tail = (self._tail + bytes(chunk[-self._length :]))[-self._length :]

    def missing(self) -> str | None:
        """What follows the last whole packet may be something else."""
        rest = self._seen % self._length
        is_packet = rest > self._length - 188 and self._tail[-rest:][self._length - 188] == 0x47
        return BREAKS_OFF if is_packet else None

    def facts(self) -> Facts:
        return Facts()


def flv(data: bytes) -> tuple[int, int] | None:
    """Adobe Flash Video File Format 10.1, E.2 to E.4: a header, then tags, each with its length after it, too."""
    if data.startswith(b"FLV"):
        return (9, 4) if len(data) >= 9 else None
    if data[0] & 0x1F not in (8, 9, 18):
        return _END
    return (11, int.from_bytes(data[1:4], "big") + 4) if len(data) >= 11 else None


def program_stream(data: bytes) -> tuple[int, int] | None:
    """ISO/IEC 13818-1, 2.5.3, and 11172-1, 2.4.3: packs, and packets in them."""
    if not b"\0\0\1".startswith(data[:3]) or (len(data) > 3 and data[3] < 0xB9):
        return _END
    if len(data) < 4:
        return None
    if data[3] == 0xB9:
        return 4, 0
    if data[3] != 0xBA:
        return (6, int.from_bytes(data[4:6], "big")) if len(data) >= 6 else None
    if len(data) < 14:
        return None
    return (14, data[13] & 7) if data[4] & 0xC0 == 0x40 else (12, 0)


def asf(data: bytes) -> tuple[int, int] | None:
    """Advanced Systems Format 01.20.05, 2.1: objects with a GUID and a length that counts both."""
    if len(data) < 24:
        return None
    length = int.from_bytes(data[16:24], "little")
    return (24, length - 24) if data[7] == 0x11 and length >= 24 else _END


def mxf(data: bytes) -> tuple[int, int] | None:
    """SMPTE 377-1 and 336: a key of 16 bytes, a length in BER, the value."""
    if not b"\x06\x0e\x2b\x34".startswith(data[:4]):
        return _END
    if len(data) < 17:
        return None
    if data[16] < 0x80:
        return 17, data[16]
    end = 17 + (data[16] & 0x7F)
    if end > 25:
        return _END
    return (end, int.from_bytes(data[17:end], "big")) if len(data) >= end else None
