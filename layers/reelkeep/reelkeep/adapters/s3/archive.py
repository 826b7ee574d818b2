"""The archive: files of tasks in the bucket, each task in a folder of its own, with a manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.s3 import layout
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.domain.task import ArchivedFile, Task
from reelkeep.media.probe import Expected
from reelkeep.ports.archive import SourceBad, SourceBusy, SourceGone, SourceNotMedia
from reelkeep.ports.providers import Source

LARGEST: Mapping[Expected, int] = {
    "image": 256 << 20,
    "video": 10 << 30,
    "media": 10 << 30,
}  # bytes; no provider makes larger files


@dataclass(frozen=True, slots=True)
class S3Archive(S3Bucket):
    outbound: Outbound
    _: KW_ONLY
    largest: Mapping[Expected, int] = field(default_factory=lambda: LARGEST)  # bytes of a file, by what is expected
    pause: Callable[[float], None] = time.sleep
    ticks: Callable[[], float] = time.monotonic

    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        end = self.ticks() + seconds
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
                    error.quarantined = self._copy(task, source, end - self.ticks(), None, key)
            raise

    def _copy(
        self, task: Task, source: Source, seconds: float, expected: Expected | None, key: str | Callable[[str], str]
    ) -> ArchivedFile:
        return copy(
            source,
            bucket=self.bucket,
            key=key,
            expected=expected,
            s3=self.client(),
            outbound=self.outbound,
            limit_bytes=self.largest[expected or "media"],
            seconds=seconds,
            metadata={"task-id": task.id},
            pause=self.pause,
            ticks=self.ticks,
        )


def _expected(name: str) -> Expected:
    """A cover or a last frame is a picture; a moderation copy may be either; the rest are videos."""
    match name.partition("-")[0]:
        case "cover" | "last":
            return "image"
        case "moderation":
            return "media"
    return "video"
