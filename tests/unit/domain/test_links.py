from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import ids, links
from reelkeep.domain.task import Kind, Request, Task

SECRET = b"s" * 32
TASK = ids.new_task_id(datetime(2026, 11, 21, 12, tzinfo=UTC))
KEY = f"tasks/2026/11/21/{TASK}/1-video.mp4"


def parts(path: str) -> tuple[str, str, str]:
    _, files, token, task_id, file = path.split("/")
    assert files == "files"
    return token, task_id, file


def test_a_link_is_valid_and_ends_in_a_file_name_that_players_know() -> None:
    path = links.path_of(KEY, SECRET)
    assert path.endswith("/1-video.mp4")
    assert links.is_valid(*parts(path), SECRET)


def test_rotating_the_secret_revokes_every_link() -> None:
    assert not links.is_valid(*parts(links.path_of(KEY, SECRET)), b"t" * 32)


def test_another_epoch_is_another_link() -> None:
    first, second = (parts(links.path_of(KEY, SECRET, epoch)) for epoch in (0, 1))
    assert [links.is_valid(*first, SECRET, epoch) for epoch in (0, 1)] == [True, False]
    assert [links.is_valid(*second, SECRET, epoch) for epoch in (0, 1)] == [False, True]


@pytest.mark.parametrize("changed", ["1-cover.jpeg", "request.json", "../../../x", "", "a/b"])
def test_the_token_of_one_file_opens_no_other(changed: str) -> None:
    token, task_id, _ = parts(links.path_of(KEY, SECRET))
    assert not links.is_valid(token, task_id, changed, SECRET)


def test_a_link_that_was_given_once_stays_good() -> None:
    """Links of older releases must still be followed, however links are made now."""
    token, task_id = "GAUSdq6dtoyIt1CKS_oPN5sQ", "01a1fdfa49e8187d19a8ef119dff6dda"
    key = f"tasks/2026/11/21/{task_id}/1-video.mp4"
    assert links.is_valid(token, task_id, "1-video.mp4", SECRET)
    assert links.path_of(key, SECRET) == f"/files/{token}/{task_id}/1-video.mp4"


@pytest.mark.parametrize("task_id", ["", "0" * 31, "..", "G" * 32])
def test_what_is_no_task_id_has_no_file_whatever_was_signed(task_id: str) -> None:
    token = links.path_of(f"{task_id}/1-video.mp4", SECRET).split("/")[2]
    assert not links.is_valid(token, task_id, "1-video.mp4", SECRET)


@pytest.mark.parametrize("token", ["ü☃", "\ud800"])
def test_a_token_with_odd_characters_is_simply_wrong(token: str) -> None:
    assert not links.is_valid(token, TASK, "1-video.mp4", SECRET)
    assert not links.is_valid("t", TASK, token, SECRET)


files = st.from_regex(r"[0-9]{1,2}-[a-z0-9-]{1,20}\.[a-z0-9]{2,4}", fullmatch=True)


@given(st.integers(0, 4_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)), files, st.binary(min_size=1))
def test_every_file_of_every_task_has_a_link_of_its_own(made_at: datetime, file: str, secret: bytes) -> None:
    key = f"{ids.new_task_id(made_at)}/{file}"
    assert links.is_valid(*parts(links.path_of(key, secret)), secret)


@given(st.data())
def test_a_link_that_was_altered_anywhere_leads_nowhere(data: st.DataObject) -> None:
    path = links.path_of(KEY, SECRET)
    at = data.draw(st.integers(len("/files/"), len(path) - 1))
    altered = path[:at] + data.draw(st.sampled_from("059afAZ_-./") | st.text(max_size=2)) + path[at + 1 :]
    token, _, rest = altered.removeprefix("/files/").partition("/")
    task_id, _, file = rest.partition("/")
    assert altered == path or not links.is_valid(token, task_id, file, SECRET)


@given(*[st.text(st.characters())] * 3)  # halves of surrogate pairs, too
def test_no_link_whatsoever_is_a_fault(token: str, task_id: str, file: str) -> None:
    for named in (task_id, TASK):
        assert not links.is_valid(token, named, file, SECRET)


@pytest.mark.parametrize(
    ("model", "file", "name"),
    [
        ("viduq2", "1-video.mp4", f"2026-11-21 viduq2 {TASK}.mp4"),
        ("viduq2", "1-last-frame.png", f"2026-11-21 viduq2 {TASK} last-frame.png"),
        ('a/b\\c:"d"\x00\r\n', "2-video.mp4", f"2026-11-21 a-b-c--d---- {TASK} 2-video.mp4"),
        ("a\u202e4pm.exe\u200b", "1-video.mp4", f"2026-11-21 a-4pm.exe- {TASK}.mp4"),
        ("", "1-video.mp4", f"2026-11-21 text2video {TASK}.mp4"),
    ],
)
def test_the_name_of_a_file_shows_nothing_of_the_prompt(model: str, file: str, name: str) -> None:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    asked = Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model=model, prompt="A secret boat")
    made = Task(
        id=TASK,
        owner="",
        key_id="",
        provider="",
        request=asked,
        created_at=moment,
        updated_at=moment,
        deadline=moment,
    )
    assert links.file_name(made, file) == name
