"""The archive: files of tasks in the bucket, each task in a folder of its own, with a manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.s3 import layout
from reelkeep.adapters.s3.manifests import S3Manifests
from reelkeep.domain.task import ArchivedFile, Task
from reelkeep.media.probe import Expected
from reelkeep.ports import Source, SourceBad, SourceBusy, SourceGone, SourceNotMedia

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LARGEST: Mapping[Expected, int] = {
    "image": 256 << 20,
    "video": 10 << 30,
    "media": 10 << 30,
}  # bytes; no provider makes larger files


class S3Archive:
    def __init__(
        self,
        client: S3Client,
        bucket: str,
        outbound: Outbound,
        *,
        largest: Mapping[Expected, int] = LARGEST,
        pause: Callable[[float], None] = time.sleep,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`largest` is the size limit of one file in bytes, by the expected medium."""
        self._client = client
        self._largest = largest
        self._pause = pause
        self._ticks = ticks
        self._bucket = bucket
        self._outbound = outbound
        self._manifests = S3Manifests(lambda: client, bucket)

    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        end = self._ticks() + seconds
        try:
            return self._copy(
                task, source, seconds, _expected(name), lambda ending: layout.file_key(task.id, number, name, ending)
            )
        except SourceNotMedia as error:
            key = layout.quarantine_key(task.id, number, name)
            before = task.creations[number - 1].asset(name)
            if before and before.optional:
                raise
            known = before.quarantined.bytes if before and before.quarantined else 0
            with suppress(SourceGone, SourceBusy, SourceBad):
                if error.size > known:
                    error.quarantined = self._copy(task, source, end - self._ticks(), None, key)
            raise

    def _copy(
        self, task: Task, source: Source, seconds: float, expected: Expected | None, key: str | Callable[[str], str]
    ) -> ArchivedFile:
        return copy(
            source,
            bucket=self._bucket,
            key=key,
            expected=expected,
            s3=self._client,
            outbound=self._outbound,
            limit_bytes=self._largest[expected or "media"],
            seconds=seconds,
            metadata={"task-id": task.id},
            pause=self._pause,
            ticks=self._ticks,
        )

    def write_manifest(self, task: Task) -> None:
        self._manifests.write_manifest(task)


def _expected(name: str) -> Expected:
    """A cover or a last frame is a picture; a moderation copy may be either; the rest are videos."""
    match name.partition("-")[0]:
        case "cover" | "last":
            return "image"
        case "moderation":
            return "media"
    return "video"
