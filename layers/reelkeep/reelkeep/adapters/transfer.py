"""The two halves of a copy that run side by side: buffers that fill, and parts that go up."""

from __future__ import annotations

import time
import zlib
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.adapters.source import RANGE, WAYS, Look, Remote

if TYPE_CHECKING:
    from types import TracebackType

    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_BUFFERS = 3
_PART = 16 << 20
_UPLOADS = 2
_QUICK = 32 << 20  # bytes a second of one connection; what a function of one CPU can move is about twice that
MOST = 10_000 * _PART  # an upload has at most that many parts: 160 GB


class Incoming:
    """The file in order, a buffer at a time; `look` is shown all of it, in order too, before it is handed out.

    Buffers that are not needed any more are to be given back. What fits into all of them comes in one piece.
    """

    def __init__(self, remote: Remote, look: Look, clock: Callable[[], float] = time.monotonic) -> None:
        self._remote = remote
        self._look = look
        self._clock = clock
        self._readers = ThreadPoolExecutor(WAYS)
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._buffers = 0
        total = remote.total
        self._part = total if total is not None and total <= _BUFFERS * _PART else _PART

    def __iter__(self) -> Iterator[bytearray]:
        """More connections help a source that is slow on one; where one is quick, they only cost."""
        buffer = self._spare(0)
        assert buffer is not None  # noqa: S101 - it waits for one
        if not self._remote.ranged:
            return self._in_a_row(buffer, 0)
        began = self._clock()
        count = self._remote.read(memoryview(buffer)[:RANGE], 0, self._look)
        quick = count >= _QUICK * (self._clock() - began)
        return self._in_a_row(buffer, count) if quick else self._side_by_side(buffer, count)

    def give_back(self, buffer: bytearray) -> None:
        self._free.put(buffer)

    def close(self) -> None:
        self._readers.shutdown(cancel_futures=True)

    def _in_a_row(self, first: bytearray, filled: int) -> Iterator[bytearray]:
        offset = 0
        buffer: bytearray | None = first
        while buffer is not None:
            count = filled + self._remote.read(memoryview(buffer)[filled:], offset + filled, self._look)
            if count < len(buffer):  # the end, of a file whose length was not said
                if count:
                    yield buffer[:count]
                return
            yield buffer
            offset, filled = offset + count, 0
            buffer = self._spare(offset)

    def _side_by_side(self, first: bytearray, filled: int) -> Iterator[bytearray]:
        ahead = deque([(first, self._fill(first, 0, filled))])
        offset = len(first)
        while ahead:
            while (buffer := self._spare(offset, wait=not ahead)) is not None:
                ahead.append((buffer, self._fill(buffer, offset)))
                offset += len(buffer)
            buffer, reads = ahead.popleft()
            for read in reads:
                read.result()
            self._look(memoryview(buffer)[filled:])
            filled = 0
            yield buffer

    def _fill(self, buffer: bytearray, offset: int, filled: int = 0) -> list[Future[int]]:
        view = memoryview(buffer)
        return [
            self._readers.submit(self._remote.read, view[at : at + RANGE], offset + at, _look_away)
            for at in range(filled, len(view), RANGE)
        ]

    def _spare(self, offset: int, *, wait: bool = True) -> bytearray | None:
        """A buffer for what begins there; None at the end, or if there is none and nobody wants to wait."""
        total = self._remote.total
        if total is not None and 0 < total <= offset:
            return None
        try:
            if self._buffers < _BUFFERS:
                self._buffers += 1
                buffer = bytearray(self._part)
            else:
                buffer = self._free.get(block=wait)
        except Empty:
            return None
        return buffer if total is None or total - offset >= len(buffer) else bytearray(total - offset)


class Digest:
    """SHA-256 in a thread of its own, for it takes as long as the reading."""

    def __init__(self) -> None:
        self._sha256 = sha256()
        self._worker = ThreadPoolExecutor(1)
        self._latest: Future[None] | None = None

    def update(self, bit: memoryview) -> None:
        self._latest = self._worker.submit(self._sha256.update, bit)

    def wait(self) -> None:
        """Until all that was given so far may be overwritten."""
        if self._latest is not None:
            self._latest.result()

    def bytes(self) -> bytes:
        self.wait()
        return self._sha256.digest()

    def close(self) -> None:
        self._worker.shutdown(cancel_futures=True)


def _look_away(_: memoryview) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file goes in the archive."""

    s3: S3Client
    bucket: str
    key: str
    content_type: str
    metadata: dict[str, str]

    def put(self, content: bytearray, sha256: bytes) -> None:
        """In one go. S3 keeps the checksum, and refuses what does not match it."""
        self.s3.put_object(
            Bucket=self.bucket,
            Key=self.key,
            Body=content,  # type: ignore[arg-type]  # the client takes it
            ContentType=self.content_type,
            Metadata=self.metadata | {"sha256": sha256.hex()},
            ChecksumSHA256=b64encode(sha256).decode(),
        )


class Upload:
    """In parts. Leaves nothing behind, also no parts to be paid for, unless it is completed."""

    def __init__(self, target: Target, give_back: Callable[[bytearray], None]) -> None:
        self._target = target
        self._give_back = give_back
        self._workers = ThreadPoolExecutor(_UPLOADS)
        self._sent: deque[Future[CompletedPartTypeDef]] = deque()
        self._parts: list[CompletedPartTypeDef] = []
        self._completed = False
        self._id = target.s3.create_multipart_upload(
            Bucket=target.bucket,
            Key=target.key,
            ContentType=target.content_type,
            Metadata=target.metadata,
            ChecksumAlgorithm="CRC32",
            ChecksumType="FULL_OBJECT",
        )["UploadId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.shutdown(cancel_futures=True)
        if not self._completed:
            with suppress(BotoCoreError, ClientError):  # the bucket's own rule removes what stays behind
                self._target.s3.abort_multipart_upload(
                    Bucket=self._target.bucket, Key=self._target.key, UploadId=self._id
                )

    def add(self, buffer: bytearray) -> None:
        """Raises what an earlier part failed with."""
        while self._sent and self._sent[0].done():
            self._parts.append(self._sent.popleft().result())
        number = len(self._parts) + len(self._sent) + 1
        self._sent.append(self._workers.submit(self._send, number, buffer))

    def complete(self, size: int) -> None:
        """Makes the file visible, if it has that many bytes."""
        self._parts += [sent.result() for sent in self._sent]
        self._target.s3.complete_multipart_upload(
            Bucket=self._target.bucket,
            Key=self._target.key,
            UploadId=self._id,
            MultipartUpload={"Parts": self._parts},
            ChecksumType="FULL_OBJECT",
            MpuObjectSize=size,
        )
        self._completed = True

    def _send(self, number: int, buffer: bytearray) -> CompletedPartTypeDef:
        try:
            checksum = b64encode(zlib.crc32(buffer).to_bytes(4, "big")).decode()
            answer = self._target.s3.upload_part(
                Bucket=self._target.bucket,
                Key=self._target.key,
                UploadId=self._id,
                PartNumber=number,
                Body=buffer,  # type: ignore[arg-type]  # the client takes it
                ChecksumCRC32=checksum,
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum}
        finally:
            self._give_back(buffer)
