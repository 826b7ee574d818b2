"""What is set aside in the bucket, because it is not recognised as the media that it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cli.operators.folders import Days
from reelkeep.adapters.s3 import layout
from reelkeep.domain import ids
from reelkeep.domain.task import Task
from reelkeep.ports.tasks import Tasks

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Quarantined:
    key: str
    bytes: int
    since: datetime
    task_id: str
    owner: str  # empty if the table does not know the task
    state: str
    reason: str


def quarantined(s3: S3Client, bucket: str, days: Days, tasks: Tasks) -> Iterator[Quarantined]:
    """All of it, or what belongs to tasks of these days."""
    first, end = (key.replace(layout.TASKS, layout.QUARANTINE, 1) for key in (days.first_prefix, days.end))
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=layout.QUARANTINE, StartAfter=first)
    for page in pages:
        for file in page.get("Contents", []):
            if end and file["Key"] >= end:
                return
            task_id = file["Key"].split("/")[-2]
            task = tasks.get(task_id) if ids.is_task_id(task_id) else None
            owner, state = (task.owner, task.state) if task else ("", "")
            yield Quarantined(
                file["Key"], file["Size"], file["LastModified"], task_id, owner, state, _reason(task, file["Key"])
            )


def _reason(task: Task | None, key: str) -> str:
    assets = task.assets if task else ()
    return next((each.last_error for each in assets if each.quarantined and each.quarantined.key == key), "")
