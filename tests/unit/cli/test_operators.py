"""What the operator's commands have in common."""

from __future__ import annotations

import io
import json
import os
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from cli.main import main
from cli.operators.folders import Days, folders
from cli.operators.recorded import in_order, with_missing
from cli.output import Progress, print_table
from cli.parallel import in_parallel
from cli.world import World
from reelkeep.adapters.s3.layout import folder
from tests.integration.example import a_task


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_progress_is_one_line_that_changes_not_too_often_and_goes() -> None:
    terminal = Terminal()
    with Progress(terminal) as progress:
        for number in range(1000):
            progress.show(f"{number} tasks")
    assert terminal.getvalue().startswith("\r0 tasks\x1b[K")
    assert terminal.getvalue().count("\r") < 100
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_what_others_wrote_gives_a_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"WHY": ["\x1b[2Jrefused\r\n纸船"]})
    assert capsys.readouterr().out == "WHY\n?[2Jrefused??纸船\n"


def test_an_empty_table_says_so_to_a_person_and_has_its_headings_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal()
    print_table({"ID": []}, file=terminal)
    assert terminal.getvalue() == "none\n"
    print_table({"ID": [], "WHY": []})
    assert capsys.readouterr().out == "ID  WHY\n"


def test_elsewhere_a_short_command_shows_no_progress() -> None:
    file = io.StringIO()
    with Progress(file) as progress:
        progress.show("1 task")
    assert file.getvalue() == ""


def test_things_are_worked_on_at_once_in_their_order_and_taken_only_a_little_ahead() -> None:
    taken: list[int] = []

    def things() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    for done, result in enumerate(in_parallel(lambda number: number * 2, things(), workers=8)):
        assert result == done * 2
        assert len(taken) - done <= 4 * 8
    assert len(taken) == 10_000


def test_a_fault_ends_it_soon() -> None:
    begun: list[int] = []
    failed = Event()

    def work(number: int) -> None:
        if number == 0:
            failed.set()
            raise RuntimeError("S3 is gone")
        failed.wait(10)
        begun.append(number)

    with pytest.raises(RuntimeError, match="S3 is gone"):
        list(in_parallel(work, iter(range(100_000)), workers=2))
    assert len(begun) < 100


class Listing:
    """What S3 lists, page by page."""

    def __init__(self, *keys: str) -> None:
        self.keys = sorted(keys)
        self.pages_read = 0

    def get_paginator(self, _: str) -> Listing:
        return self

    def paginate(self, *, Bucket: str, Prefix: str, StartAfter: str) -> Iterator[Any]:
        keys = [key for key in self.keys if key.startswith(Prefix) and key > StartAfter]
        for first in range(0, len(keys), 2):
            self.pages_read += 1
            yield {"Contents": [{"Key": key, "Size": 1} for key in keys[first : first + 2]]}
        if not keys:
            yield {}


def test_a_folder_that_a_page_ends_in_is_one_folder_all_the_same() -> None:
    task = folder(a_task().id)
    s3: Any = Listing(*(f"{task}{name}" for name in ("1-cover.jpeg", "1-video.mp4", "manifest.json")))
    (found,) = folders(s3, "b", Days())
    assert (found.manifest, len(found.sizes)) == (f"{task}manifest.json", 3)


def test_what_only_looks_like_a_tasks_folder_is_none() -> None:
    id = a_task().id
    s3: Any = Listing(f"tasks/{id}/manifest.json", f"{folder(id)}deeper/manifest.json", "tasks/x")
    assert {found.manifest for found in folders(s3, "b", Days())} == {None}


def test_what_lies_deeper_in_a_tasks_folder_does_not_part_it() -> None:
    task = folder(a_task().id)
    s3: Any = Listing(*(f"{task}{name}" for name in ("1-video.mp4", "deeper/still/x", "manifest.json")))
    (found,) = folders(s3, "b", Days())
    assert (found.manifest, len(found.sizes)) == (f"{task}manifest.json", 3)


def test_an_id_of_a_time_that_there_will_never_be_is_no_tasks() -> None:
    s3: Any = Listing(f"tasks/2026/11/21/{'f' * 32}/manifest.json")
    assert [found.task_id for found in folders(s3, "b", Days())] == [""]


def test_recorded_tasks_without_a_folder_come_as_empty_ones_in_their_order() -> None:
    ids = [a_task(day * 86_400).id for day in range(7)]
    s3: Any = Listing("a.txt", *(f"{folder(ids[day])}manifest.json" for day in (1, 2, 5)), "z.txt")
    found = with_missing(folders(s3, "b", Days(), whole_bucket=True), [ids[0], ids[1], ids[3], ids[4], ids[6]])
    assert [(each.task_id, bool(each.sizes)) for each in found] == [
        ("", True),
        (ids[0], False),
        (ids[1], True),
        (ids[2], True),
        (ids[3], False),
        (ids[4], False),
        (ids[5], True),
        ("", True),
        (ids[6], False),
    ]


