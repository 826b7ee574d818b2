"""Copies one file from a provider into the archive: whole, verified, and visible only then.

Memory is a few buffers whatever the size. What fits into them is one PutObject; a longer file goes up in parts while
the next ones come in. S3 checks all that it receives against a checksum sent along, and a multipart upload appears
under its key only when it is completed, after the last byte has been looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from reelkeep.adapters.outbound import Outbound
from reelkeep.adapters.source import BeginAgain, Remote, Source
from reelkeep.adapters.transfer import MOST, Digest, Incoming, Target, Upload
from reelkeep.domain.media import Expected, Media, MediaProbe, NotMedia, Truncated
from reelkeep.domain.task import Kept
from reelkeep.ports import SourceBad, SourceBusy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

__all__ = ["Source", "copy"]

_ATTEMPTS = 3


def copy(
    source: Source,
    *,
    bucket: str,
    key: str | Callable[[str], str],
    expected: Expected,
    s3: S3Client,
    outbound: Outbound,
    limit_bytes: int,
    seconds: float,
    metadata: Mapping[str, str] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Kept:
    """`key` may be a function of the extension that the file turns out to deserve.

    Give the client `Config(s3={"payload_signing_enabled": False})`: else it hashes all bytes once more, although
    the checksums that are sent, and signed, protect them already.

    Raises SourceGone, SourceBusy, SourceBad, and what the client raises; nothing is visible under the key then.
    """
    end = time.monotonic() + seconds

    def target(content_type: str, extension: str) -> Target:
        name = key if isinstance(key, str) else key(extension)
        return Target(s3, bucket, name, content_type, dict(metadata or {}))

    why = ""
    for attempt in range(_ATTEMPTS):
        try:
            with closing(
                Remote(
                    source,
                    outbound,
                    limit_bytes=min(limit_bytes, MOST),
                    seconds_left=lambda: end - time.monotonic(),
                    in_ranges=attempt < _ATTEMPTS - 1,  # some servers can do it in one go only
                    pause=pause,
                )
            ) as remote:
                return _copy(remote, MediaProbe(expected), target)
        except BeginAgain as again:
            why = str(again)
        except NotMedia as error:
            raise SourceBad(str(error)) from error
    raise SourceBusy(why)


def _copy(remote: Remote, probe: MediaProbe, target: Callable[[str, str], Target]) -> Kept:
    size = 0

    def look(bit: memoryview) -> None:
        probe.feed(bit)
        digest.update(bit)

    def give_back(buffer: bytearray) -> None:
        digest.wait()
        incoming.give_back(buffer)

    with closing(Incoming(remote, look)) as incoming, closing(Digest()) as digest, ExitStack() as stack:
        upload: Upload | None = None
        held: bytearray | None = None
        for piece in incoming:
            size += len(piece)
            if upload is None and (held is not None or (remote.total is not None and size < remote.total)):
                destination = target(probe.content_type, probe.extension)
                upload = stack.enter_context(Upload(destination, give_back))
                if held is not None:
                    upload.add(held)
            if upload is not None:
                upload.add(piece)
            else:
                held = piece  # it may be the only one
        media = _finish(probe, remote)
        destination = target(media.content_type, media.extension)
        if upload is None:
            destination.put(held or bytearray(), digest.bytes())
        else:
            upload.complete(size)
    return Kept(
        key=destination.key,
        bytes=size,
        sha256=digest.bytes().hex(),
        content_type=media.content_type,
        duration=media.duration_seconds,
        fps=media.fps,
        width=media.width,
        height=media.height,
    )


def _finish(probe: MediaProbe, remote: Remote) -> Media:
    try:
        return probe.finish()
    except Truncated as truncated:
        if remote.framed:
            raise  # so it is at the provider, not on the way
        raise BeginAgain(str(truncated)) from truncated
