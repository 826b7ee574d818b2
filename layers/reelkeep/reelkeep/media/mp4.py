"""MP4 and QuickTime files (ISO/IEC 14496-12; numbers below are its sections), read while they pass by.

A file is whole when a player finds what it needs: the movie box (`moov`) and every byte that its sample tables, or
those of its fragments (`moof`), point to. How its last box ends, and what follows it, does not matter.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

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

_CONTAINERS = frozenset(b"moov trak mdia minf stbl mvex moof traf".split())
_CHUNK_OFFSETS = {b"stco": ">I", b"co64": ">Q"}
_TABLES = frozenset([b"stsz", b"stsc", *_CHUNK_OFFSETS])
_LEAVES = _TABLES | frozenset(b"mvhd tkhd mdhd hdlr stsd stts trex tfhd trun".split())
_DIFFERENT_DURATIONS = 64  # of samples, counted apart per track; more only make the frame rate an average


@dataclass(slots=True)
class _Track:
    id: int = 0
    enabled: bool = False
    handler: bytes = b""
    codec: bytes = b""
    timescale: int = 0
    shown_size: tuple[int, int] = (0, 0)  # by the track header
    coded_size: tuple[int, int] = (0, 0)  # by the sample description
    rotated: bool = False  # by a quarter
    samples: int = 0
    ticks: int = 0
    data_size: int = 0
    data_end: int = 0  # the offset in the file where its last byte ends
    default_ticks: int = 0  # of a sample in a fragment
    default_size: int = 0
    durations: Counter[int] = field(default_factory=Counter)
    tables: dict[bytes, bytes] = field(default_factory=dict)

    def add_samples(self, count: int, ticks: int) -> None:
        self.samples += count
        self.ticks += count * ticks
        if ticks in self.durations or len(self.durations) < _DIFFERENT_DURATIONS:
            self.durations[ticks] += count

    def add_data(self, offset: int, size: int) -> None:
        if size:
            self.data_size += size
            self.data_end = max(self.data_end, offset + size)

    @property
    def seconds(self) -> float:
        return self.ticks / self.timescale if self.timescale else 0.0

    @property
    def fps(self) -> float | None:
        """The frame rate that nine frames of ten have, else the average."""
        if not self.timescale or not self.ticks:
            return None
        ticks, count = self.durations.most_common(1)[0]
        if ticks and count >= 0.9 * self.samples:
            return self.timescale / ticks
        return self.samples * self.timescale / self.ticks


class Mp4(BoxReader):
    def __init__(self) -> None:
        super().__init__()
        self._tracks: list[_Track] = []
        self._indexed = False  # there is a moov
        self._movie_seconds = 0.0
        self._movie_rotated = False
        self._fragmented = False
        self._moof_offset = 0
        self._run = _Track()  # whose samples the fragment describes, with the defaults of the fragment
        self._run_ticks = self._run_size = self._run_base = self._run_end = 0

    def missing(self) -> str | None:
        if not self._indexed:
            return "its index is missing"
        if self.room is not None:
            return BREAKS_OFF
        if any(track.data_end > self.offset for track in self._tracks):
            return "it holds its index, but not all that the index points to"
        return None if any(track.data_size for track in self._tracks) else NOTHING_TO_PLAY

    def facts(self) -> Facts:
        seconds = max((track.seconds for track in self._tracks), default=0.0)
        if not self._fragmented:  # what moov says of a fragmented file covers at most its beginning
            seconds = self._movie_seconds or seconds
        # A cover, or pictures of chapters, may be tracks of their own: few pictures, or not meant to be shown.
        films = [track for track in self._tracks if track.handler == b"vide" and track.data_size]
        film = max(films, key=lambda track: (min(5, track.samples), track.enabled, track.data_size), default=None)
        if film is None:
            return Facts(seconds, has_video=False)
        has_sound = any(track.handler == b"soun" and track.data_size for track in self._tracks)
        width, height = film.coded_size if all(film.coded_size) else film.shown_size
        if film.rotated != self._movie_rotated:
            width, height = height, width
        return Facts(
            seconds, film.fps, width, height, codec=film.codec.decode("ascii", "replace"), has_sound=has_sound
        )

    def header(self, data: bytes) -> Box | None:
        """4.2, the header of a box."""
        nested = self.room is not None
        if self.room is not None and self.room < 8:  # QuickTime ends some lists with four zero bytes
            return REST
        if len(data) < 8:
            return None
        kind = data[4:8]
        size, header = int.from_bytes(data[:4], "big"), 8
        if size == 1:
            if len(data) < 16:
                return None
            size, header = int.from_bytes(data[8:16], "big"), 16
        if 0 < size < header:
            if nested or self._indexed:  # players stop here, and have what they need
                return Box(b"", header, None, Action.SKIP)
            raise Malformed
        payload = size - header if size else self.room and self.room - header
        if kind == b"moov" and self._indexed:
            return Box(kind, header, payload, Action.SKIP)
        if kind == b"moof":
            self._moof_offset = self._run_end = self.offset
        if kind in _CONTAINERS:
            return Box(kind, header, payload, Action.ENTER)
        return Box(kind, header, payload, Action.COLLECT if kind in _LEAVES else Action.SKIP)

    def entered(self, kind: bytes) -> None:
        if kind == b"moov":
            self._indexed = True
        elif kind == b"trak":
            if len(self._tracks) >= MOST_TRACKS:
                raise Malformed
            self._tracks.append(_Track())
        elif kind == b"moof":
            self._fragmented = True

    def left(self, kind: bytes) -> None:
        if kind == b"stbl" and self._tracks:
            track = self._tracks[-1]
            with suppress(struct.error):
                for offset, size in _chunks(track.tables):
                    track.add_data(offset, size)
            track.tables.clear()

    def too_large(self, kind: bytes) -> None:
        if kind in _CHUNK_OFFSETS and self._tracks:
            self._tracks[-1].data_size += 1  # there are samples, we cannot say where

    def collected(self, kind: bytes, payload: bytes) -> None:
        with suppress(struct.error):  # a box too short for what it should say says nothing
            self._read(kind, payload)

    def _read(self, kind: bytes, data: bytes) -> None:
        if kind == b"mvhd":  # 8.2.2
            timescale, duration = _timescale_and_duration(data)
            self._movie_seconds = duration / timescale if timescale else 0.0
            self._movie_rotated = _is_quarter_turn(data, 48 if data[:1] == b"\1" else 36)
        elif kind == b"trex":  # 8.8.3
            track = self._track(struct.unpack_from(">I", data, 4)[0])
            track.default_ticks, track.default_size = struct.unpack_from(">II", data, 12)
        elif kind == b"tfhd":
            self._begin_fragment(data)
        elif kind == b"trun":
            self._add_run(data)
        elif self._tracks:
            _read_into(self._tracks[-1], kind, self.parent, data)

    def _track(self, number: int) -> _Track:
        return next((track for track in self._tracks if track.id == number), _Track())

    def _begin_fragment(self, data: bytes) -> None:
        """8.8.7. Offsets count from the moof, from the end of the track before, or from where the box says."""
        flags, number = struct.unpack_from(">II", data)
        self._run = self._track(number)
        self._run_ticks, self._run_size = self._run.default_ticks, self._run.default_size
        self._run_base = self._moof_offset if flags & 0x020000 else self._run_end
        at = 8
        if flags & 0x01:
            (self._run_base,) = struct.unpack_from(">Q", data, at)
            at += 8
        if flags & 0x02:
            at += 4
        if flags & 0x08:
            (self._run_ticks,) = struct.unpack_from(">I", data, at)
            at += 4
        if flags & 0x10:
            (self._run_size,) = struct.unpack_from(">I", data, at)
        self._run_end = self._run_base

    def _add_run(self, data: bytes) -> None:
        """8.8.8. Samples that lie one after another."""
        flags, count = struct.unpack_from(">II", data)
        at, begin = 8, self._run_end
        if flags & 0x01:
            begin = self._run_base + struct.unpack_from(">i", data, at)[0]
            at += 4
        if flags & 0x04:
            at += 4
        if fields := (flags >> 8 & 0xF).bit_count():
            count = min(count, (len(data) - at) // (4 * fields))
        size = count * self._run_size
        if flags & 0x200:
            sizes = struct.iter_unpack(f">{fields}I", data[at : at + 4 * fields * count])
            size = sum(row[1 if flags & 0x100 else 0] for row in sizes)
        if flags & 0x100:
            for ticks, *_ in struct.iter_unpack(f">{fields}I", data[at : at + 4 * fields * count]):
                self._run.add_samples(1, ticks)
        else:
            self._run.add_samples(count, self._run_ticks)
        self._run.add_data(begin, size)
        self._run_end = begin + size


def _read_into(track: _Track, kind: bytes, parent: bytes, data: bytes) -> None:
    if kind == b"tkhd":  # 8.3.2; version 1 has 64-bit times
        long = data[:1] == b"\1"
        (track.id,) = struct.unpack_from(">I", data, 20 if long else 12)
        track.enabled = bool(data[3] & 1)
        track.rotated = _is_quarter_turn(data, 52 if long else 40)
        width, height = struct.unpack_from(">II", data, 88 if long else 76)
        track.shown_size = width >> 16, height >> 16
    elif kind == b"mdhd":  # 8.4.2
        track.timescale, _ = _timescale_and_duration(data)
    elif kind == b"hdlr" and parent == b"mdia":  # 8.4.3; QuickTime has others elsewhere
        track.handler = data[8:12]
    elif kind == b"stsd":  # 8.5.2 and 12.1.3: of sound, these bytes are something else
        track.codec = data[12:16]
        track.coded_size = struct.unpack_from(">HH", data, 40)
    elif kind == b"stts":  # 8.6.1.2
        for count, ticks in struct.iter_unpack(">II", _rows(data, 8)):
            track.add_samples(count, ticks)
    elif kind in _TABLES:
        track.tables[kind] = data


def _chunks(tables: dict[bytes, bytes]) -> Iterator[tuple[int, int]]:
    """The offset and size of each chunk: 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (stco, co64).

    Where the sizes are not known, each chunk counts as one byte.
    """
    kind = next((kind for kind in _CHUNK_OFFSETS if kind in tables), None)
    if kind is None:
        return
    form = _CHUNK_OFFSETS[kind]
    offsets = struct.iter_unpack(form, _rows(tables[kind], struct.calcsize(form)))
    if b"stsz" not in tables or b"stsc" not in tables:
        yield from ((offset, 1) for (offset,) in offsets)
        return
    sizes = struct.iter_unpack(">I", _rows(tables[b"stsz"], 4, at=12))
    size, left = struct.unpack_from(">II", tables[b"stsz"], 4)
    runs = struct.iter_unpack(">III", _rows(tables[b"stsc"], 12))
    per_chunk, following = 0, next(runs, None)
    for number, (offset,) in enumerate(offsets, 1):
        while following and following[0] <= number:
            per_chunk, following = following[1], next(runs, None)
        count = min(per_chunk, left)
        left -= count
        yield offset, count * size if size else sum(each for (each,) in islice(sizes, count))


def _timescale_and_duration(data: bytes) -> tuple[int, int]:
    """Of `mvhd` and `mdhd`. A duration with all bits set means that it is not known."""
    form, at = (">IQ", 20) if data[:1] == b"\1" else (">II", 12)
    timescale, duration = struct.unpack_from(form, data, at)
    return timescale, 0 if duration == (1 << 8 * struct.calcsize(form[2])) - 1 else duration


def _is_quarter_turn(data: bytes, at: int) -> bool:
    """Of a transformation matrix (6.2.2), whose numbers a, b, u, c, d come first."""
    a, b, _, c, d = struct.unpack_from(">5i", data, at)
    return bool(a == d == 0 and b and c)


def _rows(table: bytes, size: int, at: int = 8) -> bytes:
    """The rows that are really there, whatever number the table claims. The number is before the first of them."""
    (count,) = struct.unpack_from(">I", table, at - 4)
    return table[at : at + size * min(count, (len(table) - at) // size)]
