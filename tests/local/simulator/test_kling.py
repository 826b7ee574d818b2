"""Kling's videos, from a client's side."""

from typing import Any

import httpx

from reelkeep.dialects.families.client import hs256
from tests.local.simulator.client import Client, Open

VIDEOS = "/v1/videos"
KEY = {"authorization": "Bearer kling-1"}


def submit(simulator: Client, kind: str = "text2video", **body: Any) -> httpx.Response:
    said = {"model_name": "kling-v2-6", "prompt": "a paper boat", **body}
    return simulator.http.post(f"{VIDEOS}/{kind}", json=said, headers=KEY)


def submitted(simulator: Client, **body: Any) -> str:
    response = submit(simulator, **body)
    assert response.status_code == 200, response.text
    return str(response.json()["data"]["task_id"])


def get(simulator: Client, path: str, **query: Any) -> tuple[int, Any]:
    body = simulator.http.get(f"{VIDEOS}/{path}", params=query, headers=KEY).json()
    return body["code"], body.get("data")


def test_a_task_is_made_where_its_kind_is_and_nowhere_else(simulator: Client) -> None:
    task_id = submitted(simulator, external_task_id="mine", watermark_info={"enabled": True})
    assert get(simulator, f"text2video/{task_id}")[1]["task_status"] == "submitted"
    simulator.skip(20)
    code, shown = get(simulator, f"text2video/{task_id}")
    [video] = shown["task_result"]["videos"]
    assert (code, shown["task_status"], shown["task_info"]) == (0, "succeed", {"external_task_id": "mine"})
    assert (video["duration"], set(video)) == ("5.1", {"id", "url", "watermark_url", "duration"})
    assert shown["updated_at"] > 10**12
    assert simulator.get(video["url"]).headers["content-type"] == "video/mp4"
    assert get(simulator, f"image2video/{task_id}") == (1203, None)
    assert [task["task_id"] for task in get(simulator, "text2video")[1]] == [task_id]
    assert get(simulator, "image2video") == (0, [])


def test_pages_are_numbered(simulator: Client) -> None:
    ids = [submitted(simulator) for _ in range(3)]
    listed = [get(simulator, "text2video", pageNum=page, pageSize=2)[1] for page in (1, 2, 3)]
    assert [[task["task_id"] for task in page] for page in listed] == [ids[:0:-1], ids[:1], []]
    assert get(simulator, "text2video", pageNum=0) == (1201, None)


def test_what_is_wrong_is_refused_by_a_code(simulator: Client) -> None:
    submitted(simulator, external_task_id="mine")
    for body in ({"external_task_id": "mine"}, {"duration": 5}, {"mode": "ultra"}, {"prompt": ""}):
        assert submit(simulator, **body).json()["code"] == 1201
    assert submit(simulator, "image2video", image="data:image/png;base64,iVBO").json()["code"] == 1201
    assert submit(simulator, prompt="a boat [429:1]").json()["code"] == 1303


def test_a_failure_is_said_in_words_only(simulator: Client) -> None:
    task_id = submitted(simulator, prompt="a boat [fail:CreationPolicyViolation]")
    simulator.skip(20)
    _, shown = get(simulator, f"text2video/{task_id}")
    assert (shown["task_status"], shown["task_status_msg"]) == ("failed", "Failure to pass the risk control system")


def test_a_pack_shows_the_units_that_are_left(simulator: Client) -> None:
    def left() -> float:
        body = simulator.http.get("/account/costs", headers=KEY).json()
        [pack] = body["data"]["resource_pack_subscribe_infos"]
        assert pack["status"] == "online"
        return float(pack["remaining_quantity"])

    before = left()
    submitted(simulator)
    assert left() < before


def test_a_key_or_a_token_of_a_pair_is_wanted(open_simulator: Open) -> None:
    simulator = open_simulator(keys=frozenset({"access:secret", "plain"}))
    claims = {"iss": "access", "exp": 1800, "nbf": -5}
    for key, status in (
        ("plain", 200),
        (hs256(claims, "secret"), 200),
        (hs256(claims, "wrong"), 401),
        ("unheard-of", 401),
    ):
        headers = {"authorization": f"Bearer {key}"}
        assert simulator.http.get(f"{VIDEOS}/text2video", headers=headers).status_code == status
