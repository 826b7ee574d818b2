from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from cli.operators.folders import Folder
from cli.operators.verify import verify
from cli.output import size
from reelkeep.adapters.s3.layout import folder, manifest_key
from reelkeep.adapters.s3.manifests import write
from reelkeep.domain.task import ArchivedFile, Asset, Creation, DispatchStatus, State, Task
from tests.fakes.tasks import FakeTasks
from tests.integration.example import a_task

FILM = b"film" * 1_000_000


class FakeS3:
    """A bucket whose bytes can rot, while it still believes in the checksums that it was given."""

    class exceptions:  # noqa: N801  (as botocore spells it)
        ClientError = NoSuchKey = ClientError

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.given = {key: b64encode(sha256(content).digest()).decode() for key, content in files.items()}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": StreamingBody(io.BytesIO(self.files[Key]), len(self.files[Key]))}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str = "") -> dict[str, Any]:
        if Key not in self.files:
            answer: Any = {"ResponseMetadata": {"HTTPStatusCode": 404}}
            raise ClientError(answer, "HeadObject")
        return {"ChecksumSHA256": self.given.get(Key, ""), "ContentType": "video/mp4"}


def archived() -> tuple[Task, FakeS3, Folder]:
    task = a_task(state=State.SUCCESS)
    key = f"{folder(task.id)}1-video.mp4"
    kept = ArchivedFile(key=key, bytes=len(FILM), sha256=sha256(FILM).hexdigest(), content_type="video/mp4")
    task = replace(task, creations=(Creation(id="c", assets=(Asset(name="video", archived=kept),)),))
    s3 = FakeS3({key: FILM, manifest_key(task.id): write(task)})
    return task, s3, Folder(task.id, {name: len(content) for name, content in s3.files.items()})


def differences(s3: Any, listed: Folder, *recorded: Task, **options: Any) -> list[str]:
    records = FakeTasks({task.id: task for task in recorded})
    found = verify(listed, s3=s3, bucket="b", records=records, **options).differences
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


def without_manifest(s3: FakeS3, listed: Folder) -> Folder:
    del s3.files[manifest_key(listed.task_id)]
    return Folder(listed.task_id, {key: size for key, size in listed.sizes.items() if key in s3.files})


def test_without_its_manifest_a_tasks_files_are_compared_with_its_record() -> None:
    task, s3, listed = archived()
    listed = without_manifest(s3, listed)
    assert differences(s3, listed, task) == ["missing"]
    s3.files[f"{folder(task.id)}1-video.mp4"] = FILM[:-1] + b"!"
    assert differences(s3, listed, task, deep=True) == ["missing", "content"]


def test_a_folder_that_is_gone_is_one_difference_that_says_what_was_in_it() -> None:
    task, _, _ = archived()
    s3: Any = FakeS3({})
    found = verify(Folder(task.id, {}), s3=s3, bucket="b", records=FakeTasks({task.id: task}))
    assert [(each.key, each.kind, each.detail, each.owner) for each in found.differences] == [
        (manifest_key(task.id), "missing", "the whole folder, with the manifest and 1 files (4.0 MB)", "alice")
    ]


@pytest.mark.parametrize("state", [state for state in State if not state.terminal])
def test_a_task_on_its_way_needs_no_manifest(state: State) -> None:
    task, s3, listed = archived()
    assert (
        differences(
            s3,
            without_manifest(s3, listed),
            replace(task, state=state).with_announcements(announced_at=None),
            strays=True,
        )
        == []
    )


def test_a_failure_has_a_manifest_once_its_end_was_told() -> None:
    task = a_task(state=State.FAILED)
    assert differences(FakeS3({}), Folder(task.id, {}), task) == ["missing"]
    assert differences(FakeS3({}), Folder(task.id, {}), task.with_announcements(announced_at=None)) == []


def test_a_refused_submission_has_nothing_to_keep() -> None:
    task = a_task(state=State.FAILED).with_dispatch(status=DispatchStatus.REFUSED)
    assert differences(FakeS3({}), Folder(task.id, {f"{folder(task.id)}request.json": 2}), task) == []


def test_a_task_that_ended_since_its_folder_was_listed_is_no_difference() -> None:
    task, s3, _ = archived()
    assert differences(s3, Folder(task.id, {}), task, strays=True) == []


def test_files_whose_task_nobody_knows_are_a_difference_and_a_request_that_came_no_further_is_none() -> None:
    _, s3, listed = archived()
    listed = without_manifest(s3, listed)
    assert differences(s3, listed) == ["missing"]
    assert differences(s3, listed, owner="alice") == []  # nobody knows whose they are
    assert differences(s3, Folder(listed.task_id, {f"{folder(listed.task_id)}request.json": 2})) == []


def test_a_request_that_has_expired_is_no_difference() -> None:
    task, s3, listed = archived()
    s3.files[manifest_key(task.id)] = write(replace(task, request_key=f"{folder(task.id)}request.json"))
    assert differences(s3, listed) == []


def test_sizes_are_shown_as_people_say_them() -> None:
    assert [size(count) for count in (0, 999, 1500, 2_345_678, 9.9e12)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.3 MB",
        "9.9 TB",
    ]
