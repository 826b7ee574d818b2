"""Links into the bucket, signed at the moment when a permanent link is followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from reelkeep.adapters.s3.layout import folder

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_SECONDS = 3600  # a player that seeks later follows the permanent link once more


def sign_link(
    client: Callable[[], S3Client],
    bucket: str,
    task_id: str,
    file: str,
    method: str,
    name: str = "",
    *,
    attachment: bool = False,
) -> str:
    """A link to a file in the task's folder, valid for an hour, for GET (also in parts) or HEAD.

    Browsers save the file under `name`, and at once if it is an attachment.
    """
    operation = "head_object" if method == "HEAD" else "get_object"
    params = {"Bucket": bucket, "Key": folder(task_id) + file}
    if name:
        disposition = "attachment" if attachment else "inline"
        params["ResponseContentDisposition"] = f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"
    return client().generate_presigned_url(operation, Params=params, ExpiresIn=_SECONDS)


def is_there(client: Callable[[], S3Client], bucket: str, task_id: str, file: str) -> bool:
    """Whether the task's folder has this file. To whoever may not list the bucket, S3 says that it is forbidden."""
    try:
        client().head_object(Bucket=bucket, Key=folder(task_id) + file)
    except ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (403, 404):
            return False
        raise
    return True
