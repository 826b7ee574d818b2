"""JPEG pictures (ITU-T T.81; numbers below are its sections), read while they pass by."""

from __future__ import annotations

import re

from reelkeep.media.boxes import BREAKS_OFF, Facts, Malformed

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_TABLES, _END, _SCAN, _INTERVAL = 0xC4, 0xD9, 0xDA, 0xDD
_NEXT_MARKER = re.compile(rb"\xff[^\0\xd0-\xd7\xff]", re.S)  # after a scan: others are a part of it
_LARGEST_SCAN = 2 << 20  # bytes collected of it; a longer one needs its end mark

_Codes = list[tuple[int, int]]  # by the next 16 bits: bits of the code and its number, coefficients that it covers


class Jpeg:
    """A picture without its end mark is whole when every block of its last scan is there."""

    def __init__(self) -> None:
        self._pending = b""
        self._size: tuple[int, int] | None = None
        self._frame = 0
        self._sampling: dict[int, tuple[int, int]] = {}  # by component: 2 of 4 pixels across, for example
        self._huffman: dict[int, tuple[bytes, bytes]] = {}  # tables: how many codes of each length, and their symbols
        self._interval = 0
        self._scan = b""  # the header of the last one
        self._refined: set[tuple[int, int]] = (
            set()
        )  # progressive: components and ends of bands whose last bit has begun
        self._data: bytearray | None = None  # of the last scan, while we are in it
        self._ended = False

    def feed(self, chunk: memoryview) -> None:
        data, at = self._pending + bytes(chunk), 0
        while not self._ended and at < len(data):
            if self._data is not None:
                found = _NEXT_MARKER.search(data, at)
                end = found.start() if found else len(data) - data.endswith(b"\xff")
                self._data += data[at:end][: _LARGEST_SCAN + 1 - len(self._data)]
                at = end
                if not found:
                    break
                self._data = None
            if (size := self._segment(data, at)) is None:
                break
            at += size
        self._pending = b"" if self._ended else data[at:]

    def missing(self) -> str | None:
        return None if self._size and self._scan and (self._ended or self._scan_is_whole()) else BREAKS_OFF

    def facts(self) -> Facts:
        return Facts(None, None, *(self._size or (None, None)))

    def _segment(self, data: bytes, at: int) -> int | None:
        """Its size in bytes; None while it is not complete (B.1.1)."""
        if data[at] != 0xFF:
            raise Malformed
        if len(data) < at + 2:
            return None
        marker = data[at + 1]
        if marker == _END:
            self._ended = True
        if marker == 0xFF:  # padding
            return 1
        if marker in (0xD8, 0x01, _END):
            return 2
        if len(data) < at + 4:
            return None
        size = 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        if len(data) < at + size:
            return None
        try:
            self._read(marker, data[at + 4 : at + size])
        except (IndexError, ValueError):
            raise Malformed from None
        return size

    def _read(self, marker: int, data: bytes) -> None:
        if marker in _FRAMES:  # B.2.2
            self._frame = marker
            self._size = (int.from_bytes(data[3:5], "big"), int.from_bytes(data[1:3], "big"))
            self._sampling = {data[at]: (data[at + 1] >> 4, data[at + 1] & 15) for at in range(6, len(data) - 2, 3)}
        elif marker == _TABLES:  # B.2.4.2
            at = 0
            while at < len(data):
                count = sum(data[at + 1 : at + 17])
                self._huffman[data[at] & 0x13] = (data[at + 1 : at + 17], data[at + 17 : at + 17 + count])
                at += 17 + count
        elif marker == _INTERVAL:
            self._interval = int.from_bytes(data[:2], "big")
        elif marker == _SCAN:  # B.2.3
            self._scan, self._data = data, bytearray()
            if data[-1] & 15 == 0:
                self._refined |= {(data[at], data[-2]) for at in range(1, len(data) - 3, 2)}

    def _scan_is_whole(self) -> bool:
        if not self._data or len(self._data) > _LARGEST_SCAN:
            return False
        if self._frame == _PROGRESSIVE:  # what the last of its scans adds is hardly seen
            return self._refined >= {(component, end) for component in self._sampling for end in (0, 63)}
        try:
            return self._frame in _SEQUENTIAL and self._has_all_blocks(bytes(self._data))
        except (IndexError, KeyError, ValueError, ZeroDivisionError):
            return False

    def _has_all_blocks(self, data: bytes) -> bool:
        """F.2.2: decodes no pixel, only the lengths of the codes, up to those of the last block."""
        data = data.replace(b"\xff\0", b"\xff") + b"\0\0"
        bit, end = 0, 8 * (len(data) - 2)
        count, blocks = self._units()
        for unit in range(count):
            if self._interval and unit and unit % self._interval == 0:
                bit = (bit + 7) // 8 * 8 + 16  # a restart marker
            for dc, ac in blocks:
                covered, codes = 0, dc
                while covered < 64:
                    at = bit >> 3
                    window = (data[at] << 16 | data[at + 1] << 8 | data[at + 2]) >> 8 - (bit & 7) & 0xFFFF
                    bits, coefficients = codes[window]
                    bit, covered, codes = bit + bits, covered + coefficients, ac
                if bit > end:
                    return False
        return True

    def _units(self) -> tuple[int, list[tuple[_Codes, _Codes]]]:
        """How many units the scan has (A.2), and the tables for each block of one.

        A unit is one block, or as many of each component as it is sampled.
        """
        components = [(self._scan[at], self._scan[at + 1]) for at in range(1, len(self._scan) - 3, 2)]
        tables = {number: _codes(*huffman, is_dc=number < 16) for number, huffman in self._huffman.items()}
        most_across, most_down = (max(each) for each in zip(*self._sampling.values(), strict=True))
        width, height = self._size or (0, 0)
        blocks: list[tuple[_Codes, _Codes]] = []
        for component, number in components:
            across, down = self._sampling[component]
            if len(components) == 1:
                width, height = -(-width * across // most_across), -(-height * down // most_down)
                most_across = most_down = across = down = 1
            blocks += [(tables[number >> 4], tables[16 | number & 15])] * (across * down)
        if not blocks:
            raise ValueError("a scan of nothing")
        return -(-width // (8 * most_across)) * -(-height // (8 * most_down)), blocks


def _codes(lengths: bytes, symbols: bytes, *, is_dc: bool) -> _Codes:
    """C.2 for the codes, F.2.2.1 for what they say of the first coefficient, F.2.2.2 for the others."""
    table: _Codes = []
    for length, symbol in zip((n for n, count in enumerate(lengths, 1) for _ in range(count)), symbols, strict=False):
        run, size = (0, symbol) if is_dc else (symbol >> 4, symbol & 15)
        covered = 64 if size == 0 and run < 15 and not is_dc else run + 1
        table += [(length + size, covered)] * (1 << 16 - length)
        if len(table) >= 1 << 16:
            break
    return table
