"""Bytes that are not the media that they should be are set aside in the bucket, where an operator finds them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cli.main import main
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.s3.archive import S3Archive
from reelkeep.domain import archiving
from reelkeep.domain.archiving import CopyError
from reelkeep.domain.task import ArchivedFile, Asset, Creation, State, Task
from reelkeep.ports.archive import SourceBad, SourceNotMedia
from reelkeep.ports.providers import Source
from tests.integration.example import NOON, a_task
from tests.samples import video
from tests.servers import Request, Server, reply

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

PAGE = b"<!doctype html><title>Sorry</title>"
Fetch = Callable[[bytes, Task], ArchivedFile]


@pytest.fixture
def fetch(s3: S3Client, bucket: str) -> Iterator[Fetch]:
    with closing(Outbound(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))) as outbound:
        archive = S3Archive(lambda: s3, bucket, outbound, pause=lambda _: None)

        def fetched(content: bytes, task: Task) -> ArchivedFile:
            def answering(_: Request) -> list[bytes]:
                return reply(200, content)

            with Server(answering) as server:
                return archive.archive(task, 1, "video", Source(server.url(), allow_private=True), 20)

        yield fetched


def archiving_task() -> Task:
    creations = (Creation(id="c1", assets=(Asset(name="video", source="https://files.test/1"),)),)
    return replace(a_task(0), state=State.ARCHIVING, creations=creations, succeeded_at=NOON)


def quarantine_of(fetch: Fetch, content: bytes, task: Task) -> ArchivedFile | None:
    with pytest.raises(SourceNotMedia) as refused:
        fetch(content, task)
    return refused.value.quarantined


@pytest.mark.parametrize("content", [PAGE, video()[:-50], b"\0" * 3_000_000])
def test_what_is_no_media_is_set_aside_under_the_name_of_its_task_and_file(
    fetch: Fetch, s3: S3Client, bucket: str, content: bytes
) -> None:
    task = archiving_task()
    kept = quarantine_of(fetch, content, task)
    assert kept is not None
    assert kept.key == f"quarantine/{task.created_at:%Y/%m/%d}/{task.id}/1-video"
    stored = s3.get_object(Bucket=bucket, Key=kept.key)
    assert (stored["Body"].read(), stored["ContentType"]) == (content, "application/octet-stream")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [kept.key]


def test_only_more_bytes_replace_what_was_set_aside_before(fetch: Fetch) -> None:
    task = archiving_task()
    error = CopyError(1, "video", "an HTML page", quarantined=quarantine_of(fetch, PAGE, task))
    task = archiving.with_errors(task, [error], NOON)
    assert quarantine_of(fetch, PAGE, task) is None
    longer = quarantine_of(fetch, video()[:-50], task)
    assert longer is not None
    assert longer.bytes > len(PAGE)


def test_nothing_is_set_aside_of_an_empty_file(fetch: Fetch) -> None:
    with pytest.raises(SourceBad):
        fetch(b"", archiving_task())


def test_operators_list_what_is_set_aside_and_why(
    fetch: Fetch,
    dynamodb: DynamoDBClient,
    table: str,
    bucket: str,
    aws_endpoint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = archiving_task()
    kept = quarantine_of(fetch, PAGE, task)
    task = archiving.with_errors(task, [CopyError(1, "video", "video: an HTML page", quarantined=kept)], NOON)
    TableTasks(dynamodb, table).create(task)
    environment = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
        "BUCKET_NAME": bucket,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["archive", "quarantine", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert (found["task_id"], found["owner"], found["bytes"], found["reason"]) == (
        task.id,
        task.owner,
        len(PAGE),
        "video: an HTML page",
    )
    assert main(["archive", "quarantine", "--since", "2031-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["archive", "verify", "--strays", "--json"]) == 0
    assert main(["archive", "rebuild", "--json"]) == 0
