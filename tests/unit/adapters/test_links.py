"""Links into the bucket, as they are signed."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from reelkeep.adapters.s3.bucket import S3Bucket


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_is_saved_under_the_name_that_was_asked_for_whatever_is_in_it(method: str) -> None:
    client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="k", aws_secret_access_key="s")
    bucket = S3Bucket(lambda: client, "videos")

    def query(name: str, *, attachment: bool = True) -> dict[str, list[str]]:
        link = bucket.sign("0" * 32, "1-video.mp4", method, name, attachment=attachment)
        return parse_qs(urlsplit(link).query)

    assert "response-content-disposition" not in query("")
    (asked,) = query('ein Drachen"; x=\r\n纸.mp4')["response-content-disposition"]
    assert asked == "attachment; filename*=UTF-8''ein%20Drachen%22%3B%20x%3D%0D%0A%E7%BA%B8.mp4"
    assert query("kite.mp4", attachment=False)["response-content-disposition"] == [
        "inline; filename*=UTF-8''kite.mp4"
    ]
