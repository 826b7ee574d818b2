"""What the operator's commands have in common."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from threading import Event
from typing import Any

import pytest

from admin.commands import main
from admin.folders import Days, folders
from admin.output import Progress
from admin.parallel import in_parallel
from reelkeep.domain.links import folder
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

    def paginate(self, *, Bucket: str, Prefix: str, StartAfter: str) -> Iterator[Any]:  # noqa: N803
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


def test_days_end_the_listing_early() -> None:
    s3: Any = Listing(*(f"{folder(a_task(day * 86_400).id)}manifest.json" for day in range(20)))
    assert len(list(folders(s3, "b", Days(since=date(2026, 11, 22), until=date(2026, 11, 23))))) == 2
    assert s3.pages_read == 2
    assert list(folders(s3, "b", Days(since=date(2027, 1, 1)))) == []


@pytest.mark.parametrize("command", [("archive", "verify"), ("letters", "list")])
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


def test_a_day_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(("archive", "rebuild", "--since", "yesterday"))
    assert "--since" in capsys.readouterr().err


def test_replay_wants_to_be_told_what(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(("letters", "replay"))
    assert "--all" in capsys.readouterr().err
