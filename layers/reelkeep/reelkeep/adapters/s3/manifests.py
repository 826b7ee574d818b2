"""Manifests: a task's whole record as a file beside its assets, so that the table can be rebuilt from the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from reelkeep.adapters import documents
from reelkeep.adapters.s3 import layout
from reelkeep.domain.task import Task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_FORMAT = 1  # raised when an older release would misread what this one writes
_MARK = "manifest"


class NoManifest(Exception):
    """It cannot be read as one; the message says why, and holds nothing of what is in it."""


class S3Manifests:
    """The client is made when it is first needed, as for big requests."""

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep_manifest(self, task: Task) -> None:
        self._client().put_object(
            Bucket=self._bucket, Key=layout.manifest_key(task.id), Body=write(task), ContentType="application/json"
        )


def write(task: Task) -> bytes:
    return f'{{"{_MARK}":{_FORMAT},{documents.write(task)[1:]}'.encode()


def read(content: bytes) -> Task:
    """Raises NoManifest. One without a format was written before there was a second."""
    try:
        document = json.loads(content)
        written = document.get(_MARK, 1)
    except (ValueError, AttributeError) as error:
        raise NoManifest("it is not a JSON object") from error
    if written != _FORMAT:
        raise NoManifest(
            f"it has the format {written!r:.20}, and this release reads {_FORMAT}: use the one that wrote it"
        )
    try:
        return documents.read(Task, content)
    except (ValueError, TypeError, AttributeError) as error:
        raise NoManifest("it does not hold the record of a task") from error
