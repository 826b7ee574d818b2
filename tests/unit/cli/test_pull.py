"""Pulling files: named, checked, resumed, and never half there."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.unit.cli.harness import Stack


@pytest.fixture
def out(stack: Stack) -> Path:
    return stack.home / "films"


def ranges(stack: Stack) -> list[str]:
    return [each.headers["range"] for each in stack.requests if each.url.path.startswith("/files/")]


def test_all_videos_are_saved_and_fetched_once(stack: Stack, out: Path) -> None:
    for prompt in ("one", "two", "two"):
        stack.finished(prompt)
    assert stack("pull", "-o", str(out)).out == "3 files (30.0 kB), 3 of them fetched now\n"
    assert {path.read_bytes() for path in out.iterdir()} == set(stack.files.contents.values())
    assert [each["fetched"] for each in stack("pull", "-o", str(out), "--json").json] == [False] * 3
    assert ranges(stack) == ["bytes=0-"] * 3


def test_what_was_interrupted_goes_on_where_it_stopped(stack: Stack, out: Path) -> None:
    task_id = stack.finished()
    stack.largest_answer = 4_000
    stack.while_waiting = [lambda: None] * 2
    assert stack("pull", task_id, "-o", str(out)).code == 0
    assert ranges(stack) == ["bytes=0-", "bytes=4000-", "bytes=8000-"]
    (film,) = out.iterdir()

    part = out / f"{film.name}.part"
    part.write_bytes(film.read_bytes()[:6_000])
    film.unlink()
    assert stack("pull", task_id, "-o", str(out)).code == 0
    assert ranges(stack)[3:] == ["bytes=6000-"]
    film.rename(part)  # killed before it got its name
    assert stack("pull", task_id, "-o", str(out)).code == 0
    assert (ranges(stack)[4:], [*out.iterdir()]) == ([], [film])


def test_a_damaged_part_is_fetched_again_from_its_beginning(stack: Stack, out: Path) -> None:
    task_id = stack.finished()
    assert stack("pull", task_id, "-o", str(out)).code == 0
    (film,) = out.iterdir()
    for content in (b"x" * 6_000, b"x" * len(film.read_bytes()), b"x" * 20_000):
        whole = film.read_bytes()
        film.unlink()
        (out / f"{film.name}.part").write_bytes(content)
        assert stack("pull", task_id, "-o", str(out)).code == 0
        assert film.read_bytes() == whole
        assert ranges(stack)[-1] == "bytes=0-"


def test_a_server_that_knows_no_ranges_sends_everything(stack: Stack, out: Path) -> None:
    task_id = stack.finished()
    (content,) = stack.files.contents.values()
    stack.largest_answer = 4_000
    stack.while_waiting = [lambda: stack.faults.append(httpx.Response(200, content=content))]
    assert stack("pull", task_id, "-o", str(out)).code == 0
    (film,) = out.iterdir()
    assert film.read_bytes() == content


def test_a_wrong_checksum_never_gets_the_name_and_the_others_go_on(stack: Stack, out: Path) -> None:
    bad, good = stack.finished("bad"), stack.finished("good")
    (key,) = (key for key in stack.files.contents if bad in key)
    stack.files.contents[key] = stack.files.contents[key][::-1]
    done = stack("pull", bad, good, "-o", str(out))
    assert (done.code, done.out) == (1, "1 file (10.0 kB), 1 of them fetched now\n")
    assert done.err.endswith("does not give the file that was archived: its checksum differs\n")
    assert [path.name.split("_")[2] for path in out.glob("*.mp4")] == ["good"]


def test_a_file_that_is_another_one_is_left_alone(stack: Stack, out: Path) -> None:
    task_id = stack.finished()
    assert stack("pull", task_id, "-o", str(out)).code == 0
    (film,) = out.iterdir()
    film.write_bytes(b"mine")
    done = stack("pull", task_id, "-o", str(out))
    assert (done.code, film.read_bytes()) == (1, b"mine")
    assert "is another file (4 bytes instead of 10.0 kB): move it away" in done.err


@pytest.mark.parametrize(
    "prompt", ["../../etc/passwd", "纸船 " * 200, "a/b\\c:d*e?f\x00g", "CON", "...", "e\u0301" * 90]
)
def test_whatever_a_prompt_says_the_name_is_one_of_a_file_in_the_folder(stack: Stack, out: Path, prompt: str) -> None:
    stack.finished(prompt)
    assert stack("pull", "-o", str(out)).code == 0
    (film,) = out.iterdir()
    assert len(film.name.encode()) < 230
    assert film.name.startswith("20")
    assert not set(film.name) & set('/\\:*?"<>|\x00 ')
