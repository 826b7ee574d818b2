"""Rebuilds the table of tasks from the manifests in the archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import IncompleteReadError, ResponseStreamingError

from cli.operators.folders import Folder
from reelkeep.adapters.s3 import manifests
from reelkeep.adapters.s3.manifests import NoManifest
from reelkeep.domain.errors import Stale
from reelkeep.domain.task import Task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Records(Protocol):
    def get(self, task_id: str) -> Task | None: ...

    def restore(self, task: Task) -> bool:
        """Records it as it is, unless what is recorded is as new or newer. Whether it did."""


class OldRecords(Protocol):
    def hidden_in_old_form(self) -> Iterator[Task]:
        """Those that release 0.2.0 hid."""

    def save(self, task: Task) -> Task:
        """Raises Stale if somebody else changed it."""


class Outcome(StrEnum):
    MISSING = "missing"  # there was no record: it is recorded now
    OLDER = "older"  # there was an older record: it is replaced
    THERE = "there"  # the record is as new as the manifest, or newer
    WITHOUT = "without"  # the folder has no manifest: the task has not come to its end
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    outcome: Outcome
    key: str = ""  # of the manifest
    reason: str = ""  # why it is unreadable
    untold: bool = False  # nobody was told of the task's end, as far as the manifest knows


def rebuild(folder: Folder, *, s3: S3Client, bucket: str, records: Records, dry_run: bool) -> Rebuilt:
    """One task. A second time changes nothing; with `dry_run`, the first does not either."""
    key = folder.manifest
    if key is None:
        return Rebuilt(Outcome.WITHOUT)
    try:
        task = read(s3, bucket, key, folder.task_id)
    except NoManifest as error:
        return Rebuilt(Outcome.UNREADABLE, key, str(error))
    recorded = records.get(task.id)
    if recorded is not None and recorded.version >= task.version:
        return Rebuilt(Outcome.THERE, key)
    if recorded is None:  # what it was counted in is gone, too
        task = replace(task, reservation=None)
    if not dry_run and not records.restore(task):
        return Rebuilt(Outcome.THERE, key)
    return Rebuilt(
        Outcome.OLDER if recorded else Outcome.MISSING, key, untold=task.announcements.announced_at is None
    )


def list_hidden(records: OldRecords, *, dry_run: bool) -> int:
    """Puts what release 0.2.0 hid into the list of hidden tasks. How many that are; none, a second time."""
    count = 0
    for task in records.hidden_in_old_form():
        count += 1
        if not dry_run:
            with suppress(Stale):  # whoever changed it meanwhile has put it there
                records.save(task)
    return count


def read(s3: S3Client, bucket: str, key: str, task_id: str) -> Task:
    """The task of a manifest. Raises NoManifest."""
    try:
        task = manifests.read(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey as error:
        raise NoManifest("it was deleted this moment") from error
    except (IncompleteReadError, ResponseStreamingError) as error:  # cut while it was written, or on its way here
        raise NoManifest("less of it can be read than there should be") from error
    if task.id != task_id:
        raise NoManifest("it is the manifest of another task")
    if not task.state.terminal:
        raise NoManifest(f"it says that the task is {task.state}, and only a task at its end gets a manifest")
    return task
