"""The archive as a listing shows it: one folder a task, sorted by day, read as far as anyone asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Misused
from cli.options import Options, day
from reelkeep.adapters.dynamodb.task_index import Span, span_of
from reelkeep.adapters.s3 import layout
from reelkeep.domain import ids
from reelkeep.domain.listing import Filter

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days (UTC) on which tasks were submitted, both ends included."""

    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    @property
    def first_prefix(self) -> str:
        return f"{layout.TASKS}{self.since:%Y/%m/%d}/" if self.since else ""

    @property
    def end(self) -> str:
        """The first key that is too late; empty if none is."""
        return f"{layout.TASKS}{self.until + timedelta(days=1):%Y/%m/%d}/" if self.until else ""

    @property
    def span(self) -> Span:
        """The ids of these tasks."""
        begin, end = (datetime.combine(day, time(), UTC) if day else None for day in (self.since, self.until))
        return span_of(
            Filter(created_from=begin, created_to=end and end + timedelta(days=1) - timedelta(milliseconds=1))
        )


def days_of(
    since: Annotated[
        str, typer.Option("--since", metavar="YYYY-MM-DD", help="Only tasks submitted from this day on (UTC).")
    ] = "",
    until: Annotated[
        str,
        typer.Option("--until", metavar="YYYY-MM-DD", help="Only tasks submitted up to this day, included (UTC)."),
    ] = "",
) -> Days:
    days = Days(day(since, "--since"), day(until, "--until"))
    if days.since and days.until and days.since > days.until:
        raise Misused("--since is later than --until")
    return days


SubmittedOn = Annotated[Days, Options(days_of)]


@dataclass(frozen=True, slots=True)
class Folder:
    task_id: str  # empty for a folder that is not a task's
    sizes: Mapping[str, int]  # bytes of each file, by its key

    @property
    def manifest(self) -> str | None:
        """Its key, if there is one."""
        key = layout.manifest_key(self.task_id) if self.task_id else ""
        return key if key in self.sizes else None


def folders(s3: S3Client, bucket: str, days: Days, *, whole_bucket: bool = False) -> Iterator[Folder]:
    """Every folder with tasks of these days; with `whole_bucket`, what lies elsewhere too, but for the quarantine."""
    files = _files(s3, bucket, days, "" if whole_bucket and not days else layout.TASKS)
    files = (file for file in files if not file[0].startswith(layout.QUARANTINE))
    for (_, task_id), group in groupby(files, key=lambda file: _folder_of(file[0])):
        yield Folder(task_id, dict(group))


def _files(s3: S3Client, bucket: str, days: Days, prefix: str) -> Iterator[tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=days.first_prefix)
    for page in pages:
        for file in page.get("Contents", []):
            if days.end and file["Key"] >= days.end:
                return
            yield file["Key"], file["Size"]


def _folder_of(key: str) -> tuple[str, str]:
    """The folder that a file lies in, and whose it is. What lies deeper in a task's folder lies in the task's."""
    *path, _ = key.split("/")
    whose = path[4] if len(path) > 4 else ""
    if ids.is_task_id(whose):
        with suppress(OverflowError):  # of a time that there will never be
            if layout.folder(whose) == "/".join([*path[:5], ""]):
                return layout.folder(whose), whose
    return "/".join([*path, ""]), ""
