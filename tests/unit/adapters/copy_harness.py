"""What tests of the copier share: a file with what may go wrong on its way, and an archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.copying.source import RANGE_BYTES
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.task import ArchivedFile
from reelkeep.ports.providers import Source
from tests.samples import lengthened, video
from tests.servers import Answering, Bucket, Cut, Request, reply

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


MEDIUM = lengthened(video(), 400_000)


LONG = lengthened(video(), 2 * RANGE_BYTES + 12_345)


PAGE = b"<!doctype html><title>Sorry</title>"


@dataclass
class File:
    """A file as an object store serves it, with what may go wrong on the way."""

    content: bytes
    tag: str = '"one"'
    ranges: bool = True
    encoding: str = ""
    cuts: list[int] = field(default_factory=list)  # how many bytes the next answers send before they are cut
    faults: list[list[bytes]] = field(default_factory=list)  # the next answers

    def __call__(self, request: Request) -> Iterator[bytes]:
        if self.faults:
            yield from self.faults.pop(0)
            return
        length, part = len(self.content), request.range if self.ranges else None
        if part and request.headers.get("if-range", self.tag) == self.tag:
            first, last = part[0], min(part[1], length - 1)
            headers = {"content_range": f"bytes {first}-{last}/{length}"}
            answer = reply(
                206, self.content[first : last + 1], etag=self.tag, content_encoding=self.encoding, **headers
            )
        else:
            answer = reply(200, self.content, etag=self.tag, content_encoding=self.encoding)
        yield answer[0]
        if self.cuts:
            yield answer[1][: self.cuts.pop(0)]
            raise Cut
        yield answer[1]


@dataclass
class Archive:
    """What a copy needs besides its source."""

    outbound: Outbound
    bucket: Bucket
    s3: S3Client
    paused: list[float] = field(default_factory=list)

    def copy(self, url: str, **more: Any) -> ArchivedFile:
        given: dict[str, Any] = {
            "expected": "video",
            "limit_bytes": 1 << 40,
            "seconds": 20,
            "metadata": {"task-id": "t"},
        }
        given |= {"key": "v.mp4", "pause": self.paused.append, "s3": self.s3, "outbound": self.outbound}
        given["ticks"] = lambda: 0.0  # nothing takes any time
        return copy(Source(url, allow_private=True), bucket="bucket", **given | more)

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bucket.objects


def answering(answer: Iterable[bytes]) -> Answering:
    return lambda _: answer


def _until_close(content: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n" + content
    raise Cut
