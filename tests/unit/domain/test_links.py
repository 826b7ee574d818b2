from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reelkeep.domain import ids, links

SECRET = b"s" * 32
TASK = ids.new_task_id(datetime(2026, 11, 21, 12, tzinfo=UTC))
KEY = f"tasks/2026/11/21/{TASK}/1-video.mp4"


def parts(path: str) -> tuple[str, str, str]:
    _, files, token, task_id, file = path.split("/")
    assert files == "files"
    return token, task_id, file


def test_a_link_leads_to_its_key_and_ends_in_a_file_name_that_players_know() -> None:
    path = links.path_of(KEY, SECRET)
    assert path.endswith("/1-video.mp4")
    assert links.key_of(*parts(path), SECRET) == KEY


def test_rotating_the_secret_revokes_every_link() -> None:
    assert links.key_of(*parts(links.path_of(KEY, SECRET)), b"t" * 32) is None


@pytest.mark.parametrize("changed", ["1-cover.jpeg", "request.json", "../../../x", "", "a/b"])
def test_the_token_of_one_file_opens_no_other(changed: str) -> None:
    token, task_id, _ = parts(links.path_of(KEY, SECRET))
    assert links.key_of(token, task_id, changed, SECRET) is None


@pytest.mark.parametrize("task_id", ["", "0" * 31, "../" + "0" * 29, "G" * 32])
def test_what_is_no_task_id_has_no_file(task_id: str) -> None:
    assert links.key_of("t", task_id, "1-video.mp4", SECRET) is None


def test_a_token_with_odd_characters_is_simply_wrong() -> None:
    assert links.key_of("ü☃", TASK, "1-video.mp4", SECRET) is None
