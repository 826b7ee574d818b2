"""The archive's bucket: requests too big for the table, manifests, links, erasure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from reelkeep.adapters import documents
from reelkeep.adapters.s3 import layout, manifests
from reelkeep.domain.task import Request, Task

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

EXPIRES = "reelkeep=request-body"  # the tag by which a rule of the bucket (template.yaml) deletes it
_GONE = ("NoSuchKey", "AccessDenied")  # S3 answers AccessDenied if the caller may not list the bucket
_LINK_SECONDS = 3600  # a player that seeks later follows the permanent link once more


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """The S3 client is made when it is first needed: it would be a quarter of many functions' cold start."""

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

    def write_manifest(self, task: Task) -> None:
        key, body = layout.manifest_key(task.id), manifests.write(task)
        self.client().put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")

    def sign(self, task_id: str, file: str, method: str, name: str = "", *, attachment: bool = False) -> str:
        """For GET (also in parts) or HEAD. Signed at the moment when a permanent link is followed."""
        operation = "head_object" if method == "HEAD" else "get_object"
        params = {"Bucket": self.bucket, "Key": layout.folder(task_id) + file}
        if name:
            disposition = "attachment" if attachment else "inline"
            params["ResponseContentDisposition"] = f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"
        return self.client().generate_presigned_url(operation, Params=params, ExpiresIn=_LINK_SECONDS)

    def has(self, task_id: str, file: str) -> bool:
        """Whether the task's folder has this file. S3 answers 403 instead of 404 if the caller may not list the
        bucket."""
        try:
            self.client().head_object(Bucket=self.bucket, Key=layout.folder(task_id) + file)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (403, 404):
                return False
            raise
        return True

    def erase_files(self, task_id: str) -> None:
        """One by one: there are few, and nothing is known of a call that deletes some of several."""
        for key, version in list(self._versions(task_id)):
            self.client().delete_object(Bucket=self.bucket, Key=key, VersionId=version)

    def _versions(self, task_id: str) -> Iterator[tuple[str, str]]:
        """Without the last version of the manifest; with delete markers, which hold the names of files."""
        manifest, pages = layout.manifest_key(task_id), self.client().get_paginator("list_object_versions")
        for folder in (layout.folder(task_id), layout.quarantine_folder(task_id)):
            for page in pages.paginate(Bucket=self.bucket, Prefix=folder):
                for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if each["Key"] != manifest or not each["IsLatest"]:
                        yield each["Key"], each["VersionId"]
