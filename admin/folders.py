"""The archive as a listing shows it: one folder a task, sorted by day, read as far as anyone asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from reelkeep.adapters.s3 import manifests
from reelkeep.domain import ids
from reelkeep.domain.links import folder

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ROOT = "tasks/"


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days (UTC) on which tasks were submitted, both ends included."""

    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def first_prefix(self) -> str:
        return f"{_ROOT}{self.since:%Y/%m/%d}/" if self.since else ""

    @property
    def end(self) -> str:
        """The first key that is too late; empty if none is."""
        return f"{_ROOT}{self.until + timedelta(days=1):%Y/%m/%d}/" if self.until else ""


@dataclass(frozen=True, slots=True)
class Folder:
    task_id: str  # empty for a folder that is not a task's
    sizes: Mapping[str, int]  # bytes of each file, by its key

    @property
    def manifest(self) -> str | None:
        """Its key, if there is one."""
        key = manifests.key_of(self.task_id) if self.task_id else ""
        return key if key in self.sizes else None


def folders(s3: S3Client, bucket: str, days: Days, *, whole_bucket: bool = False) -> Iterator[Folder]:
    """Every folder with tasks of these days; with `whole_bucket`, what lies elsewhere too."""
    files = _files(s3, bucket, days, "" if whole_bucket and not days else _ROOT)
    for path, group in groupby(files, key=lambda file: file[0].rpartition("/")[0] + "/"):
        yield Folder(_task_id(path), dict(group))


def _files(s3: S3Client, bucket: str, days: Days, prefix: str) -> Iterator[tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=days.first_prefix)
    for page in pages:
        for file in page.get("Contents", []):
            if days.end and file["Key"] >= days.end:
                return
            yield file["Key"], file["Size"]


def _task_id(path: str) -> str:
    name = path.split("/")[-2] if "/" in path[:-1] else ""
    return name if ids.is_task_id(name) and folder(name) == path else ""
