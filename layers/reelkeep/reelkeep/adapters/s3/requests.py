"""Requests too big for the table, and links into the archive: what needs S3 only now and then.

The client is made when it is first needed: it would be a quarter of these functions' cold start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reelkeep.adapters import documents
from reelkeep.domain.links import folder
from reelkeep.domain.task import Request, Task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_LINK_SECONDS = 3600  # a player that seeks later follows the permanent link once more


class S3Requests:
    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep_request(self, task: Task) -> str:
        key = key_of(task.id)
        body = documents.write(task.request).encode()
        self._client().put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        return key

    def request(self, key: str) -> Request:
        answer = self._client().get_object(Bucket=self._bucket, Key=key)
        return documents.read(Request, answer["Body"].read())


def key_of(task_id: str) -> str:
    return f"{folder(task_id)}request.json"


def signed_link(client: Callable[[], S3Client], bucket: str, key: str, method: str) -> str:
    """A link to a file of the archive, good for an hour, for GET (also in parts) or HEAD."""
    operation = "head_object" if method == "HEAD" else "get_object"
    return client().generate_presigned_url(operation, Params={"Bucket": bucket, "Key": key}, ExpiresIn=_LINK_SECONDS)
