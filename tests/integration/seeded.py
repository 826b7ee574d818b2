"""An archive with fifty ended tasks of every sort in it, and the table that knows them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zlib import crc32

from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.adapters.s3.layout import folder
from reelkeep.domain.record_size import truncate_request
from reelkeep.domain.task import (
    Announcements,
    ArchivedFile,
    Asset,
    Creation,
    Dispatch,
    DispatchStatus,
    Failure,
    FailureClass,
    Kind,
    Polling,
    Request,
    State,
    Task,
)
from tests.integration.example import NOON, a_task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DIALECTS = (
    "reelkeep",
    "kling",
    "vidu_ent_v2",
    "vidu_v1",
    "vidu_native",
    "volc_ark",
    "video_generations",
    "openai_videos",
)
OWNERS = ("alice", "bob", "carol@example.com")
ENDS = (State.SUCCESS, State.SUCCESS, State.FAILED, State.CANCELLED, State.EXPIRED)


def stock(s3: S3Client, bucket: str, count: int = 50) -> list[Task]:
    """Whole records, each with its manifest and its files in the bucket."""
    tasks = [_task(number, s3, bucket) for number in range(count)]
    manifests = S3Bucket(lambda: s3, bucket)
    for task in tasks:
        manifests.write_manifest(task)
    return tasks


def _task(number: int, s3: S3Client, bucket: str) -> Task:
    state, big = ENDS[number % len(ENDS)], number % 11 == 3
    now = NOON + timedelta(days=number % 4, seconds=number, microseconds=number * 7919)
    task = a_task(
        (now - NOON).total_seconds(),
        owner=OWNERS[number % 3],
        state=state,
        model=("viduq2", "viduq1", "seedance")[number % 3],
    )
    request = Request(
        dialect=DIALECTS[number % len(DIALECTS)],
        kind=list(Kind)[number % len(Kind)],
        model=task.request.model,
        prompt=("a kite \U0001fa81", "纸船", "half of a pair \ud83d", "")[number % 4],
        images=("data:image/png;base64," + "A" * 70_000,) if big else (),
        template="beach" if number % 5 == 0 else "",
        duration=number % 9,
        resolution=("720p", "1080p", "")[number % 3],
        off_peak=number % 7 == 0,
        audio=(None, True, False)[number % 3],
        payload="p" * (number % 3),
        body={"n": number, "deep": [{"x": None}, 1.5, "\u20ac"]},
        unexpressed=("bgm",) if number % 6 == 0 else (),
    )
    task = replace(
        task,
        request=request,
        dispatch=Dispatch(status=DispatchStatus.ACCEPTED),
        provider_task_id=str(900_000_000_000_000_000 + number),
        polling=Polling(polls=number, next_poll_at=task.created_at + timedelta(minutes=2)),
        executions=number % 2,
        version=5 + number,
        finished_at=task.created_at + timedelta(minutes=3),
        announcements=Announcements(
            announced_at=None if number % 10 == 9 else task.created_at + timedelta(minutes=4)
        ),
        removed_at=task.created_at + timedelta(hours=1) if number % 13 == 12 else None,
        credits=number or None,
        seed=number * 3,
    )
    if big:
        task = replace(
            task, request_key=S3Bucket(lambda: s3, bucket).store_request(task), request=truncate_request(request)
        )
    if state is not State.SUCCESS:
        failure = Failure(
            reason=list(FailureClass)[number % len(FailureClass)], code="Code", message="why", retryable=True
        )
        return replace(task, failure=failure)
    creations = tuple(_creation(task, each, number, s3, bucket) for each in range(1, 2 + number % 2))
    return replace(task, creations=creations, succeeded_at=task.created_at + timedelta(minutes=2))


def _creation(task: Task, each: int, number: int, s3: S3Client, bucket: str) -> Creation:
    """With a video that is checked by its SHA-256, or as a big one by its CRC-32, and a cover or the loss of it."""
    video = _kept(s3, bucket, f"{folder(task.id)}{each}-video.mp4", b"video" * (number + each), big=number % 4 == 0)
    cover = Asset(name="cover", lost="the link is dead", expires_at=_at(task, 60))
    if number % 3:
        kept = _kept(s3, bucket, f"{folder(task.id)}{each}-cover.jpeg", b"cover" * (number + 1), big=False)
        cover = Asset(name="cover", archived=kept)
    return Creation(
        id=f"{task.id}-{each}",
        provider_id=f"c-{number}",
        assets=(Asset(name="video", archived=video, expires_at=_at(task, 1440)), cover),
        duration=4.0,
        fps=23.976,
    )


def _kept(s3: S3Client, bucket: str, key: str, content: bytes, *, big: bool) -> ArchivedFile:
    content_type = "video/mp4" if key.endswith("mp4") else "image/jpeg"
    whole, small = crc32(content).to_bytes(4, "big"), sha256(content).digest()
    checksum: Any = (
        {"ChecksumCRC32": b64encode(whole).decode()} if big else {"ChecksumSHA256": b64encode(small).decode()}
    )
    s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type, **checksum)
    return ArchivedFile(
        key=key,
        bytes=len(content),
        sha256="" if big else small.hex(),
        crc32=whole.hex() if big else "",
        content_type=content_type,
        width=1280,
        height=720,
    )


def _at(task: Task, minutes: int) -> datetime:
    return task.created_at + timedelta(minutes=minutes)