def test_the_table_is_read_before_the_listing_begins() -> None:
    s3: Any = Listing(f"{folder(a_task().id)}manifest.json")

    def recorded() -> Iterator[str]:
        assert s3.pages_read == 0
        yield a_task().id

    assert len(list(with_missing(folders(s3, "b", Days()), in_order(recorded())))) == 2
    assert s3.pages_read == 1


def test_more_ids_than_are_sorted_at_once_come_in_order() -> None:
    ids = [f"{number * 7919 % 1000:032x}" for number in range(1000)]
    assert list(in_order(ids, at_once=64)) == sorted(ids)
    assert list(in_order([])) == []


def test_no_more_ids_are_held_at_once_than_is_allowed() -> None:
    held = high = 0

    class Id(str):
        __slots__ = ()

        def __init__(self, _: str) -> None:
            nonlocal held, high
            held += 1
            high = max(high, held)

        def __del__(self) -> None:
            nonlocal held
            held -= 1

    assert sum(1 for _ in in_order((Id(f"{number:032x}") for number in range(1000)), at_once=50)) == 1000
    assert high <= 2 * 50 + 1  # one lot is being written while the next is read


def test_days_end_the_listing_early() -> None:
    s3: Any = Listing(*(f"{folder(a_task(day * 86_400).id)}manifest.json" for day in range(20)))
    assert len(list(folders(s3, "b", Days(since=date(2026, 11, 22), until=date(2026, 11, 23))))) == 2
    assert s3.pages_read == 2
    assert list(folders(s3, "b", Days(since=date(2027, 1, 1)))) == []


def test_days_are_a_span_of_ids_too() -> None:
    span = Days(since=date(2026, 11, 21), until=date(2026, 11, 22)).span
    inside = {hours: a_task(hours * 3600).id in span for hours in (-13, -12, 0, 35.999, 36)}  # from a noon
    assert inside == {-13: False, -12: True, 0: True, 35.999: True, 36: False}
    assert a_task().id in Days().span


@pytest.mark.parametrize("command", [("archive", "verify"), ("dlq", "list")])
def test_an_environment_that_names_a_table_alone_is_told_what_is_missing(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("BUCKET_NAME", "DEAD_LETTER_QUEUE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TABLE_NAME": "t", "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert main(command) == 1
    assert "name the stack with --stack" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("archive", "rebuild", "--since", "yesterday"), "--since: 'yesterday' is not a day, such as 2026-11-21"),
        (("archive", "verify", "--until", "2026-13-01"), "--until: '2026-13-01' is not a day, such as 2026-11-21"),
        (("owners", "set", "alice", "--repeat-window", "1h"), "--repeat-window: '1h' is not a number of seconds"),
        (("owners", "set", "alice", f"--repeat-window={10**30}"), f"'{10**30}' is not a number of seconds"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(
    command: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert said in capsys.readouterr().err


LOCAL = {
    "region": "us-east-1",
    "aws_endpoint_url": "http://127.0.0.1:9",
    "aws_secret_access_key": "secret",
    "table": "table",
    "bucket": "bucket",
    "state_machine_arn": "machine",
    "sweep_function": "sweep",
    "dead_letter_queue_url": "http://127.0.0.1:9/queue",
    "providers_secret_arn": "providers",
    "topic_arn": "topic",
}


def _fails_locally(root: Path, capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main([*command, "--local"], World(checkout=root)) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize("command", ["rebuild", "verify"])
def test_days_that_end_before_they_begin_are_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(LOCAL))
    said = _fails_locally(tmp_path, capsys, "archive", command, "--since", "2026-11-21", "--until", "2026-11-20")
    assert said == "error: --since is later than --until\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "{}"])
def test_what_an_earlier_version_wrote_of_the_local_cloud_says_how_to_get_on(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(text)
    assert "; run `reelkeep up` again" in _fails_locally(tmp_path, capsys, "keys", "list")


def test_a_part_that_an_earlier_version_did_not_write_down_says_how_to_get_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".local").mkdir()
    parts = {name: value for name, value in LOCAL.items() if name != "dead_letter_queue_url"}
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(parts))
    said = _fails_locally(tmp_path, capsys, "dlq", "list")
    assert "does not say the dead_letter_queue_url" in said
    assert "; run `reelkeep up` again" in said


def test_a_local_cloud_that_is_down_is_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = f"http://127.0.0.1:{server.getsockname()[1]}"
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps({**LOCAL, "aws_endpoint_url": free}))
    said = _fails_locally(tmp_path, capsys, "keys", "list")
    assert said == f'error: Could not connect to the endpoint URL: "{free}/": is `reelkeep up` running?\n'


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that is set up for no account of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")] + ["TABLE_NAME"]:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def test_who_has_not_said_where_the_stack_is_hears_how_to(
    nowhere: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "list"]) == 1
    assert "AWS_REGION" in capsys.readouterr().err
    nowhere.setenv("AWS_REGION", "eu-central-1")  # which boto3 does not look at
    assert main(["keys", "list"]) == 1
    assert "AWS_PROFILE" in capsys.readouterr().err


def test_replay_wants_to_be_told_what(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("dlq", "replay")) == 2
    assert "--all" in capsys.readouterr().err
