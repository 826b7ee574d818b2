"""One file at a provider: fetched as a browser would, resumed after a cut, in ranges side by side if it is slow."""

from __future__ import annotations

import re
import time
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

from reelkeep.adapters.http.outbound import PACKED, AnswerLost, BlockedAddress, NotSent, Outbound, Stream, unpacked
from reelkeep.domain.wire import ProviderResponse
from reelkeep.ports.archive import SourceBad, SourceBusy, SourceGone
from reelkeep.ports.providers import Source

T = TypeVar("T")

CHUNK_BYTES = 128 << 10
RANGE_BYTES = 4 << 20
_CONNECTIONS = 4  # at once; more than a few are impolite
_RANGES_AHEAD = 5
_FAST = 32 << 20  # bytes a second, beyond which more connections only cost
_TRIES = 5
_OK, _PARTIAL, _FORBIDDEN = 200, 206, 403
_BUSY = frozenset([202, 408, 425, 429])
_USER_AGENTS = ("Mozilla/5.0 (compatible; reelkeep)", "curl/8.5.0")  # some servers refuse the one, some the other
_NOT_READY = re.compile(rb"not[-_ ]?ready", re.IGNORECASE)
_REFUSAL_BYTES = 4096
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class RestartCopy(Exception):
    """What was read is worth nothing: the rest cannot be had, or belongs to another version of the file."""


@dataclass
class RemoteFile:
    """An opened source. Its first request is a plain GET, which every server answers; ranges come later, if ever."""

    source: Source
    outbound: Outbound
    _: KW_ONLY
    seconds_left: Callable[[], float]
    side_by_side: bool = True
    pause: Callable[[float], None] = time.sleep
    ticks: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._url = self.source.url
        self._position = 0
        self._held = ExitStack()

    def close(self) -> None:
        self._held.close()

    def open(self) -> None:
        """Raises SourceGone, SourceBusy, SourceBad, RestartCopy."""
        for self._agent in _USER_AGENTS:
            try:
                stream = self._held.enter_context(self._get({}))
            except (AnswerLost, NotSent) as error:
                raise SourceBusy(str(error)) from error
            if stream.status != _FORBIDDEN:
                break
            self._held.close()
        _check_busy(stream)
        if 400 <= stream.status != _FORBIDDEN and _is_not_ready(stream):
            raise SourceBusy(f"{stream.origin} answered {stream.status}: the file is not ready")
        if stream.status >= 300:
            raise SourceGone(f"{stream.origin} answered {stream.status}: the link is dead")
        if stream.status != _OK and _bounds(stream) != (0, stream.length):
            raise SourceBusy(f"{stream.origin} answered {stream.status}")
        if not self.source.headers:  # else every redirect is followed again: the key belongs at its beginning only
            self._url = stream.url
        self.is_framed = stream.length is not None or "transfer-encoding" in stream.headers  # a cut would show
        self._pieces: Iterator[bytes] = iter(stream)
        self._packed = "content-encoding" in stream.headers and self._is_packed()
        self.total = None if self._packed else stream.length
        self._validator = _validator(stream)
        does_ranges = self._validator is not None and stream.headers.get("accept-ranges") != "none"
        self._resumable = self.total is not None and does_ranges

    def pieces(self) -> Generator[bytes]:
        """The whole file. Raises RestartCopy, SourceGone, SourceBusy, SourceBad."""
        if self._packed:
            yield from _unpacked(self._pieces)
            return
        began, reading = self.ticks(), self._resumed()
        for piece in reading:
            yield piece
            if self._position >= RANGE_BYTES:
                break
        is_slow = self._position < _FAST * (self.ticks() - began)
        rest = (self.total or 0) - self._position
        split = is_slow and rest > RANGE_BYTES and self._resumable and self.side_by_side
        with closing(self._side_by_side() if split else in_order((), at_once=1, ahead=0)) as ranges:
            try:
                first = next(ranges, b"")
            except RestartCopy:  # the server does not do ranges: it is read on as it was begun
                first = b""
            if first:
                self._held.close()
            yield from chain([first], ranges) if first else reading

    def _is_packed(self) -> bool:
        """The first bytes decide: many a server labels what is not packed."""
        head = b""
        try:
            while len(head) < 2 and (piece := next(self._pieces, b"")):
                head += piece
        except AnswerLost as error:
            raise RestartCopy(str(error)) from error
        self._pieces = chain([head], self._pieces)
        return head.startswith(PACKED)

    def _resumed(self) -> Iterator[bytes]:
        """From the beginning to the end, over as many connections as it takes."""
        pieces: Iterator[bytes] | None = self._pieces
        before = tries = 0
        cut: Exception | None = None
        while True:
            try:
                if pieces is None:
                    pieces = iter(self._held.enter_context(self._range(self._position, (self.total or 0) - 1)))
                for piece in pieces:
                    self._position += len(piece)
                    yield piece
                if self.total is not None and self._position < self.total:
                    raise AnswerLost("less came than was promised")
                return
            except (AnswerLost, NotSent, SourceBusy) as error:
                self._held.close()
                pieces, cut = None, error
                if not self._resumable:
                    raise RestartCopy(str(error)) from error
                tries = 1 if self._position - before >= CHUNK_BYTES else tries + 1
                before = self._position
                self._wait(error, tries)
            except RestartCopy as restart:
                raise RestartCopy(f"{cut}; {restart}") from cut

    def _side_by_side(self) -> Generator[bytes]:
        end = self.total or 0
        ranges = (
            partial(self._read_range, first, min(first + RANGE_BYTES, end) - 1)
            for first in range(self._position, end, RANGE_BYTES)
        )
        return in_order(ranges, at_once=_CONNECTIONS, ahead=_RANGES_AHEAD)

    def _read_range(self, first: int, last: int) -> bytes:
        content, tries = bytearray(), 0
        while (missing := last + 1 - first - len(content)) > 0:
            try:
                with self._range(first + len(content), last) as stream:
                    if stream.length != missing:
                        raise RestartCopy(f"{stream.origin} answered another range than was asked for")
                    for piece in stream:
                        content += piece
            except (AnswerLost, NotSent, SourceBusy) as error:
                tries += 1
                self._wait(error, tries)
        return bytes(content)

    @contextmanager
    def _range(self, first: int, last: int) -> Iterator[Stream]:
        with self._get({"range": f"bytes={first}-{last}", "if-range": self._validator or ""}) as stream:
            _check_busy(stream)
            is_same = _validator(stream) == self._validator and _bounds(stream) == (first, self.total)
            if stream.status != _PARTIAL or not is_same:
                raise RestartCopy(f"{stream.origin}: the file changed, or cannot be read in parts")
            yield stream

    @contextmanager
    def _get(self, headers: Mapping[str, str]) -> Iterator[Stream]:
        seconds = self.seconds_left()
        if seconds <= 0:
            raise SourceBusy("there was no time left to read it all")
        headers = {"user-agent": self._agent, **self.source.headers, **headers}
        try:
            with self.outbound.stream(
                self._url, headers=headers, seconds=seconds, allow_private=self.source.allow_private
            ) as stream:
                yield stream
        except BlockedAddress as blocked:
            raise SourceBad(str(blocked)) from blocked

    def _wait(self, error: Exception, tries: int) -> None:
        seconds = 2.0**tries / 4
        if tries >= _TRIES:
            raise RestartCopy(str(error)) from error
        if self.seconds_left() <= seconds:
            raise SourceBusy("there was no time left to read it all") from error
        self.pause(seconds)


