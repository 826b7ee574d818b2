"""Copies the archive to another bucket: each task's files first, and its manifest last.

Nothing is remembered between two runs: what the other bucket has is the whole state, so that an interrupted copy goes
on where it stopped. S3 shows an object once it is complete, so that nothing half copied has its final name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from cli.errors import Misused, NothingFound
from cli.operators.folders import Folder
from cli.operators.rebuild import read
from cli.operators.verify import Difference, check, kept_files
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.adapters.s3.manifests import NoManifest
from reelkeep.domain.task import ArchivedFile, Task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_LARGEST_COPY: Final = 5 << 30  # bytes that CopyObject takes
Pair = tuple[Folder, Mapping[str, int]]  # a folder, and the sizes of what the other bucket has in its place


@dataclass(slots=True)
class Copied:
    """What became of one task, or of all."""

    tasks: int = 0  # that are complete in the other bucket
    files: int = 0  # copied now, with manifests
    bytes: int = 0  # of these
    there: int = 0  # files that were there already
    differences: list[Difference] = field(default_factory=list)  # of what is damaged here: it is left out

    def add(self, other: Copied) -> None:
        self.tasks += other.tasks
        self.files += other.files
        self.bytes += other.bytes
        self.there += other.there
        self.differences += other.differences


def in_pairs(here: Iterable[Folder], there: Iterable[Folder]) -> Iterator[Pair]:
    """The folders of tasks that ended, each with what the other bucket has. Both come in the order of ids."""
    left = iter(there)
    other = next(left, None)
    for folder in here:
        while other is not None and other.task_id < folder.task_id:
            other = next(left, None)
        if folder.manifest:
            yield folder, other.sizes if other is not None and other.task_id == folder.task_id else {}


def left_of(pair: Pair) -> Copied:
    """What is still to be copied, as far as names and sizes tell."""
    folder, there = pair
    missing = [size for key, size in folder.sizes.items() if there.get(key) != size]
    return Copied(int(not missing), len(missing), sum(missing), len(folder.sizes) - len(missing))


def require_other_bucket(s3: S3Client, source: str, target: str) -> None:
    """Raises Misused, NothingFound."""
    if target == source:
        raise Misused(f"BUCKET {target} is the archive itself: name another one")
    try:
        s3.head_bucket(Bucket=target)
    except ClientError as error:
        is_there = error.response["Error"]["Code"] != "404"
        raise NothingFound(f"{'you may not use the' if is_there else 'there is no'} bucket {target}") from error


@dataclass(frozen=True)
class CopyTask:
    s3: S3Client
    source: str
    target: str
    copied: Callable[[int], None] = lambda _: None  # hears how many bytes were copied just now

    def __call__(self, pair: Pair) -> Copied:
        """One task. A second time copies nothing. Raises ClientError for what S3 refuses."""
        folder, there = pair
        manifest, result = folder.manifest or "", Copied()
        try:
            task = read(self.s3, self.source, manifest, folder.task_id)
        except NoManifest as error:
            result.differences.append(Difference(manifest, "manifest", str(error), folder.task_id))
            return result
        content = partial(self._content, manifest)
        same = manifest in there and content(self.target) == content(self.source)
        whole = folder.sizes.items() <= there.items() and all(each.key in there for each in kept_files(task))
        if same and whole and not (task.erased_at and len(there) > 1):
            return Copied(tasks=1, there=len(folder.sizes))
        if task.erased_at and there:
            S3Bucket(lambda: self.s3, self.target).erase_files(task.id)
        for kept in kept_files(task):
            self._file(kept, folder, there, task, result)
        request = task.request_key
        if request in folder.sizes and there.get(request) == folder.sizes[request]:
            result.there += 1
        elif request in folder.sizes:
            with suppress(self.s3.exceptions.NoSuchKey):  # a rule of the bucket deletes it some day
                self._copy(request, folder.sizes[request], result)
        if not same:
            self._copy(manifest, folder.sizes[manifest], result)
        result.tasks = 1
        return result

    def _file(self, kept: ArchivedFile, folder: Folder, there: Mapping[str, int], task: Task, result: Copied) -> None:
        """What is damaged, here or on its way, does not stay in the other bucket."""
        if kept.key in there and not self._differs(kept, there):
            result.there += 1
            return
        size = folder.sizes.get(kept.key)
        if size is None:
            result.differences.append(Difference(kept.key, "missing", "it is not here", task.id, task.owner))
            return
        self._copy(kept.key, size, result)
        for _, kind, detail in self._differs(kept, {kept.key: size}):
            self.s3.delete_object(Bucket=self.target, Key=kept.key)
            result.differences.append(Difference(kept.key, kind, detail, task.id, task.owner))

    def _differs(self, kept: ArchivedFile, sizes: Mapping[str, int]) -> list[tuple[str, str, str]]:
        return check(kept, sizes, s3=self.s3, bucket=self.target, deep=False, reading=lambda _: None)[1]

    def _copy(self, key: str, size: int, result: Copied) -> None:
        """S3 does it by itself where it can: not beyond 5 GiB, nor where this account may only read and write."""
        try:
            if size > _LARGEST_COPY:
                self._through_this_machine(key)
            else:
                self.s3.copy_object(Bucket=self.target, Key=key, CopySource={"Bucket": self.source, "Key": key})
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "NotImplemented"):
                raise
            self._through_this_machine(key)
        result.files += 1
        result.bytes += size
        self.copied(size)

    def _through_this_machine(self, key: str) -> None:
        from s3transfer.manager import TransferManager

        found: Any = self.s3.get_object(Bucket=self.source, Key=key)
        more = {"ContentType": found["ContentType"], "Metadata": found["Metadata"]}
        with TransferManager(self.s3) as transfers:
            transfers.upload(found["Body"], self.target, key, more).result()

    def _content(self, key: str, bucket: str) -> bytes:
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
