"""Ark's content generation, from a client's side."""

from typing import Any

import httpx
import pytest

from tests.local.simulator.client import Client, Open

TASKS = "/api/v3/contents/generations/tasks"
KEY = {"authorization": "Bearer ark-1"}
MODEL = "doubao-seedance-1-5-pro-251215"


def submit(simulator: Client, text: str = "a paper boat", *, base: str = TASKS, **fields: Any) -> httpx.Response:
    body = {"model": MODEL, "content": [{"type": "text", "text": text}], **fields}
    return simulator.http.post(base, json=body, headers=KEY)


def submitted(simulator: Client, text: str = "a paper boat", **fields: Any) -> str:
    response = submit(simulator, text, **fields)
    assert response.status_code == 200, response.text
    assert response.json().keys() == {"id"}
    return str(response.json()["id"])


def made(simulator: Client, text: str = "a paper boat", **fields: Any) -> str:
    task_id = submitted(simulator, text, **fields)
    simulator.skip(20)
    return task_id


def query(simulator: Client, task_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = simulator.http.get(f"{TASKS}/{task_id}", headers=KEY).raise_for_status().json()
    return shown


def delete(simulator: Client, task_id: str) -> httpx.Response:
    return simulator.http.delete(f"{TASKS}/{task_id}", headers=KEY)


def listed(simulator: Client, **filters: Any) -> tuple[list[str], int]:
    params = {name.replace("__", "."): value for name, value in filters.items()}
    body = simulator.http.get(TASKS, params=params, headers=KEY).raise_for_status().json()
    return [item["id"] for item in body["items"]], body["total"]


def refused(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_nothing_is_said_of_the_video_before_it_is_done(simulator: Client) -> None:
    task_id = submitted(simulator, duration=None, seed=None)
    shown = query(simulator, task_id)
    assert task_id.startswith("cgt-")
    assert shown == {
        "id": task_id,
        "model": MODEL,
        "status": "queued",
        "created_at": shown["created_at"],
        "updated_at": shown["created_at"],
        "service_tier": "default",
        "execution_expires_after": 172800,
    }
    words = []
    for seconds in (0.3, 0.3, 2):
        simulator.skip(seconds)
        words.append(query(simulator, task_id)["status"])
    assert words == ["queued", "running", "succeeded"]


def test_a_video_comes_with_its_last_frame_its_facts_and_its_tokens(simulator: Client) -> None:
    fields: Any = {"resolution": "480p", "ratio": "9:16", "duration": 4, "seed": 7, "return_last_frame": True}
    shown = query(simulator, made(simulator, **fields))
    assert simulator.get(shown["content"]["video_url"]).headers["content-type"] == "video/mp4"
    assert simulator.get(shown["content"]["last_frame_url"]).headers["content-type"] == "image/jpeg"
    tokens = 480 * 854 * 24 * 4 // 1024
    assert shown["usage"] == {"completion_tokens": tokens, "total_tokens": tokens}
    facts = ("resolution", "ratio", "duration", "seed", "framespersecond", "generate_audio")
    assert [shown[name] for name in facts] == ["480p", "9:16", 4, 7, 24, False]


def test_flags_in_the_text_count_unless_there_is_a_field(simulator: Client) -> None:
    shown = query(simulator, made(simulator, "a boat --rs 480p --dur 3 --rt 1:1", duration=2))
    assert (shown["resolution"], shown["ratio"], shown["duration"]) == ("480p", "1:1", 2)


def test_what_is_in_the_queue_is_cancelled(simulator: Client) -> None:
    task_id = submitted(simulator)
    assert delete(simulator, task_id).json() == {}
    assert query(simulator, task_id)["status"] == "cancelled"
    assert refused(delete(simulator, task_id)) == (409, "InvalidAction.CancelledTaskDeletion")


def test_what_is_running_cannot_be_deleted_and_what_is_done_is_erased(simulator: Client) -> None:
    task_id = submitted(simulator, "a boat [slow:5]")
    simulator.skip(1)
    assert refused(delete(simulator, task_id)) == (409, "InvalidAction.RunningTaskDeletion")
    simulator.skip(20)
    assert delete(simulator, task_id).json() == {}
    assert refused(simulator.http.get(f"{TASKS}/{task_id}", headers=KEY)) == (404, "ResourceNotFound")
    assert listed(simulator) == ([], 0)


def test_a_failure_has_a_code(simulator: Client) -> None:
    shown = query(simulator, made(simulator, "a boat [fail:InternalServiceError]"))
    assert (shown["status"], shown["error"]["code"]) == ("failed", "InternalServiceError")
    shown = query(simulator, made(simulator, "a boat [fail]"))
    assert shown["error"]["code"] == "OutputVideoSensitiveContentDetected"
    assert "content" not in shown


def test_a_list_has_pages_filters_and_a_total(simulator: Client) -> None:
    ids = [submitted(simulator, service_tier="flex" if number == 2 else None) for number in range(4)]
    assert listed(simulator) == (ids[::-1], 4)
    assert listed(simulator, page_size=3, page_num=2) == (ids[:1], 4)
    assert listed(simulator, filter__task_ids=ids[:2]) == ([ids[1], ids[0]], 2)
    assert listed(simulator, filter__service_tier="flex") == ([ids[2]], 1)
    assert listed(simulator, filter__status="succeeded") == ([], 0)
    assert listed(simulator, filter__model=MODEL, page_size=1) == (ids[:-2:-1], 4)


def test_both_addresses_lead_to_the_same_tasks(simulator: Client) -> None:
    other = TASKS.replace("/api/v3", "/volc/v1")
    task_id = submit(simulator, base=other).json()["id"]
    assert query(simulator, task_id)["id"] == task_id


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": None}, (400, "MissingParameter")),
        ({"model": "viduq2"}, (404, "InvalidEndpointOrModel.NotFound")),
        ({"content": []}, (400, "MissingParameter")),
        ({"content": ["boat"]}, (400, "InvalidParameter")),
        ({"duration": 61}, (400, "InvalidParameter")),
        ({"resolution": "360p"}, (400, "InvalidParameter")),
        ({"ratio": "5:1"}, (400, "InvalidParameter")),
    ],
)
def test_a_wrong_submission_is_refused(simulator: Client, fields: dict[str, Any], expected: tuple[int, str]) -> None:
    assert refused(submit(simulator, **fields)) == expected


def test_a_key_goes_with_the_word_bearer(simulator: Client) -> None:
    assert refused(simulator.http.get(TASKS)) == (401, "AuthenticationError")


def test_who_has_spent_everything_is_refused(open_simulator: Open) -> None:
    assert refused(submit(open_simulator(credits=1))) == (403, "AccountOverdueError")


def test_it_misbehaves_as_prompts_say(simulator: Client) -> None:
    assert refused(submit(simulator, "a boat [429:1]")) == (429, "RateLimitExceeded")
    assert refused(submit(simulator, "a boat [refuse:InputTextSensitiveContentDetected]")) == (
        400,
        "InputTextSensitiveContentDetected",
    )
    with pytest.raises(httpx.TransportError):
        submit(simulator, "a boat [lose:1]")
    assert len(listed(simulator)[0]) == 1
    dead = query(simulator, made(simulator, "a boat [expired:1]"))["content"]["video_url"]
    assert simulator.get(dead).status_code == 403
    shown = query(simulator, submitted(simulator, "a boat [odd-state:reviewing][slow:9]"))
    simulator.skip(1)
    assert query(simulator, shown["id"])["status"] == "reviewing"
