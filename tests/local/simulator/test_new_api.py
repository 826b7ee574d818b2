"""A gateway of new-api, from a client's side."""

from contextlib import closing
from itertools import count
from typing import Any

import httpx
import pytest

from reelkeep.adapters.copying.source import RemoteFile
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.ports.providers import Source
from tests.local.simulator.client import Client, Open

GENERATIONS, VIDEOS = "/v1/video/generations", "/v1/videos"
BEARER = {"authorization": "Bearer sk-1"}
both = pytest.mark.parametrize("path", [GENERATIONS, VIDEOS])


def submit(simulator: Client, path: str = VIDEOS, prompt: str = "a paper boat", **fields: Any) -> httpx.Response:
    return simulator.http.post(path, json={"model": "viduq2", "prompt": prompt, **fields}, headers=BEARER)


def made(simulator: Client, path: str, prompt: str = "a paper boat", **fields: Any) -> Any:
    task_id = submit(simulator, path, prompt, **fields).json()["id"]
    simulator.skip(10)
    return simulator.http.get(f"{path}/{task_id}", headers=BEARER).json()


@both
def test_a_submission_is_answered_alike_at_both_paths(simulator: Client, path: str) -> None:
    submitted = submit(simulator, path).json()
    assert submitted.pop("id") == submitted.pop("task_id")
    assert submitted.pop("created_at") > 1_700_000_000
    assert submitted == {"object": "video", "model": "viduq2", "status": "queued", "progress": 0}


def test_each_path_has_words_of_its_own(simulator: Client) -> None:
    task_id = submit(simulator).json()["id"]
    seen = []
    for seconds in (0, 0.3, 0.3, 10):
        simulator.skip(seconds)
        envelope = simulator.http.get(f"{GENERATIONS}/{task_id}", headers=BEARER).json()
        video = simulator.http.get(f"{VIDEOS}/{task_id}", headers=BEARER).json()
        seen.append((envelope["data"]["status"], video["status"]))
    assert seen == [
        ("SUBMITTED", "queued"), ("QUEUED", "queued"), ("IN_PROGRESS", "in_progress"), ("SUCCESS", "completed"),
    ]  # fmt: skip


def test_releases_differ_in_where_the_link_is(simulator: Client) -> None:
    current = made(simulator, GENERATIONS)["data"]
    assert (current["fail_reason"], simulator.head(current["result_url"]).status_code) == ("", 200)
    old = made(simulator, GENERATIONS, "[release:old] a boat")["data"]
    assert "result_url" not in old
    assert simulator.head(old["fail_reason"]).status_code == 200
    flat = made(
        simulator, GENERATIONS, "[release:documented] a boat", metadata={"seed": 7}, size="640x360", duration=4
    )
    assert flat["metadata"] == {"duration": 4, "fps": 24, "width": 640, "height": 360, "seed": 7}
    assert simulator.head(made(simulator, VIDEOS)["metadata"]["url"]).status_code == 200


def test_a_file_without_a_link_is_handed_out_to_whoever_has_the_key(simulator: Client) -> None:
    video = made(simulator, VIDEOS, "[release:bare] a boat", seconds="4", size="640x360")
    assert "metadata" not in video
    content = f"{VIDEOS}/{video['id']}/content"
    assert simulator.http.get(content, headers={"authorization": ""}).status_code == 401
    found = simulator.http.get(content, headers=BEARER, follow_redirects=True)
    assert (found.status_code, found.headers["content-type"]) == (200, "video/mp4")
    cover = simulator.http.get(f"{content}?variant=thumbnail", headers=BEARER, follow_redirects=True)
    assert (cover.status_code, cover.headers["content-type"]) == (200, "image/jpeg")


def test_what_is_asked_for_in_metadata_is_read_and_in_the_body_it_is_dropped(simulator: Client) -> None:
    assert made(simulator, VIDEOS, metadata={"resolution": "360p", "aspect_ratio": "1:1"})["size"] == "360x360"
    assert made(simulator, VIDEOS, metadata='{"resolution": "360p"}')["size"] == "640x360"
    assert made(simulator, VIDEOS, resolution="360p")["size"] == "1280x720"


@both
def test_it_fails_and_misbehaves_as_prompts_say(simulator: Client, path: str) -> None:
    refused = submit(simulator, path, "[429:1][fail:unsafe] a boat")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    failed = made(simulator, path, "[429:1][fail:unsafe] a boat")
    assert "unsafe" in str(failed)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"prompt": " "}, "invalid_request"),
        ({"model": ""}, "invalid_request"),
        ({"seconds": "99"}, "invalid_seconds"),
        ({"seconds": "soon"}, "invalid_request"),
        ({"size": "huge"}, "invalid_size"),
        ({"metadata": [1]}, "invalid_request"),
    ],
)
def test_a_wrong_field_is_refused(simulator: Client, fields: dict[str, Any], code: str) -> None:
    refused = simulator.http.post(VIDEOS, json={"model": "m", "prompt": "a boat", **fields}, headers=BEARER)
    assert (refused.status_code, refused.json()["code"]) == (400, code)


@both
def test_a_task_that_is_not_there_is_a_400(simulator: Client, path: str) -> None:
    absent = simulator.http.get(f"{path}/7", headers=BEARER)
    assert (absent.status_code, absent.json()) == (
        400,
        {"code": "task_not_exist", "message": "task_not_exist", "data": None},
    )
    assert simulator.http.get("/v1/videos/7/content", headers=BEARER).status_code == 404


def test_a_wrong_key_is_refused_in_openais_form(open_simulator: Open) -> None:
    simulator = open_simulator(keys=frozenset({"sk-2"}))
    refused = submit(simulator)
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "new_api_error")


def test_a_file_without_a_link_is_fetched_in_ranges_with_the_key(open_simulator: Open) -> None:
    simulator = open_simulator(keys=frozenset({"sk-1"}))
    video = made(simulator, VIDEOS, "[release:bare][size:9] a boat", seconds="4", size="640x360")
    outbound, ticks = Outbound(), count()  # so slow that one connection is not enough
    url = f"{str(simulator.http.base_url).rstrip('/')}{VIDEOS}/{video['id']}/content"
    source = Source(url, allow_private=True, headers=BEARER)
    with closing(RemoteFile(source, outbound, seconds_left=lambda: 30.0, ticks=lambda: next(ticks))) as file:
        file.open()
        assert file.total == 9_000_000
        assert len(b"".join(file.pieces())) == 9_000_000
    outbound.close()
