"""Copies one file from a provider into the archive: whole, verified, and visible only then.

The bytes pass through a few small buffers, whatever the size: they are looked at and summed up on their way into
the bucket, and S3 compares the checksum that follows the last of them with its own before the file appears.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from reelkeep.adapters.copying.checksums import Checksum, Crc32, Sha256
from reelkeep.adapters.copying.incoming import incoming
from reelkeep.adapters.copying.source import BeginAgain, Remote
from reelkeep.adapters.copying.upload import MOST, MOST_AT_ONCE, Target, buffer_up, stream_up
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.task import ArchivedFile
from reelkeep.media.probe import Expected, Media, MediaProbe, NotMedia, Truncated
from reelkeep.ports import Source, SourceBusy, SourceNotMedia

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from types_boto3_s3 import S3Client

__all__ = ["Source", "copy"]

SHA256_UP_TO = 64 << 20
_ATTEMPTS = 3


def copy(
    source: Source,
    *,
    bucket: str,
    key: str | Callable[[str], str],
    expected: Expected | None,
    s3: S3Client,
    credentials: Credentials | None = None,
    outbound: Outbound,
    limit_bytes: int,
    seconds: float,
    metadata: Mapping[str, str] | None = None,
    sha256_up_to: int = SHA256_UP_TO,
    pause: Callable[[float], None] = time.sleep,
) -> ArchivedFile:
    """`key` may be a function of the extension that the file turns out to deserve. Nothing is `expected` of bytes of
    any kind.

    Without the session's credentials all goes through the client, in buffered parts, which is slower. Of a file of
    more than `sha256_up_to` bytes only the CRC-32 is taken, which S3 keeps with it: `sha256` is empty then.

    Raises SourceGone, SourceBusy, SourceBad, SourceNotMedia, and what the client raises; nothing is visible under the
    key then.
    """
    end = time.monotonic() + seconds
    why = ""
    for attempt in range(_ATTEMPTS):
        last = attempt == _ATTEMPTS - 1  # goes the simplest way: some servers can do no other
        try:
            with (
                closing(
                    Remote(
                        source,
                        outbound,
                        limit_bytes=min(limit_bytes, MOST),
                        seconds_left=lambda: end - time.monotonic(),
                        in_ranges=not last,
                        pause=pause,
                    )
                ) as remote,
                closing(_Passing(remote, MediaProbe(expected) if expected else AnyBytes(), sha256_up_to)) as passing,
            ):

                def target(probe: MediaProbe | AnyBytes = passing.probe) -> Target:
                    name = key if isinstance(key, str) else key(probe.extension)
                    return Target(s3, bucket, name, probe.content_type, dict(metadata or {}))

                bits = passing.bits()
                if credentials is None or remote.total is None or remote.total > MOST_AT_ONCE or last:
                    buffer_up(target, bits, passing.checksum, passing.check)
                else:
                    first = next(bits, memoryview(b""))
                    stream_up(
                        target(),
                        chain([first], bits),
                        remote.total,
                        passing.checksum,
                        passing.check,
                        credentials=credentials,
                        outbound=outbound,
                        seconds=max(1.0, end - time.monotonic()),
                    )
                return passing.kept(target().key)
        except BeginAgain as again:
            why = str(again)
        except NotMedia as error:
            raise SourceNotMedia(str(error), remote.total or passing.size) from error
    raise SourceBusy(why)


class AnyBytes:
    """In the place of a probe, for bytes of any kind."""

    content_type = "application/octet-stream"
    extension = "bin"

    def feed(self, chunk: memoryview) -> None:
        pass

    def finish(self) -> Media:
        return Media(content_type=self.content_type, extension=self.extension)


class _Passing:
    """The file on its way: what is learned of it, and its checksum, taken in a thread of its own."""

    def __init__(self, remote: Remote, probe: MediaProbe | AnyBytes, sha256_up_to: int) -> None:
        self.probe = probe
        self.checksum: Checksum = Sha256() if (remote.total or 0) <= sha256_up_to else Crc32()
        self._remote = remote
        self.size = 0
        self._media: Media | None = None
        self._to_sum: SimpleQueue[memoryview | None] = SimpleQueue()
        self._summed: SimpleQueue[None] = SimpleQueue()
        self._summer = Thread(target=self._sum_up)
        self._summer.start()
        self._incoming = incoming(remote)

    def bits(self) -> Iterator[memoryview]:
        for bit in self._incoming:
            self._to_sum.put(bit)
            self.probe.feed(bit)
            self.size += len(bit)
            yield bit
            self._summed.get()

    def check(self) -> None:
        """After the last bit: is it whole, and what it should be? Raises NotMedia, BeginAgain."""
        if self._remote.total not in (None, self.size):
            raise BeginAgain(f"{self.size} bytes came, {self._remote.total} were promised")
        try:
            self._media = self.probe.finish()
        except Truncated as truncated:
            if self._remote.framed:
                raise  # so it is at the provider, not on the way
            raise BeginAgain(str(truncated)) from truncated

    def kept(self, key: str) -> ArchivedFile:
        media = self._media
        assert media is not None  # noqa: S101 - it was uploaded, so it was checked
        return ArchivedFile(
            key=key,
            bytes=self.size,
            sha256=self.checksum.digest().hex() if self.checksum.name == "sha256" else "",
            crc32=self.checksum.digest().hex() if self.checksum.name == "crc32" else "",
            content_type=media.content_type,
            duration=media.duration_seconds,
            fps=media.fps,
            width=media.width,
            height=media.height,
        )

    def close(self) -> None:
        self._incoming.close()
        self._to_sum.put(None)
        self._summer.join()

    def _sum_up(self) -> None:
        while (bit := self._to_sum.get()) is not None:
            self.checksum.update(bit)
            self._summed.put(None)
