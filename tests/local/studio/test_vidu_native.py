"""The aggregator's /vidu-native, from a client's side."""

from typing import Any

import httpx
import pytest

from tests.local.studio.client import Client
from tests.local.studio.conftest import NOON

PATH = "/vidu-native/video/generations"
BEARER = {"authorization": "Bearer sk-1"}


def submit(studio: Client, prompt: str = "a paper boat", **fields: Any) -> httpx.Response:
    return studio.http.post(PATH, json={"model": "veo3", "prompt": prompt, **fields}, headers=BEARER)


def query(studio: Client, task_id: str) -> httpx.Response:
    return studio.http.get(f"{PATH}/{task_id}", headers=BEARER)


def test_ids_have_a_colon_and_the_answers_to_queries_carry_another(studio: Client) -> None:
    submitted = submit(studio).json()
    assert submitted["id"].startswith("vidu:")
    assert query(studio, submitted["id"].replace(":", "%3A")).json()["id"] != submitted["id"]


def test_a_task_is_pending_then_processing_then_completed_with_its_times_in_two_units(studio: Client) -> None:
    submitted = submit(studio).json()
    task_id = submitted.pop("id")
    assert submitted == {"status": "pending", "status_update_time": int(NOON * 1000), "enhanced_prompt": ""}
    assert query(studio, task_id).json()["video_url"] is None
    studio.skip(1)
    assert query(studio, task_id).json()["status"] == "processing"
    studio.skip(10)
    shown = query(studio, task_id).json()
    assert (shown["status"], shown["error"], shown["progress"]) == ("completed", "", 100)
    assert shown["status_update_time"] < NOON + 100
    assert studio.get(shown["thumbnail_url"]).headers["content-type"] == "image/jpeg"


def test_while_an_image_is_fetched_it_is_in_a_state_that_nobody_documents(studio: Client) -> None:
    task_id = submit(studio, images=["https://ex.test/a.png"]).json()["id"]
    studio.skip(1)
    assert query(studio, task_id).json()["status"] == "image_downloading"


def test_it_fails_and_misbehaves_as_it_is_told(studio: Client) -> None:
    assert submit(studio, "[503:1][fail:unsafe] a boat").status_code == 503
    task_id = submit(studio, "[503:1][fail:unsafe] a boat").json()["id"]
    studio.skip(10)
    shown = query(studio, task_id).json()
    assert (shown["status"], shown["error"], shown["video_url"]) == ("failed", "unsafe", None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"size": "9P"}, 400), ({"duration": 99}, 400), ({"model": ""}, 400), ({"aspect_ratio": "2:3"}, 200)],
)
def test_a_wrong_field_is_refused(studio: Client, fields: dict[str, Any], status: int) -> None:
    assert submit(studio, **fields).status_code == status


def test_errors_are_in_openais_form(studio: Client) -> None:
    assert query(studio, "vidu:7").json()["error"]["code"] == "task_not_exist"
    assert studio.http.post(PATH, content=b"{", headers=BEARER).json()["error"]["code"] == "invalid_json"
    assert studio.http.get(f"{PATH}/7", headers={"authorization": "Token x"}).status_code == 401
