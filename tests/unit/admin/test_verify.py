from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from admin.folders import Folder
from admin.output import size
from admin.verify import verify
from reelkeep.adapters.s3.manifests import key_of, write
from reelkeep.domain.links import folder
from reelkeep.domain.task import Asset, Creation, Kept, State, Task
from tests.fakes import FakeTasks
from tests.integration.example import a_task

FILM = b"film" * 1_000_000


class FakeS3:
    """A bucket whose bytes can rot, while it still believes in the checksums that it was given."""

    class exceptions:  # noqa: N801  (as botocore spells it)
        ClientError = NoSuchKey = ClientError

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.given = {key: b64encode(sha256(content).digest()).decode() for key, content in files.items()}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": StreamingBody(io.BytesIO(self.files[Key]), len(self.files[Key]))}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:  # noqa: N803
        return {"ChecksumSHA256": self.given[Key], "ContentType": "video/mp4"}


def archived() -> tuple[Task, FakeS3, Folder]:
    task = a_task(state=State.SUCCESS)
    key = f"{folder(task.id)}1-video.mp4"
    kept = Kept(key=key, bytes=len(FILM), sha256=sha256(FILM).hexdigest(), content_type="video/mp4")
    task = replace(task, creations=(Creation(id="c", assets=(Asset(name="video", kept=kept),)),))
    s3 = FakeS3({key: FILM, key_of(task.id): write(task)})
    return task, s3, Folder(task.id, {name: len(content) for name, content in s3.files.items()})


def differences(s3: Any, listed: Folder, **options: Any) -> list[str]:
    found = verify(listed, s3=s3, bucket="b", records=FakeTasks(), **options).differences
    return [each.kind for each in found]


def test_bytes_that_rotted_behind_a_good_checksum_are_found_by_reading_them_and_only_so() -> None:
    task, s3, listed = archived()
    s3.files[f"{folder(task.id)}1-video.mp4"] = FILM[:-1] + b"!"
    assert differences(s3, listed) == []
    assert differences(s3, listed, deep=True) == ["content"]


def test_a_file_is_read_in_pieces() -> None:
    _, s3, listed = archived()
    pieces: list[int] = []
    assert differences(s3, listed, deep=True, reading=pieces.append) == []
    assert sum(pieces) == len(FILM)
    assert max(pieces) <= 1 << 20


def test_a_checksum_of_parts_is_not_taken_for_one_of_the_file() -> None:
    _, s3, listed = archived()
    s3.given = dict.fromkeys(s3.given, "AAAA-3")
    assert differences(s3, listed) == []  # it was read instead


def test_sizes_are_shown_as_people_say_them() -> None:
    assert [size(count) for count in (0, 999, 1500, 2_345_678, 9.9e12)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.3 MB",
        "9.9 TB",
    ]
