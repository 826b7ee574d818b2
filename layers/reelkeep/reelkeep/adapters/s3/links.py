"""Links into the bucket, signed at the moment when a permanent link is followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from reelkeep.adapters.s3.layout import folder

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_SECONDS = 3600  # a player that seeks later follows the permanent link once more


def sign_link(
    client: Callable[[], S3Client], bucket: str, task_id: str, file: str, method: str, download: str = ""
) -> str:
    """A link to a file in the task's folder, valid for an hour, for GET (also in parts) or HEAD.

    With `download`, S3 has browsers save the file under that name instead of showing it.
    """
    operation = "head_object" if method == "HEAD" else "get_object"
    params = {"Bucket": bucket, "Key": folder(task_id) + file}
    if download:
        params["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(download, safe='')}"
    return client().generate_presigned_url(operation, Params=params, ExpiresIn=_SECONDS)
