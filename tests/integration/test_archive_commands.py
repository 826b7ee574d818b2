"""`reelkeep archive`: a lost table comes back from the bucket, and what is damaged there is found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli.main import main
from cli.operators.copying import CopyTask, in_pairs
from cli.operators.folders import Days, folders
from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.task_index import Span
from reelkeep.adapters.dynamodb.task_record import to_item
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.adapters.s3.layout import folder, manifest_key
from reelkeep.adapters.s3.manifests import write
from reelkeep.domain import transitions
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import State, Task
from tests.integration.conftest import CREDENTIALS, create_table
from tests.integration.example import NOON, a_task
from tests.integration.killed import kill_after
from tests.integration.seeded import OWNERS, stock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

Admin = Callable[..., tuple[int, Any]]

LISTINGS = (
    Listing(size=100),
    Listing(size=100, oldest_first=True, counted=True),
    Listing(size=7, skip=3),
    Listing(size=100, filter=Filter(states=(State.SUCCESS, State.EXPIRED))),
    Listing(size=100, filter=Filter(models=("viduq2",), resolutions=("720p",))),
    Listing(size=100, filter=Filter(templates=("beach",))),
    Listing(size=100, filter=Filter(off_peak=True)),
)


class Refused:
    """An answer without a body."""

    status_code = 403


@pytest.fixture
def admin(
    aws_endpoint: str, table: str, bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Admin:
    """The command's exit code, and the JSON that it prints."""
    environment = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
        "BUCKET_NAME": bucket,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["archive", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def items(dynamodb: DynamoDBClient, table: str) -> dict[str, Any]:
    """Every item of the table, without the mark of the write that made it."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    found = [item for page in pages for item in page["Items"]]
    return {
        item["pk"]["S"] + item["sk"]["S"]: {name: value for name, value in item.items() if name != "write_id"}
        for item in found
    }


def listings(dynamodb: DynamoDBClient, table: str) -> list[Any]:
    tasks = TableTasks(dynamodb, table)
    pages = [tasks.page(owner, listing) for owner in (*OWNERS, "mallory") for listing in LISTINGS]
    return [*pages, sorted(task.id for task in tasks.unfinished())]


def test_an_emptied_table_comes_back_as_it_was(
    admin: Admin,
    dynamodb: DynamoDBClient,
    s3: S3Client,
    table: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = stock(s3, bucket)
    for task in tasks:
        TableTasks(dynamodb, table).create(task)
    before = items(dynamodb, table), listings(dynamodb, table)
    empty = create_table(dynamodb)
    monkeypatch.setenv("TABLE_NAME", empty)

    code, dry = admin("rebuild", "--dry-run")
    assert (code, dry["missing"], items(dynamodb, empty)) == (0, 50, {})
    code, said = admin("rebuild")
    assert (code, said["missing"], said["older"], said["untold"]) == (0, 50, 0, 5)
    assert (items(dynamodb, empty), listings(dynamodb, empty)) == before
    assert {task.id for task in tasks if task.announcements.announced_at is None} == set(before[1][-1])

    code, again = admin("rebuild")
    assert (code, again["missing"], again["older"], again["there"]) == (0, 0, 0, 50)
    assert items(dynamodb, empty) == before[0]


def test_only_what_is_older_than_its_manifest_is_replaced(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    older, same, newer = stock(s3, bucket, 3)
    tasks = TableTasks(dynamodb, table)
    tasks.create(replace(older, state=State.PROCESSING, version=older.version - 1))
    tasks.create(replace(same, credits=4711))
    tasks.create(replace(newer, version=newer.version + 1, removed_at=NOON))
    code, said = admin("rebuild")
    assert (code, said["missing"], said["older"], said["there"]) == (0, 0, 1, 2)
    assert tasks.get(older.id) == older
    assert tasks.get(same.id) == replace(same, credits=4711)
    assert tasks.get(newer.id) == replace(newer, version=newer.version + 1, removed_at=NOON)


def test_what_release_0_2_0_hid_is_in_the_list_of_hidden_tasks_after_a_rebuild(
    admin: Admin, dynamodb: DynamoDBClient, table: str
) -> None:
    tasks, shown = TableTasks(dynamodb, table), a_task(state=State.SUCCESS)
    hidden = replace(shown, removed_at=NOON)
    tasks.create(a_task(1, state=State.SUCCESS))
    old = to_item(shown, "0.2.0") | {"document": {"S": documents.write(hidden)}}
    dynamodb.put_item(TableName=table, Item=old)
    of_hidden = Listing(filter=Filter(hidden=True))
    assert tasks.page("alice", of_hidden).tasks == ()
    assert (admin("rebuild", "--dry-run")[1]["hidden"], tasks.get(shown.id)) == (1, hidden)
    assert [admin("rebuild")[1]["hidden"] for _ in range(2)] == [1, 0]
    assert [task.id for task in tasks.page("alice", of_hidden)] == [shown.id]


def test_a_manifest_that_cannot_be_read_is_named_and_the_others_count(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    tasks = stock(s3, bucket, 7)

    def damage(task: Task, content: bytes) -> str:
        s3.put_object(Bucket=bucket, Key=manifest_key(task.id), Body=content)
        return manifest_key(task.id)

    wrong = {
        damage(tasks[0], b'{"manifest":2,"id":"'): "it is not a JSON object",
        damage(tasks[1], b"[]"): "it is not a JSON object",
        damage(tasks[2], write(tasks[2]).replace(b'"manifest":2', b'"manifest":3')): (
            "it has the format 3, and this release reads 1 to 2: use the one that wrote it"
        ),
        damage(tasks[3], write(tasks[4])): "it is the manifest of another task",
        damage(tasks[5], b'{"owner":"alice"}'): "it does not hold the record of a task",
    }
    code, said = admin("rebuild")
    assert code == 1
    assert {each["key"]: each["reason"] for each in said["unreadable_manifests"]} == wrong
    assert (said["missing"], said["unreadable"]) == (2, 5)
    assert set(items(dynamodb, table)) == {f"task#{task.id}task" for task in (tasks[4], tasks[6])}


@pytest.mark.parametrize("mark", [b"", b'"manifest":1,'])
def test_a_manifest_of_the_first_format_can_be_read(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str, mark: bytes
) -> None:
    (task,) = stock(s3, bucket, 1)
    assert any(asset.archived for asset in task.assets)
    first = write(task).replace(b'"manifest":2,', mark).replace(b'"archived":', b'"kept":')
    s3.put_object(Bucket=bucket, Key=manifest_key(task.id), Body=first)
    assert admin("rebuild")[0] == 0
    assert TableTasks(dynamodb, table).get(task.id) == task


def test_days_narrow_what_is_rebuilt(admin: Admin, s3: S3Client, bucket: str) -> None:
    stock(s3, bucket)  # of four days
    counts = {
        days: admin("rebuild", "--dry-run", *days)[1]["missing"]
        for days in (
            ("--since", "2026-11-22"),
            ("--until", "2026-11-21"),
            ("--since", "2026-11-22", "--until", "2026-11-23"),
            ("--since", "2026-11-25"),
        )
    }
    assert list(counts.values()) == [37, 13, 25, 0]


def test_a_task_that_had_not_ended_is_counted_and_not_invented(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    s3.put_object(Bucket=bucket, Key=f"{folder(a_task().id)}request.json", Body=b"{}")
    code, said = admin("rebuild")
    assert (code, said["without"], items(dynamodb, table)) == (0, 1, {})


def test_an_archive_that_is_whole_verifies(admin: Admin, s3: S3Client, bucket: str) -> None:
    tasks = stock(s3, bucket)
    files = [a.archived for task in tasks for c in task.creations for a in c.assets if a.archived]
    code, said = admin("verify", "--strays")
    assert (code, said["differences"], said["tasks"], said["files"]) == (0, [], 50, len(files))
    assert (said["bytes"], said["read"]) == (sum(kept.bytes for kept in files), 0)
    code, said = admin("verify", "--deep")
    assert (code, said["differences"], said["read"]) == (0, [], said["bytes"])


def test_verify_finds_exactly_what_was_damaged(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    tasks = stock(s3, bucket)
    files = {a.archived.key: a.archived for t in tasks for c in t.creations for a in c.assets if a.archived}
    by_sha256 = [key for key, kept in files.items() if kept.sha256]
    by_crc32 = [key for key, kept in files.items() if kept.crc32]
    big = next(task for task in tasks if task.request_key)

    def put(key: str, content: bytes, **more: Any) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=files[key].content_type, **more)

    def altered(key: str) -> bytes:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content[:-1] + b"!"

    expected = {}
    s3.delete_object(Bucket=bucket, Key=by_sha256[0])
    expected[by_sha256[0]] = "missing"
    put(by_sha256[1], b"short", ChecksumAlgorithm="SHA256")
    expected[by_sha256[1]] = "size"
    put(by_sha256[2], altered(by_sha256[2]), ChecksumAlgorithm="SHA256")
    expected[by_sha256[2]] = "checksum"
    put(by_crc32[0], altered(by_crc32[0]), ChecksumAlgorithm="CRC32")
    expected[by_crc32[0]] = "checksum"
    put(by_sha256[3], altered(by_sha256[3]), ChecksumAlgorithm="CRC32")  # S3 keeps no checksum to compare: it is read
    expected[by_sha256[3]] = "content"
    content = s3.get_object(Bucket=bucket, Key=by_sha256[4])["Body"].read()
    s3.put_object(Bucket=bucket, Key=by_sha256[4], Body=content, ContentType="text/html", ChecksumAlgorithm="SHA256")
    expected[by_sha256[4]] = "type"
    s3.delete_object(Bucket=bucket, Key=big.request_key)  # as the bucket itself does after a while
    gone = [task for task in tasks if task.creations][-1]
    garbled = next(task for task in tasks if task.state is State.FAILED and not task.request_key)
    TableTasks(dynamodb, table).create(gone)
    s3.delete_object(Bucket=bucket, Key=manifest_key(gone.id))
    expected[manifest_key(gone.id)] = "missing"
    s3.put_object(Bucket=bucket, Key=manifest_key(garbled.id), Body=b"\xff\xfe")
    expected[manifest_key(garbled.id)] = "manifest"
    for arguments in ((), ("--deep",)):
        code, said = admin("verify", *arguments)
        assert code == 1
        assert {each["key"]: each["kind"] for each in said["differences"]} == expected
    strays = {f"{folder(tasks[0].id)}other.txt": "stray", "elsewhere.txt": "stray", "tasks/2026/x/y": "stray"}
    for key in strays:
        s3.put_object(Bucket=bucket, Key=key, Body=b"?")
    assert {each["key"]: each["kind"] for each in admin("verify")[1]["differences"]} == expected
    found = admin("verify", "--strays")[1]["differences"]
    assert {each["key"]: each["kind"] for each in found} == expected | strays


def test_of_an_erased_task_nothing_is_rebuilt_but_its_record_and_what_is_left_of_it_is_found(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    task = next(task for task in stock(s3, bucket) if task.creations and task.announcements.announced_at)
    tombstone = transitions.erased(task, NOON)
    S3Bucket(lambda: s3, bucket).write_manifest(tombstone)
    code, said = admin("verify")
    left = {asset.archived.key for asset in task.assets if asset.archived}
    assert (code, {each["key"]: each["kind"] for each in said["differences"]}) == (1, dict.fromkeys(left, "erased"))
    S3Bucket(lambda: s3, bucket).erase_files(task.id)
    assert admin("verify")[1]["differences"] == []
    admin("rebuild")
    assert TableTasks(dynamodb, table).get(task.id) == tombstone


def test_files_of_a_task_under_way_are_no_strays(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    task = TableTasks(dynamodb, table).create(a_task(state=State.ARCHIVING))
    s3.put_object(Bucket=bucket, Key=f"{folder(task.id)}1-video.mp4", Body=b"v")
    assert admin("verify", "--strays") == (0, {"tasks": 0, "files": 0, "bytes": 0, "read": 0, "differences": []})


def test_a_task_of_the_table_whose_folder_is_gone_whole_is_found(
    admin: Admin, dynamodb: DynamoDBClient, s3: S3Client, table: str, bucket: str
) -> None:
    tasks = stock(s3, bucket)
    records = TableTasks(dynamodb, table)
    for task in tasks:
        records.create(task)
    assert admin("verify") == (0, {**admin("verify")[1], "tasks": 50, "differences": []})
    told = [task for task in tasks if task.announcements.announced_at]
    removed = next(task for task in told if task.removed_at)  # out of sight, and not out of the archive
    gone, bare = [told[0], removed, told[-1]], told[3]
    for task in gone:
        for file in s3.list_objects_v2(Bucket=bucket, Prefix=folder(task.id))["Contents"]:
            s3.delete_object(Bucket=bucket, Key=file["Key"])
    s3.delete_object(Bucket=bucket, Key=manifest_key(bare.id))

    def missing(*arguments: str) -> dict[str, str]:
        code, said = admin("verify", *arguments)
        found = {each["task_id"]: each for each in said["differences"]}
        assert code == bool(found)
        assert len(found) == len(said["differences"])
        assert all(each["kind"] == "missing" and each["key"] == manifest_key(id) for id, each in found.items())
        return {id: each["detail"].partition(",")[0] for id, each in found.items()}

    every = dict.fromkeys([task.id for task in gone], "the whole folder") | {bare.id: "the manifest"}
    assert missing() == missing("--deep") == missing("--strays") == every
    mine = {task.id for task in (*gone, bare) if task.owner == told[0].owner}
    assert missing("--owner", told[0].owner) == {id: what for id, what in every.items() if id in mine}
    day = f"{told[0].created_at:%Y-%m-%d}"
    that_day = {task.id for task in (*gone, bare) if task.created_at.date() == told[0].created_at.date()}
    assert missing("--since", day, "--until", day) == {id: what for id, what in every.items() if id in that_day}


def test_a_table_of_several_pages_is_read_to_its_end(admin: Admin, new_dynamodb: DynamoDBClient, table: str) -> None:
    tasks = TableTasks(new_dynamodb, table)
    told = {tasks.create(a_task(number, state=State.FAILED)).id for number in range(7)}
    tasks.create(a_task(8))
    new_dynamodb.meta.events.register(
        "provide-client-params.dynamodb.Scan", lambda params, **_: params | {"Limit": 3}
    )
    assert set(tasks.ended(Span())) == told
    assert len(admin("verify")[1]["differences"]) == 7


def test_files_that_no_manifest_and_no_record_describes_are_found(admin: Admin, s3: S3Client, bucket: str) -> None:
    (task,) = stock(s3, bucket, 1)
    s3.delete_object(Bucket=bucket, Key=manifest_key(task.id))
    code, said = admin("verify")
    assert (code, [(each["kind"], each["task_id"]) for each in said["differences"]]) == (1, [("missing", task.id)])
    assert "the table does not know the task either" in said["differences"][0]["detail"]


def test_one_owners_files_can_be_verified_alone(admin: Admin, s3: S3Client, bucket: str) -> None:
    tasks = stock(s3, bucket)
    alices = [task for task in tasks if task.owner == "alice"]
    wrong = [next(t for t in tasks if t.owner == owner and t.creations) for owner in ("alice", "bob")]
    keys = [task.creations[0].assets[0].archived.key for task in wrong if task.creations[0].assets[0].archived]
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    code, said = admin("verify", "--owner", "alice")
    assert (code, [each["key"] for each in said["differences"]], said["tasks"]) == (1, keys[:1], len(alices))


def test_a_table_for_people_says_what_differs(
    admin: Admin, s3: S3Client, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (task,) = stock(s3, bucket, 1)
    kept = task.creations[0].assets[0].archived
    assert kept is not None
    s3.delete_object(Bucket=bucket, Key=kept.key)
    assert main(["archive", "verify"]) == 1
    heading, row, total = capsys.readouterr().out.splitlines()
    assert heading.split() == ["WHAT", "FILE", "OWNER", "DETAIL"]
    assert row.split()[:3] == ["missing", kept.key, "alice"]
    assert total.endswith("1 difference")


def contents(s3: S3Client, bucket: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}


@pytest.fixture
def other(s3: S3Client) -> str:
    """Another bucket's name."""
    name = f"other-{time.monotonic_ns()}"
    s3.create_bucket(Bucket=name)
    return name


def test_an_archive_copied_and_killed_twice_is_whole_in_the_other_bucket_and_nothing_is_copied_twice(
    admin: Admin, s3: S3Client, bucket: str, other: str
) -> None:
    stock(s3, bucket, 20)
    whole = contents(s3, bucket)
    code, dry = admin("copy", other, "--dry-run")
    assert (code, dry["files"], dry["bytes"]) == (0, len(whole), sum(map(len, whole.values())))
    assert contents(s3, other) == {}

    before = 0
    for copies in (12, 8):
        kill_after("CopyObject", copies, "archive", "copy", other)
        there = contents(s3, other)
        assert before < len(there) < len(whole)
        assert there.items() <= whole.items()
        for key in (key for key in there if key.endswith("manifest.json")):  # it came last
            folder_ = key.removesuffix("manifest.json")
            assert {each for each in whole if each.startswith(folder_)} <= set(there)
        before = len(there)

    code, said = admin("copy", other)
    assert (code, said["tasks"], said["files"] + said["there"]) == (0, 20, len(whole))
    assert said["there"] >= before  # S3 ends what it was asked for by who is dead now
    assert contents(s3, other) == whole
    code, again = admin("copy", other)
    assert (code, again["files"], again["there"]) == (0, 0, len(whole))


def test_a_copy_leaves_out_what_is_damaged_and_erases_what_was_erased(
    admin: Admin, s3: S3Client, bucket: str, other: str
) -> None:
    tasks = stock(s3, bucket, 20)
    files = {task.id: [a.archived for a in task.assets if a.archived] for task in tasks}
    damaged, gone, erased = [kept for id in files for kept in files[id][:1] if kept.sha256][:3]
    (task,) = [task for task in tasks if erased in files[task.id]]
    admin("copy", other)
    s3.put_object(Bucket=bucket, Key=damaged.key, Body=b"?" * damaged.bytes, ChecksumAlgorithm="SHA256")
    s3.delete_object(Bucket=bucket, Key=gone.key)
    for key in (damaged.key, gone.key):
        s3.delete_object(Bucket=other, Key=key)
    tombstone = S3Bucket(lambda: s3, bucket)
    tombstone.write_manifest(transitions.erased(task, NOON))
    tombstone.erase_files(task.id)
    code, said = admin("copy", other)
    assert (code, {each["key"]: each["kind"] for each in said["differences"]}) == (
        1,
        {damaged.key: "checksum", gone.key: "missing"},
    )
    there = contents(s3, other)
    assert {damaged.key, gone.key} & there.keys() == set()
    assert [key for key in there if key.startswith(folder(task.id))] == [manifest_key(task.id)]
    assert there[manifest_key(task.id)] == contents(s3, bucket)[manifest_key(task.id)]


def test_what_s3_may_not_copy_by_itself_goes_through_this_machine(s3: S3Client, bucket: str, other: str) -> None:
    (task,) = stock(s3, bucket, 1)
    refused = []

    def refuse(**_: Any) -> tuple[Any, dict[str, Any]]:
        refused.append(1)
        return Refused(), {"Error": {"Code": "AccessDenied"}}

    client: Any = boto3.client("s3", endpoint_url=s3.meta.endpoint_url, **CREDENTIALS)
    client.meta.events.register("before-call.s3.CopyObject", refuse)
    try:
        here = folders(client, bucket, Days())
        (copied,) = map(CopyTask(client, bucket, other), in_pairs(here, []))
    finally:
        client.close()
    assert (copied.tasks, copied.files, copied.differences) == (1, len(refused), [])
    assert contents(s3, other) == contents(s3, bucket)
    files = [a.archived for a in task.assets if a.archived]
    assert {s3.head_object(Bucket=other, Key=each.key)["ContentType"] for each in files} == {
        each.content_type for each in files
    }


def test_a_copy_goes_to_another_bucket_that_is_there(
    admin: Admin, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["archive", "copy", bucket]) == 2
    assert "is the archive itself" in capsys.readouterr().err
    assert main(["archive", "copy", "nowhere-at-all"]) == 5
    assert "there is no bucket nowhere-at-all" in capsys.readouterr().err
