"""A remote file in order, in bits that stay in the processor's cache, read ahead of whoever takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Thread

from reelkeep.adapters.copying.source import RANGE, Remote

BIT = 1 << 20
_SLOTS = 8  # bits read ahead
_WAYS = 4  # connections at once; more than a few are impolite
_RANGES = 6  # read ahead by them
_QUICK = 32 << 20  # bytes a second


def incoming(remote: Remote) -> Generator[memoryview]:
    """Bits of BIT bytes, the last one less. Each is overwritten after the next one is taken.

    More connections help where one is slow, as from another continent; where one is quick, they only cost.
    """
    if not remote.ranged or remote.total is None:
        yield from _in_a_row(remote, None)
        return
    yield from _in_a_row(remote, min(RANGE, remote.total))
    if remote.total > RANGE:
        quick = remote.bytes_a_second >= _QUICK
        yield from _in_a_row(remote, remote.total - RANGE) if quick else _side_by_side(remote, RANGE, remote.total)


def _in_a_row(remote: Remote, length: int | None) -> Generator[memoryview]:
    free: SimpleQueue[memoryview | None] = SimpleQueue()
    full: SimpleQueue[memoryview | BaseException | None] = SimpleQueue()
    # For a cover's few bytes, making all the slots takes longer than reading it.
    expected = (remote.total if length is None else length) or _SLOTS * BIT
    for _ in range(min(_SLOTS, -(-expected // BIT))):
        free.put(memoryview(bytearray(min(BIT, expected))))
    reader = Thread(target=_read, args=(remote, length, free, full))
    reader.start()
    try:
        while isinstance(bit := full.get(), memoryview):
            yield bit
            free.put(memoryview(bit.obj))
        if bit is not None:
            raise bit
    finally:
        free.put(None)
        reader.join()


def _read(
    remote: Remote,
    length: int | None,
    free: SimpleQueue[memoryview | None],
    full: SimpleQueue[memoryview | BaseException | None],
) -> None:
    try:
        while length != 0 and (slot := free.get()) is not None:
            wanted = slot if length is None else slot[:length]
            if count := remote.read_on(wanted):
                full.put(wanted[:count])
            if count < len(wanted):
                break
            length = length - count if length is not None else None
        full.put(None)
    except BaseException as error:
        full.put(error)


def _side_by_side(remote: Remote, begin: int, end: int) -> Generator[memoryview]:
    offsets = iter(range(begin, end, RANGE))
    spare = deque(bytearray(RANGE) for _ in range(_RANGES))
    ahead: deque[tuple[bytearray, memoryview, Future[None]]] = deque()
    readers = ThreadPoolExecutor(_WAYS)
    try:
        while True:
            while spare and (offset := next(offsets, None)) is not None:
                buffer = spare.popleft()
                view = memoryview(buffer)[: end - offset]
                ahead.append((buffer, view, readers.submit(remote.read_range, view, offset)))
            if not ahead:
                return
            buffer, view, read = ahead.popleft()
            read.result()
            yield from (view[at : at + BIT] for at in range(0, len(view), BIT))
            spare.append(buffer)
    finally:
        readers.shutdown(cancel_futures=True)
