"""Walking a file made of sized boxes while its bytes pass by, keeping only the few small ones that matter."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

_KEPT_AT_MOST = 1 << 20  # a longer leaf is stepped over: memory stays bounded whatever a file claims
_LONGEST_HEAD = 32
_DEEPEST = 64  # boxes in one another


class Act(Enum):
    ENTER = "its payload is boxes again"
    KEEP = "its payload is wanted"
    SKIP = "its payload is stepped over"


class Box(NamedTuple):
    kind: bytes
    head: int  # bytes of its header
    size: int | None  # bytes of its payload; None: up to the end of what holds it
    act: Act


class Malformed(Exception):
    """The bytes are not what their beginning promised."""


class Facts(NamedTuple):
    """What a file says about itself."""

    seconds: float | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None


class Reader(Protocol):
    """One format, read while it passes by, in chunks cut anywhere."""

    def feed(self, chunk: memoryview) -> None:
        """Raises Malformed."""

    def missing(self) -> str | None:
        """After the last byte: what is not there that a whole file has."""

    def facts(self) -> Facts: ...


BREAKS_OFF = "it breaks off before its end"


class Walk:
    """Feeds on chunks of any size; what it learns does not depend on where they are cut."""

    def __init__(self) -> None:
        self.offset = 0
        self._path: list[tuple[bytes, int]] = []  # the boxes we are in, with the offset each ends at
        self._head = bytearray()
        self._leaf: bytes | None = None
        self._left: int | None = 0  # payload still to come; None: all the rest of the file
        self._kept: bytearray | None = None

    # What a format has to say -------------------------------------------------------------------------

    def header(self, data: bytes) -> Box | None:
        """The box that starts with `data`, or None while more bytes are needed; a prefix of `data` must decide."""
        raise NotImplementedError

    def entered(self, kind: bytes) -> None:
        """A box whose payload is boxes begins."""

    def kept(self, kind: bytes, payload: bytes) -> None:
        """A wanted box has passed."""

    # The walk itself ----------------------------------------------------------------------------------

    def feed(self, chunk: memoryview) -> None:
        at = 0
        while at < len(chunk):
            if self._leaf is None:
                at += self._feed_header(chunk[at : at + _LONGEST_HEAD - len(self._head)])
                continue
            count = len(chunk) - at if self._left is None else min(self._left, len(chunk) - at)
            if self._kept is not None:
                self._kept += chunk[at : at + count]
            at += count
            self.offset += count
            if self._left is not None:
                self._left -= count
                self._close_if_done()

    @property
    def inside(self) -> bytes:
        """The box that we are in; empty at the top."""
        return self._path[-1][0] if self._path else b""

    @property
    def room(self) -> int | None:
        """What is left of it; None at the top."""
        return self._path[-1][1] - self.offset if self._path else None

    @property
    def whole(self) -> bool:
        """Nothing has begun that has not ended."""
        return self._left is None or not (self._leaf or self._head or self._path)

    def _feed_header(self, data: memoryview) -> int:
        before = len(self._head)
        self._head += data
        box = self.header(bytes(self._head))
        if box is None:
            if len(self._head) >= _LONGEST_HEAD:
                raise Malformed
            return len(data)
        self._head.clear()
        self.offset += box.head
        self._open(box)
        return box.head - before

    def _open(self, box: Box) -> None:
        size = box.size
        if self.room is not None:
            size = self.room if size is None else min(size, self.room)
        if box.act is Act.ENTER:
            self.entered(box.kind)
            if len(self._path) >= _DEEPEST:
                raise Malformed
            if size is not None:  # one without an end needs no place in the path
                self._path.append((box.kind, self.offset + size))
            self._close_ended()
            return
        self._leaf, self._left = box.kind, size
        wanted = box.act is Act.KEEP and size is not None and size <= _KEPT_AT_MOST
        self._kept = bytearray() if wanted else None
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._leaf is not None and self._left == 0:
            kind, payload = self._leaf, self._kept
            self._leaf = self._kept = None
            if payload is not None:
                self.kept(kind, bytes(payload))
            self._close_ended()

    def _close_ended(self) -> None:
        while self._path and self._path[-1][1] <= self.offset:
            self._path.pop()
