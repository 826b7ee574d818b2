"""The aggregator's /vidu-native, from a client's side."""

from typing import Any

import httpx
import pytest

from tests.local.simulator.client import Client
from tests.local.simulator.conftest import NOON

PATH = "/vidu-native/video/generations"
BEARER = {"authorization": "Bearer sk-1"}


def submit(simulator: Client, prompt: str = "a paper boat", **fields: Any) -> httpx.Response:
    return simulator.http.post(PATH, json={"model": "veo3", "prompt": prompt, **fields}, headers=BEARER)


def query(simulator: Client, task_id: str) -> httpx.Response:
    return simulator.http.get(f"{PATH}/{task_id}", headers=BEARER)


def test_ids_have_a_colon_and_the_answers_to_queries_carry_another(simulator: Client) -> None:
    submitted = submit(simulator).json()
    assert submitted["id"].startswith("vidu:")
    assert query(simulator, submitted["id"].replace(":", "%3A")).json()["id"] != submitted["id"]


def test_a_task_is_pending_then_processing_then_completed_with_its_times_in_two_units(simulator: Client) -> None:
    submitted = submit(simulator).json()
    task_id = submitted.pop("id")
    assert submitted == {"status": "pending", "status_update_time": int(NOON * 1000), "enhanced_prompt": ""}
    assert query(simulator, task_id).json()["video_url"] is None
    simulator.skip(1)
    assert query(simulator, task_id).json()["status"] == "processing"
    simulator.skip(10)
    shown = query(simulator, task_id).json()
    assert (shown["status"], shown["error"], shown["progress"]) == ("completed", "", 100)
    assert shown["status_update_time"] < NOON + 100
    assert simulator.get(shown["thumbnail_url"]).headers["content-type"] == "image/jpeg"


def test_while_an_image_is_fetched_it_is_in_a_state_that_nobody_documents(simulator: Client) -> None:
    task_id = submit(simulator, images=["https://ex.test/a.png"]).json()["id"]
    simulator.skip(1)
    assert query(simulator, task_id).json()["status"] == "image_downloading"


def test_it_fails_and_misbehaves_as_prompts_say(simulator: Client) -> None:
    assert submit(simulator, "[503:1][fail:unsafe] a boat").status_code == 503
    task_id = submit(simulator, "[503:1][fail:unsafe] a boat").json()["id"]
    simulator.skip(10)
    shown = query(simulator, task_id).json()
    assert (shown["status"], shown["error"], shown["video_url"]) == ("failed", "unsafe", None)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"size": "9P"}, 400), ({"duration": 99}, 400), ({"model": ""}, 400), ({"aspect_ratio": "2:3"}, 200)],
)
def test_a_wrong_field_is_refused(simulator: Client, fields: dict[str, Any], status: int) -> None:
    assert submit(simulator, **fields).status_code == status


def test_errors_are_in_openais_form(simulator: Client) -> None:
    assert query(simulator, "vidu:7").json()["error"]["code"] == "task_not_exist"
    assert simulator.http.post(PATH, content=b"{", headers=BEARER).json()["error"]["code"] == "invalid_json"
    assert simulator.http.get(f"{PATH}/7", headers={"authorization": "Token x"}).status_code == 401
