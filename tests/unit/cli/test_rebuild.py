"""What one bad file in the archive means for all the others."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
from botocore.config import Config

from cli.operators.folders import Folder
from cli.operators.rebuild import Outcome, Rebuilt, rebuild
from reelkeep.adapters.s3.layout import manifest_key
from reelkeep.domain.task import Task
from tests.servers import Cut, Request, Server

TASK_ID = "019aa0f4c800a1b2c3d4e5f60718293a"


class NoRecords:
    def get(self, task_id: str) -> Task | None:
        raise AssertionError("nobody asks for the record of a manifest that says nothing")

    def restore(self, task: Task) -> bool:
        raise AssertionError("there is nothing to record")


def test_a_manifest_that_does_not_come_whole_is_unreadable_and_stops_nobody() -> None:
    def cut(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1945\r\n\r\n"
        raise Cut

    with Server(cut) as server:
        s3 = boto3.client(
            "s3",
            endpoint_url=server.url().rstrip("/"),
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        key = manifest_key(TASK_ID)
        folder = Folder(TASK_ID, {key: 1945})
        done = rebuild(folder, s3=s3, bucket="archive", records=NoRecords(), dry_run=False)
    assert done == Rebuilt(Outcome.UNREADABLE, key, "less of it can be read than there should be")
