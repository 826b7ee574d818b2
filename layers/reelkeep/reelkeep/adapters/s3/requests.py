"""Requests that are too big for the table.

The S3 client is made when it is first needed: it would be a quarter of these functions' cold start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from reelkeep.adapters import documents
from reelkeep.adapters.s3 import layout
from reelkeep.domain.task import Request, Task

EXPIRES = "reelkeep=request-body"  # the tag by which a rule of the bucket (template.yaml) deletes it
_GONE = ("NoSuchKey", "AccessDenied")  # the second one is S3's answer to whoever may not list the bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class S3Requests:
    client: Callable[[], S3Client]
    bucket: str

    def store_request(self, task: Task) -> str:
        key = layout.request_key(task.id)
        body = documents.write(task.request).encode()
        self.client().put_object(
            Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", Tagging=EXPIRES
        )
        return key

    def request(self, key: str) -> Request:
        try:
            answer = self.client().get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise LookupError(f"{key} has expired") from error
            raise
        return documents.read(Request, answer["Body"].read())
