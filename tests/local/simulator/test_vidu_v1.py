"""Vidu's v1, from a client's side."""

from typing import Any

import httpx
import pytest

from tests.local.simulator.client import Client

TEXT = {"type": "text", "content": "a paper boat", "enhance": True}
IMAGE = {"type": "image", "content": "https://ex.test/a.png"}
SETTINGS = {"model": "vidu-1", "duration": 4}


def submit(simulator: Client, kind: str = "text2video", *prompts: Any, **input_: Any) -> httpx.Response:
    body = {"type": kind, "input": {"prompts": list(prompts or [TEXT]), **input_}, "settings": SETTINGS}
    return simulator.http.post("/vidu/v1/tasks", json=body)


def query(simulator: Client, task_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = simulator.http.get(f"/vidu/v1/tasks/{task_id}").raise_for_status().json()
    return shown


def refused(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


def test_a_submission_is_answered_with_the_whole_task(simulator: Client) -> None:
    body = submit(simulator, "character2video", TEXT, IMAGE).json()
    assert body.pop("id").isdecimal()
    assert body == {
        "input": {
            "creation_id": "0",
            "prompts": [
                {"type": "text", "content": "a paper boat", "negative": False, "enhance": True, "recaption": ""},
                {
                    "type": "image",
                    "content": "https://ex.test/a.png",
                    "negative": False,
                    "enhance": True,
                    "recaption": "",
                },
            ],
            "lang": "en",
        },
        "settings": {"style": "general", "aspect_ratio": "16:9", "model": "vidu-1", "duration": 4},
        "type": "character2video",
        "state": "created",
        "creations": [],
        "err_code": "",
        "created_at": simulator.now(),
    }


def test_a_creation_is_an_object_with_links_that_are_cloudfronts_and_die_after_an_hour(simulator: Client) -> None:
    task_id = submit(simulator).json()["id"]
    simulator.skip(10)
    shown = query(simulator, task_id)
    (creation,) = shown["creations"]
    assert (shown["state"], creation["task_id"], creation["video"]["fps"]) == ("success", task_id, 24)
    assert httpx.URL(creation["uri"]).params.keys() == {"Expires", "Signature", "Key-Pair-Id"}
    assert simulator.http.get(creation["cover_uri"]).headers["content-type"] == "image/jpeg"
    assert simulator.get(creation["cover_uri"].replace("Signature=", "Signature=0")).status_code == 403
    simulator.skip(3601)
    assert simulator.get(creation["cover_uri"]).status_code == 403
    assert simulator.get(query(simulator, task_id)["creations"][0]["cover_uri"]).status_code == 200


def test_a_creation_of_any_api_can_be_upscaled_and_nothing_else(simulator: Client) -> None:
    creation = simulator.creation(simulator.made())
    response = simulator.http.post(
        "/vidu/v1/tasks",
        json={
            "type": "upscale",
            "input": {"creation_id": creation["id"]},
            "settings": {"model": "stable", "duration": 4},
        },
    )
    assert (response.status_code, response.json()["type"]) == (200, "upscale")
    unknown = {"type": "upscale", "input": {"creation_id": "7"}, "settings": SETTINGS}
    assert refused(simulator.http.post("/vidu/v1/tasks", json=unknown)) == (404, "CreationNotFound")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "BadRequest"),
        ({"type": "text2video"}, "FieldInvalid"),
        ({"type": "text2song", "input": {}, "settings": SETTINGS}, "FieldInvalid"),
        ({"type": "text2video", "input": {"prompts": [7]}, "settings": SETTINGS}, "FieldInvalid"),
        ({"type": "img2video", "input": {"prompts": [TEXT]}, "settings": SETTINGS}, "FieldItemCountOutOfRange"),
        ({"type": "text2video", "input": {"prompts": [TEXT]}, "settings": {"duration": 4}}, "FieldInvalid"),
        (
            {"type": "text2video", "input": {"prompts": [TEXT]}, "settings": {**SETTINGS, "duration": 99}},
            "FieldInvalid",
        ),
        (
            {"type": "text2video", "input": {"prompts": [TEXT]}, "settings": {**SETTINGS, "resolution": "9p"}},
            "FieldInvalid",
        ),
    ],
)
def test_a_wrong_body_is_refused_in_vidus_envelope(simulator: Client, body: Any, reason: str) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    assert refused(simulator.http.post("/vidu/v1/tasks", **sent)) == (400, reason)


def test_it_fails_and_misbehaves_as_prompts_say(simulator: Client) -> None:
    failing = submit(simulator, "text2video", {**TEXT, "content": "[fail:AuditFailed][429:1] a boat"})
    assert refused(failing) == (429, "TooManyRequests")
    task_id = submit(simulator, "text2video", {**TEXT, "content": "[fail:AuditFailed][429:1] a boat"}).json()["id"]
    simulator.skip(10)
    assert [query(simulator, task_id)[name] for name in ("state", "err_code", "creations")] == [
        "failed",
        "AuditFailed",
        [],
    ]
    assert refused(simulator.http.get("/vidu/v1/tasks/7")) == (404, "TaskNotFound")
    assert refused(simulator.http.delete(f"/vidu/v1/tasks/{task_id}")) == (404, "NotFound")


@pytest.mark.parametrize(("header", "status"), [("", 401), ("Basic x", 401), ("Token x", 404), ("Bearer x", 404)])
def test_both_words_of_authentication_are_good(simulator: Client, header: str, status: int) -> None:
    response = simulator.http.get("/vidu/v1/tasks/7", headers={"authorization": header})
    assert response.status_code == status
