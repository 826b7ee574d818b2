"""Compares what lies in the archive with what the manifests and the table say of it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

from botocore.exceptions import ClientError

from cli.operators.folders import Folder
from cli.operators.rebuild import read
from cli.output import size
from reelkeep.adapters.s3 import layout
from reelkeep.adapters.s3.manifests import NoManifest
from reelkeep.domain.task import ArchivedFile, DispatchStatus, State, Task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

_PIECE = 1 << 20  # bytes


class Records(Protocol):
    def get(self, task_id: str) -> Task | None: ...


@dataclass(frozen=True, slots=True)
class Difference:
    key: str
    kind: str  # missing, size, checksum, content, type, manifest, stray, erased
    detail: str
    task_id: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    differences: list[Difference] = field(default_factory=list)
    tasks: int = 0
    files: int = 0
    bytes: int = 0  # of these files, as they should be
    read: int = 0  # bytes that were read to find out


def verify(
    folder: Folder,
    *,
    s3: S3Client,
    bucket: str,
    records: Records,
    owner: str | None = None,
    deep: bool = False,
    strays: bool = False,
    reading: Callable[[int], None] = lambda _: None,
) -> Checked:
    """One folder. Without `deep`, what S3 knows of the file is compared, and the file is read only if S3 keeps no
    checksum of that kind. With `strays`, files that belong to no task are shown, too. `reading` hears how many bytes
    were read just now.
    """
    key, compared = (
        folder.manifest,
        partial(_compared, folder=folder, s3=s3, bucket=bucket, deep=deep, reading=reading),
    )
    if key is None:
        recorded = records.get(folder.task_id) if folder.task_id else None
        if owner is not None and (recorded is None or recorded.owner != owner):
            return Checked()
        stray = _strays(folder, None, recorded) if strays else []
        if recorded is None:
            return Checked(_of_nobody(folder) + stray)
        if not _has_manifest(recorded) or _is_there(layout.manifest_key(recorded.id), s3=s3, bucket=bucket):
            return Checked(stray)  # it is on its way, or came to its end since the folder was listed
        missing = _missing(folder, recorded)
        if not folder.sizes:
            return Checked([missing], tasks=1)
        checked = compared(recorded)
        return replace(checked, differences=[missing, *checked.differences, *stray])
    try:
        task = read(s3, bucket, key, folder.task_id)
    except NoManifest as error:
        if owner is not None:  # nobody knows whose it is
            return Checked()
        return Checked([Difference(key, "manifest", str(error), folder.task_id)])
    if owner not in (None, task.owner):
        return Checked()
    checked = compared(task)
    stray = _strays(folder, task, records.get(task.id)) if strays or task.erased_at else []
    if task.erased_at:
        stray = [replace(each, kind="erased", detail="it was to be erased: erase the task again") for each in stray]
    return replace(checked, differences=checked.differences + stray)


def _compared(
    task: Task, *, folder: Folder, s3: S3Client, bucket: str, deep: bool, reading: Callable[[int], None]
) -> Checked:
    kept = kept_files(task)
    found = [check(each, folder.sizes, s3=s3, bucket=bucket, deep=deep, reading=reading) for each in kept]
    wrong = [problem for _, problems in found for problem in problems]
    differences = [Difference(*each, task.id, task.owner) for each in wrong]
    return Checked(differences, 1, len(kept), sum(each.bytes for each in kept), sum(read for read, _ in found))


_Problems = list[tuple[str, str, str]]  # key, kind, detail


def check(
    kept: ArchivedFile,
    sizes: Mapping[str, int],
    *,
    s3: S3Client,
    bucket: str,
    deep: bool,
    reading: Callable[[int], None],
) -> tuple[int, _Problems]:
    """How many bytes were read, and what differs; the gravest alone. `sizes` is what the bucket lists."""
    if kept.key not in sizes:
        return 0, [(kept.key, "missing", f"{kept.bytes:,} bytes of {kept.content_type}")]
    if sizes[kept.key] != kept.bytes:
        return 0, [(kept.key, "size", f"{sizes[kept.key]:,} bytes instead of {kept.bytes:,}")]
    try:
        head = s3.head_object(Bucket=bucket, Key=kept.key, ChecksumMode="ENABLED")
        stored = _stored(head, kept)
        if stored is not None and stored != _expected(kept):
            return 0, [(kept.key, "checksum", f"S3 keeps {stored}, the manifest {_expected(kept)}")]
        if head["ContentType"] != kept.content_type:
            return 0, [(kept.key, "type", f"{head['ContentType']} instead of {kept.content_type}")]
        if stored is not None and not deep:
            return 0, []
        return _read(kept, s3=s3, bucket=bucket, reading=reading)
    except s3.exceptions.ClientError as error:
        if _is_gone(error):
            return 0, [(kept.key, "missing", "it was deleted this moment")]
        raise


def _read(kept: ArchivedFile, *, s3: S3Client, bucket: str, reading: Callable[[int], None]) -> tuple[int, _Problems]:
    sha256, crc, length = hashlib.sha256(), 0, 0
    body = s3.get_object(Bucket=bucket, Key=kept.key)["Body"]
    for piece in body.iter_chunks(_PIECE):
        if kept.sha256:
            sha256.update(piece)
        else:
            crc = crc32(piece, crc)
        length += len(piece)
        reading(len(piece))
    name, found = ("sha256", sha256.hexdigest()) if kept.sha256 else ("crc32", f"{crc:08x}")
    if found == _expected(kept):
        return length, []
    return length, [(kept.key, "content", f"{name} {found} instead of {_expected(kept)}")]


def _expected(kept: ArchivedFile) -> str:
    return kept.sha256 or kept.crc32


def _stored(head: HeadObjectOutputTypeDef, kept: ArchivedFile) -> str | None:
    """The same checksum as S3 keeps it; None if it keeps none of the whole file."""
    stored = head.get("ChecksumSHA256", "") if kept.sha256 else head.get("ChecksumCRC32", "")
    if not stored or "-" in stored:  # a checksum of the parts' checksums
        return None
    return b64decode(stored).hex()


def _is_there(key: str, *, s3: S3Client, bucket: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if _is_gone(error):
            return False
        raise
    return True


def _is_gone(error: ClientError) -> bool:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404


def _has_manifest(task: Task) -> bool:
    """Whether it was given one: before it is a success, before its end is told. A submission that was refused ends
    with the client's answer, and has nothing to keep."""
    if task.state is State.SUCCESS:
        return True
    return (
        task.state.terminal
        and task.announcements.announced_at is not None
        and task.dispatch.status is not DispatchStatus.REFUSED
    )


