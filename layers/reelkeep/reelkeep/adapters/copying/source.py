"""One file at a provider: opened once, read on through cut connections, or read in ranges side by side."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from reelkeep.adapters.http.outbound import AnswerLost, BlockedAddress, NotSent, Outbound, Stream
from reelkeep.domain.wire import Answer
from reelkeep.ports import Source, SourceBad, SourceBusy, SourceGone

RANGE = 4 << 20
_TRIES = 5
_PACKED_PIECE = 1 << 16
_STEP = 1 << 20  # what a cut connection costs at most
_BUSY = frozenset([202, 408, 425, 429])
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class BeginAgain(Exception):
    """What was read is worth nothing: the rest is not to be had, or belongs to another version of the file."""


class _Unpacking:
    """What was packed for the way (gzip, deflate), as it was before; or as it is, if it only says that it was packed.

    What is packed tells by itself whether it is whole.
    """

    def __init__(self, readinto: Callable[[memoryview], int]) -> None:
        self._readinto = readinto
        self._buffer = memoryview(bytearray(_PACKED_PIECE))
        self._left = self._read()
        self._packed = self._left.startswith((b"\x1f\x8b", b"\x78"))
        self._unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def readinto(self, view: memoryview) -> int:
        """At least one byte, unless it is the end. Raises BeginAgain, and what the reading raises."""
        bit = b""
        while not bit and (self._left or self._more()):
            bit = self._unpacked(len(view)) if self._packed else self._left[: len(view)]
            self._left = self._unpacking.unconsumed_tail if self._packed else self._left[len(bit) :]
        view[: len(bit)] = bit
        return len(bit)

    def _read(self) -> bytes:
        return bytes(self._buffer[: self._readinto(self._buffer)])

    def _more(self) -> bool:
        self._left = self._read()
        if self._packed and bool(self._left) is self._unpacking.eof:
            raise BeginAgain("a packed file was cut, or goes on after its end")
        return bool(self._left)

    def _unpacked(self, most: int) -> bytes:
        try:
            bit = self._unpacking.decompress(self._left, most)
        except zlib.error:
            raise BeginAgain("a packed file is broken") from None
        if self._unpacking.unused_data:
            raise BeginAgain("a packed file goes on after its end")
        return bit


class Remote:
    """An opened source."""

    def __init__(
        self,
        source: Source,
        outbound: Outbound,
        *,
        limit_bytes: int,
        seconds_left: Callable[[], float],
        in_ranges: bool = True,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises SourceGone, SourceBusy, SourceBad, BeginAgain."""
        self._url = source.url
        self._allow_private = source.allow_private
        self._headers = source.headers
        self._outbound = outbound
        self._limit_bytes = limit_bytes
        self._seconds_left = seconds_left
        self._pause = pause
        self._position = 0
        self._reading = 0.0
        self._packed: _Unpacking | None = None
        self._held = ExitStack()
        try:
            self._stream: Stream | None = self._begin(in_ranges)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._held.close()

    @property
    def bytes_a_second(self) -> float:
        """Of `read_on`, so far."""
        return self._position / self._reading if self._reading else 0.0

    def read_on(self, view: memoryview) -> int:
        """Fills the view with what comes next; less than that is the end.

        Raises BeginAgain, SourceGone, SourceBad.
        """
        began = time.monotonic()
        got = tries = 0
        while got < len(view) and self._position != self.total:
            try:
                count = self._read_some(view[got : got + _STEP])
            except (AnswerLost, NotSent, SourceBusy) as error:
                self._close_stream()
                tries += 1
                self._try_again(error, tries)
                continue
            if not count:
                break
            got += count
            self._position += count
            self._check_size(self._position)
        self._reading += time.monotonic() - began
        return got

    def read_range(self, view: memoryview, offset: int) -> None:
        """Fills the view from there on, whatever else is being read. Raises as `read_on` does."""
        got = tries = 0
        while got < len(view):
            try:
                with self._range(offset + got, offset + len(view) - 1) as stream:
                    while got < len(view) and (count := stream.readinto(view[got : got + _STEP])):
                        got += count
                    if got < len(view):
                        raise AnswerLost(f"{stream.origin}: less than was asked for")
            except (AnswerLost, NotSent, SourceBusy) as error:
                tries += 1
                self._try_again(error, tries)

    def _begin(self, in_ranges: bool) -> Stream:
        """One request for the first range tells the length, and whether there are ranges and a validator."""
        stream = self._hold({"range": f"bytes=0-{RANGE - 1}"} if in_ranges else {})
        bounds, self._validator = _bounds(stream), _validator(stream)
        self.ranged = bounds is not None and bounds[0] == 0 and self._validator is not None
        if stream.status != 200 and not self.ranged:
            self._held.close()
            stream = self._hold({})
        if _encoding(stream) != "identity":  # although we asked for nothing else
            stream = self._begin_packed(stream)
        if not self._headers:  # else every redirect is followed again: the key belongs at its beginning only
            self._url = stream.url
        self.total = bounds[1] if bounds is not None and self.ranged else None if self._packed else stream.length
        self.framed = stream.length is not None or "transfer-encoding" in stream.headers  # a cut would show
        self._check_size(self.total or 0)
        return stream

    def _begin_packed(self, stream: Stream) -> Stream:
        """A part of it cannot be unpacked: it is read in one go, and its length is known at the end."""
        if stream.status != 200:
            self._held.close()
            stream = self._hold({})
        if _encoding(stream) not in ("gzip", "x-gzip", "deflate", "identity"):
            raise SourceBad(f"{stream.origin} answered a file packed as {_encoding(stream)[:20]!r}")
        self.ranged = False
        try:
            self._packed = _Unpacking(stream.readinto)
        except AnswerLost as error:
            raise BeginAgain(str(error)) from error
        return stream

    def _hold(self, headers: Mapping[str, str]) -> Stream:
        try:
            stream = self._held.enter_context(self._get(headers))
        except (AnswerLost, NotSent) as error:
            raise SourceBusy(str(error)) from error
        if stream.status not in ((200, 206, 416) if headers else (200,)):
            raise SourceBusy(f"{stream.origin} answered {stream.status}")
        return stream

    def _read_some(self, view: memoryview) -> int:
        """At least one byte, unless it is the end."""
        if self._stream is not None:
            if self._packed is not None:
                return self._packed.readinto(view)
            if (count := self._stream.readinto(view)) or not self.ranged:
                return count
            self._close_stream()  # that was the first range only
        if not self.ranged:
            raise BeginAgain("the connection was cut, and the server cannot go on from there")
        last = (self.total or 0) - 1
        self._stream = self._held.enter_context(self._range(self._position, last))
        if not (count := self._stream.readinto(view)):
            raise AnswerLost(f"{self._stream.origin}: nothing where more was promised")
        return count

    def _close_stream(self) -> None:
        self._held.close()
        self._stream = None

    def _try_again(self, error: Exception, tries: int) -> None:
        if tries >= _TRIES:
            raise BeginAgain(str(error)) from error
        self._pause(2.0**tries / 4)

    @contextmanager
    def _range(self, first: int, last: int) -> Iterator[Stream]:
        with self._get({"range": f"bytes={first}-{last}", "if-range": self._validator or ""}) as stream:
            same = _validator(stream) == self._validator and _bounds(stream) == (first, self.total)
            if stream.status != 206 or not same:
                raise BeginAgain(f"{stream.origin}: the file changed while it was read")
            yield stream

    @contextmanager
    def _get(self, headers: Mapping[str, str]) -> Iterator[Stream]:
        seconds = self._seconds_left()
        if seconds <= 0:
            raise SourceBusy("there was no time left to read it all")
        try:
            with self._outbound.stream(
                self._url, headers={**self._headers, **headers}, seconds=seconds, allow_private=self._allow_private
            ) as stream:
                _check_status(stream)
                yield stream
        except BlockedAddress as blocked:
            raise SourceBad(str(blocked)) from blocked

    def _check_size(self, size: int) -> None:
        if size > self._limit_bytes:
            raise SourceBad(f"it is larger than the {self._limit_bytes} bytes that are kept of one file")


def _check_status(stream: Stream) -> None:
    status = stream.status
    if status >= 500 or status in _BUSY:
        retry_after = Answer(status=status, headers=stream.headers).retry_after
        raise SourceBusy(f"{stream.origin} answered {status}", retry_after)
    if status >= 300 and status not in (412, 416):
        raise SourceGone(f"{stream.origin} answered {status}: the link is dead")


def _encoding(stream: Stream) -> str:
    return stream.headers.get("content-encoding", "").strip().lower() or "identity"


def _bounds(stream: Stream) -> tuple[int, int] | None:
    """Where a partial answer begins, and the length of the whole."""
    found = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", ""))
    return (int(found[1]), int(found[3])) if stream.status == 206 and found else None


def _validator(stream: Stream) -> str | None:
    """What tells one version of the file from another (RFC 9110, 13.1.5: a weak tag does not)."""
    tag = stream.headers.get("etag", "")
    return tag if tag.startswith('"') else stream.headers.get("last-modified")
