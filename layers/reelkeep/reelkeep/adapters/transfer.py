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
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.adapters.source import RANGE, WAYS, Remote

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
    """The file in order, a buffer at a time; while one is looked at and another one goes up, the next one fills.

    What fits into the buffers at all comes in one piece. Buffers that are not needed any more are to be given back.
    """

    def __init__(self, remote: Remote, clock: Callable[[], float] = time.monotonic) -> None:
        self._remote = remote
        self._clock = clock
        self._readers = ThreadPoolExecutor(1)
        self._range: int | None = None  # what one reader asks for at a time; None: all that is to be filled
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._buffers = 0
        total = remote.total
        self._part = total if total is not None and total <= _BUFFERS * _PART else _PART

    def __iter__(self) -> Iterator[bytearray]:
        ahead: deque[tuple[bytearray, list[Future[int]]]] = deque()
        offset, total = 0, self._remote.total
        while True:
            while (total is None or offset < total) and (buffer := self._spare(wait=not ahead)) is not None:
                if total is not None and total - offset < len(buffer):
                    buffer = bytearray(total - offset)
                ahead.append((buffer, self._fill(memoryview(buffer), offset)))
                offset += len(buffer)
            if not ahead:
                return
            buffer, reads = ahead.popleft()
            count = sum(read.result() for read in reads)
            if count < len(buffer):  # the end, of a file whose length was not said
                if count:
                    yield buffer[:count]
                return
            yield buffer

    def give_back(self, buffer: bytearray) -> None:
        self._free.put(buffer)

    def close(self) -> None:
        self._readers.shutdown(cancel_futures=True)

    def _spare(self, *, wait: bool) -> bytearray | None:
        if self._buffers < _BUFFERS:
            self._buffers += 1
            return bytearray(self._part)
        try:
            return self._free.get(block=wait)
        except Empty:
            return None

    def _fill(self, view: memoryview, offset: int) -> list[Future[int]]:
        reads = []
        if offset == 0 and self._remote.ranged:
            reads.append(self._first(view[:RANGE]))
            view, offset = view[RANGE:], RANGE
        step = self._range or len(view) or 1
        for at in range(0, len(view), step):
            reads.append(self._readers.submit(self._remote.read, view[at : at + step], offset + at))
        return reads

    def _first(self, view: memoryview) -> Future[int]:
        """Shows how fast the source is. More connections help a slow one; a fast one they only cost."""
        began = self._clock()
        read = self._readers.submit(self._remote.read, view, 0)
        if read.result() < _QUICK * (self._clock() - began):
            self._readers.shutdown()
            self._readers, self._range = ThreadPoolExecutor(WAYS), RANGE
        return read


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
            Body=content,  # type: ignore[arg-type] - as below
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
                Body=buffer,  # type: ignore[arg-type] - the stubs do not know that the client takes it
                ChecksumCRC32=checksum,
            )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum}
        finally:
            self._give_back(buffer)
