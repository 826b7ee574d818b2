"""Erasure: every version of every file of a task is deleted. The manifest stays, which knows nothing any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from reelkeep.adapters.s3 import layout

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class S3Erasure:
    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def erase_files(self, task_id: str) -> None:
        """One by one: there are few, and nothing is known of a call that deletes some of several."""
        for key, version in list(self._versions(task_id)):
            self._client().delete_object(Bucket=self._bucket, Key=key, VersionId=version)

    def _versions(self, task_id: str) -> Iterator[tuple[str, str]]:
        """Markers of deletions, too, which tell the names of files."""
        manifest, pages = layout.manifest_key(task_id), self._client().get_paginator("list_object_versions")
        for folder in (layout.folder(task_id), layout.quarantine_folder(task_id)):
            for page in pages.paginate(Bucket=self._bucket, Prefix=folder):
                for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if each["Key"] != manifest or not each["IsLatest"]:
                        yield each["Key"], each["VersionId"]