def _missing(folder: Folder, task: Task) -> Difference:
    kept = kept_files(task)
    files = f"{len(kept)} files ({size(sum(each.bytes for each in kept))})"
    what = "the manifest" if folder.sizes else f"the whole folder, with the manifest and {files}"
    return Difference(layout.manifest_key(task.id), "missing", what, task.id, task.owner)


def _of_nobody(folder: Folder) -> list[Difference]:
    """A task that nothing describes. A request alone is what a submission leaves that came no further."""
    if not folder.task_id or folder.sizes.keys() <= {layout.request_key(folder.task_id)}:
        return []
    detail = f"the manifest of {len(folder.sizes)} files, and the table does not know the task either"
    return [Difference(layout.manifest_key(folder.task_id), "missing", detail, folder.task_id)]


def _strays(folder: Folder, task: Task | None, recorded: Task | None) -> list[Difference]:
    """What neither the manifest nor the record names."""
    if recorded is not None and recorded.unfinished:  # a file may be there, and not yet recorded
        return []
    named = _named(task) | _named(recorded) | {folder.manifest}
    owner = task.owner if task else ""
    return [
        Difference(key, "stray", f"{folder.sizes[key]:,} bytes that no manifest names", folder.task_id, owner)
        for key in folder.sizes
        if key not in named
    ]


def _named(task: Task | None) -> set[str]:
    if task is None:
        return set()
    return {kept.key for kept in kept_files(task)} | ({task.request_key} if task.request_key else set())


def kept_files(task: Task) -> list[ArchivedFile]:
    return [asset.archived for creation in task.creations for asset in creation.assets if asset.archived]
