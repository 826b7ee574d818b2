"""Copies one file from a provider into the archive: whole, verified, and visible only then.

The bytes pass through two buffers, whatever the size: one is filled and judged while the other is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING

from reelkeep.adapters.copying.source import RemoteFile, RestartCopy, in_order
from reelkeep.adapters.copying.upload import Checksum, Part, Target, upload
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.task import ArchivedFile
from reelkeep.media.probe import Expected, Media, MediaProbe, NotMedia, Truncated
from reelkeep.ports.archive import SourceBusy, SourceNotMedia, SourceTooLarge
from reelkeep.ports.providers import Source

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PART_BYTES = 16 << 20
_ATTEMPTS = 3


def copy(
    source: Source,
    *,
    bucket: str,
    key: str | Callable[[str], str],
    expected: Expected | None,
    s3: S3Client,
    outbound: Outbound,
    limit_bytes: int,
    seconds: float,
    metadata: Mapping[str, str] | None = None,
    part_bytes: int = _PART_BYTES,
    pause: Callable[[float], None] = time.sleep,
    ticks: Callable[[], float] = time.monotonic,
) -> ArchivedFile:
    """`key` may be a function of the extension that the file turns out to deserve. Nothing is `expected` of bytes of
    any kind.

    Of a file of more than four parts only the CRC-32 is taken, which S3 stores with it: `sha256` is empty then.
    Raises SourceGone, SourceBusy, SourceBad, SourceNotMedia, and what the client raises; nothing is visible under the
    key then.
    """
    end = ticks() + seconds
    why = ""
    for attempt in range(_ATTEMPTS):
        file = RemoteFile(
            source,
            outbound,
            seconds_left=lambda: end - ticks(),
            side_by_side=attempt < _ATTEMPTS - 1,  # some servers can do no other than the simplest way
            pause=pause,
            ticks=ticks,
        )
        stream = CopyStream(file, MediaProbe(expected) if expected else AnyBytes(), limit_bytes, part_bytes)
        try:
            with closing(file), closing(stream.parts()) as parts:
                first = next(parts)
                target: Target = {
                    "Bucket": bucket,
                    "Key": key if isinstance(key, str) else key(stream.probe.extension),
                    "ContentType": stream.probe.content_type,
                    "Metadata": dict(metadata or {}),
                }
                checksum = upload(s3, target, chain([first], parts), file.total, sha256_up_to=4 * part_bytes)
                return stream.archived_file(target["Key"], checksum)
        except RestartCopy as restart:
            why = str(restart)
        except NotMedia as error:
            raise SourceNotMedia(str(error), file.total or stream.size) from error
    raise SourceBusy(why)


class AnyBytes:
    """In the place of a probe, for bytes of any kind."""

    content_type = "application/octet-stream"
    extension = "bin"

    def feed(self, chunk: bytes) -> None:
        pass

    def finish(self, *, framed: bool = False) -> Media:  # noqa: ARG002
        return Media(content_type=self.content_type, extension=self.extension)


@dataclass
class CopyStream:
    """The file while it is copied: its parts, and what the probe finds out."""

    file: RemoteFile
    probe: MediaProbe | AnyBytes
    limit_bytes: int
    part_bytes: int
    size: int = 0
    _media: Media | None = None

    def parts(self) -> Generator[Part]:
        """Each is overwritten after the next one was taken. The last one comes when the whole file was found good.

        Raises NotMedia, RestartCopy, SourceGone, SourceBusy, SourceBad.
        """
        with (
            closing(self._read_parts()) as parts,
            closing(in_order(repeat(partial(next, parts, None)), at_once=1, ahead=1)) as ahead,
        ):
            while part := next(ahead):
                yield part

    def archived_file(self, key: str, checksum: Checksum) -> ArchivedFile:
        media = self._media
        assert media is not None  # noqa: S101 - the last part came
        return ArchivedFile(
            key=key,
            bytes=self.size,
            sha256=checksum.sha256,
            crc32=checksum.crc32,
            content_type=media.content_type,
            duration=media.duration_seconds,
            fps=media.fps,
            width=media.width,
            height=media.height,
            codec=media.codec,
            sound=media.has_sound,
        )

    def _read_parts(self) -> Generator[Part]:
        self.file.open()
        total = self.file.total
        self._check_size(total or 0)
        length = total if total is not None and total <= 2 * self.part_bytes else self.part_bytes
        part, spare, filled = bytearray(length), bytearray(), 0
        for piece in self.file.pieces():
            self.probe.feed(piece)
            self.size += len(piece)
            self._check_size(self.size)
            left = memoryview(piece)
            while left:
                if filled == length:
                    yield Part(part, is_last=False)
                    part, spare, filled = spare or bytearray(length), part, 0
                count = min(len(left), length - filled)
                part[filled : filled + count] = left[:count]
                left, filled = left[count:], filled + count
        self._finish()
        del part[filled:]
        yield Part(part, is_last=True)

    def _finish(self) -> None:
        if self.file.total not in (None, self.size):
            raise RestartCopy(f"{self.size} bytes came, {self.file.total} were promised")
        try:
            self._media = self.probe.finish(framed=self.file.is_framed)
        except Truncated as truncated:
            if self.file.is_framed:
                raise  # so it is at the provider, not on the way
            raise RestartCopy(str(truncated)) from truncated

    def _check_size(self, size: int) -> None:
        if size > self.limit_bytes:
            raise SourceTooLarge(f"it is larger than the {self.limit_bytes} bytes that are archived of one file")