def in_order(calls: Iterable[Callable[[], T]], *, at_once: int, ahead: int) -> Generator[T]:
    """The results of calls that are made in threads, in their order, and some of them ahead of the reader."""
    pending: deque[Future[T]] = deque()
    workers = ThreadPoolExecutor(at_once)
    try:
        for call in calls:
            pending.append(workers.submit(call))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        workers.shutdown(cancel_futures=True)


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What was packed for the way shows by itself whether it is whole. Raises RestartCopy."""
    try:
        yield from unpacked(pieces)
    except (zlib.error, EOFError):
        raise RestartCopy("a packed file is cut or broken") from None
    except AnswerLost as error:
        raise RestartCopy(f"a packed file was cut: {error}") from error


def _check_busy(stream: Stream) -> None:
    if stream.status >= 500 or stream.status in _BUSY:
        retry_after = ProviderResponse(status=stream.status, headers=stream.headers).retry_after
        raise SourceBusy(f"{stream.origin} answered {stream.status}", retry_after)


def _is_not_ready(stream: Stream) -> bool:
    """Whether a refusal says "not yet", as Ark's link does for a while after the success: 400, `video_not_ready`."""
    with suppress(AnswerLost):
        return _NOT_READY.search(next(iter(stream), b"")[:_REFUSAL_BYTES]) is not None
    return False


def _bounds(stream: Stream) -> tuple[int, int] | None:
    """Where a partial answer begins, and the length of the whole."""
    found = _CONTENT_RANGE.fullmatch(stream.headers.get("content-range", ""))
    return (int(found[1]), int(found[3])) if found else None


def _validator(stream: Stream) -> str | None:
    """What distinguishes two versions of the file (RFC 9110, 13.1.5: a weak tag does not)."""
    tag = stream.headers.get("etag", "")
    return tag if tag.startswith('"') else stream.headers.get("last-modified")
