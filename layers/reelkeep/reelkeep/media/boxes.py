"""A streaming parser for files made of sized boxes (atoms, chunks, elements). It collects the few that matter."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

_LARGEST_COLLECTED = 1 << 20  # bytes; a longer payload is skipped, so memory stays bounded whatever a file claims
_LONGEST_HEADER = 32
_DEEPEST = 64  # boxes in one another
MOST_TRACKS = 256


class Action(Enum):
    """What the parser does with the payload of a box."""

    ENTER = "parse it: it is made of boxes"
    COLLECT = "collect it"
    SKIP = "skip it"


class Box(NamedTuple):
    kind: bytes
    header_size: int
    size: int | None  # bytes of the payload; None: up to the end of the parent
    action: Action


REST = Box(b"", 0, None, Action.SKIP)  # whatever is left of the parent, or of the file, means nothing


class Malformed(Exception):
    """The bytes are not what their beginning promised."""


class Facts(NamedTuple):
    """What a file says about itself."""

    seconds: float | None = None
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    has_video: bool = True
    codec: str = ""  # of the video, as the file calls it
    has_sound: bool | None = None  # None if the file does not say


class Reader(Protocol):
    """Reads one format in chunks cut anywhere."""

    def feed(self, chunk: memoryview) -> None:
        """Raises Malformed."""

    def missing(self) -> str | None:
        """After the last byte: what a player needs and does not find."""

    def facts(self) -> Facts: ...


BREAKS_OFF = "it breaks off before its end"
NOTHING_TO_PLAY = "it holds nothing to play"


class BoxReader:
    """The base of the readers. What it learns does not depend on where the chunks are cut."""

    def __init__(self) -> None:
        self.offset = 0
        self._path: list[tuple[bytes, int]] = []  # the boxes around this place, and the offset where each ends
        self._header = bytearray()
        self._leaf: bytes | None = None
        self._left: int | None = 0  # payload still to come; None: all the rest of the file
        self._payload: bytearray | None = None

    # A format implements these -------------------------------------------------------------------------

    def header(self, data: bytes) -> Box | None:
        """The box that starts with `data`, or None while more bytes are needed. A prefix of `data` must decide."""
        raise NotImplementedError

    def entered(self, kind: bytes) -> None:
        """The payload of a box with Action.ENTER begins."""

    def left(self, kind: bytes) -> None:
        """It has ended."""

    def collected(self, kind: bytes, payload: bytes) -> None:
        """The payload of a box with Action.COLLECT is complete."""

    def too_large(self, kind: bytes) -> None:
        """The payload of a box with Action.COLLECT is not collected."""

    # The parser itself ---------------------------------------------------------------------------------

    def feed(self, chunk: memoryview) -> None:
        at = 0
        while at < len(chunk):
            if self._leaf is None:
                at += self._feed_header(chunk[at : at + _LONGEST_HEADER - len(self._header)])
                continue
            count = len(chunk) - at if self._left is None else min(self._left, len(chunk) - at)
            if self._payload is not None:
                self._payload += chunk[at : at + count]
            at += count
            self.offset += count
            if self._left is not None:
                self._left -= count
                self._close_leaf()

    @property
    def parent(self) -> bytes:
        """The box around this place; empty at the top level."""
        return self._path[-1][0] if self._path else b""

    @property
    def room(self) -> int | None:
        """Bytes left of the parent; None at the top level."""
        return self._path[-1][1] - self.offset if self._path else None

    @property
    def whole(self) -> bool:
        """Nothing has begun that has not ended."""
        return self._left is None or not (self._leaf or self._header or self._path)

    def _feed_header(self, data: memoryview) -> int:
        before = len(self._header)
        self._header += data
        box = self.header(bytes(self._header))
        if box is None:
            if len(self._header) >= _LONGEST_HEADER:
                raise Malformed
            return len(data)
        self._header.clear()
        self.offset += box.header_size
        self._open(box)
        return box.header_size - before

    def _open(self, box: Box) -> None:
        size = box.size
        if self.room is not None:
            size = self.room if size is None else min(size, self.room)
        if box.action is Action.ENTER:
            self.entered(box.kind)
            if len(self._path) >= _DEEPEST:
                raise Malformed
            if box.size is not None and size is not None:  # one that ends with its parent needs no place in the path
                self._path.append((box.kind, self.offset + size))
            self._close_parents()
            return
        self._leaf, self._left = box.kind, size
        collect = box.action is Action.COLLECT
        self._payload = bytearray() if collect and size is not None and size <= _LARGEST_COLLECTED else None
        if collect and self._payload is None:
            self.too_large(box.kind)
        self._close_leaf()

    def _close_leaf(self) -> None:
        if self._leaf is not None and self._left == 0:
            kind, payload = self._leaf, self._payload
            self._leaf = self._payload = None
            if payload is not None:
                self.collected(kind, bytes(payload))
            self._close_parents()

    def _close_parents(self) -> None:
        while self._path and self._path[-1][1] <= self.offset:
            self.left(self._path.pop()[0])
