"""The wire format, from a client's side."""

from typing import Any

import httpx
import pytest

from tests.local.simulator.client import Client, Open


def _refused(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert body.keys() == {"code", "reason", "message", "metadata"}
    assert body["code"] == response.status_code
    assert body["metadata"].keys() == {"trace_id"}
    return response.status_code, body["reason"]


def test_a_submission_is_answered_with_every_documented_field(simulator: Client) -> None:
    body = simulator.submit(
        "a paper boat", model="viduq2", duration=4, resolution="540p", payload="job-1", seed=7
    ).json()
    task_id = body.pop("task_id")
    assert task_id.isdecimal()
    assert len(task_id) == 18
    assert body == {
        "type": "text2video",
        "state": "created",
        "model": "viduq2",
        "style": "general",
        "prompt": "a paper boat",
        "images": [],
        "duration": 4,
        "seed": 7,
        "aspect_ratio": "",
        "resolution": "540p",
        "movement_amplitude": "auto",
        "payload": "job-1",
        "bgm": False,
        "audio_type": "",
        "off_peak": False,
        "watermark": False,
        "wm_position": "unspecified",
        "wm_url": "",
        "meta_data": "",
        "is_rec": False,
        "cus_priority": 0,
        "client_request_id": "",
        "credits": 12,
        "created_at": simulator.now(),
    }


def test_a_task_goes_from_created_to_success_as_time_passes(simulator: Client) -> None:
    task_id = simulator.submitted(payload="job-1")
    states = [simulator.query(task_id)["state"]]
    for seconds in (0.3, 0.3, 2):
        simulator.skip(seconds)
        states.append(simulator.query(task_id)["state"])
    assert states == ["created", "queueing", "processing", "success"]


def test_nothing_is_shown_of_a_creation_before_success(simulator: Client) -> None:
    task_id = simulator.submitted(payload="job-1")
    assert simulator.query(task_id) == {
        "id": task_id,
        "state": "created",
        "err_code": "",
        "credits": 8,
        "payload": "job-1",
        "bgm": False,
        "off_peak": False,
        "creations": [],
    }


def test_a_creation_has_links_and_the_facts_of_its_video(simulator: Client) -> None:
    creation = simulator.creation(simulator.made(watermark=True))
    links = (creation["url"], creation["cover_url"], creation["watermarked_url"], *creation["moderation_url"])
    names = [httpx.URL(link).path.rpartition("/")[2] for link in links]
    assert names == ["video.mp4", "cover.jpeg", "watermarked.mp4", "moderation-1.mp4"]
    assert creation["video"] == {"duration": 4.0, "fps": 24, "resolution": {"width": 640, "height": 360}}
    assert len(creation["id"]) == 18


def test_without_a_watermark_there_is_no_watermarked_video(simulator: Client) -> None:
    assert simulator.creation(simulator.made())["watermarked_url"] == ""


@pytest.mark.parametrize(
    ("kind", "body", "type_"),
    [
        ("img2video", {"model": "viduq2-pro", "images": ["https://ex.test/a.png"]}, "img2video"),
        ("reference2video", {"model": "viduq2", "images": ["https://ex.test/a.png"]}, "character2video"),
        (
            "start-end2video",
            {"model": "viduq2-turbo", "images": ["https://a", "https://b"]},
            "headtailimg2video",
        ),
        ("template2video", {"template": "hugging", "images": ["https://ex.test/a.png"]}, "template"),
        ("extend", {"model": "viduq2-pro", "video_url": "https://ex.test/v.mp4"}, "extend"),
        ("upscale-new", {"video_url": "https://ex.test/v.mp4", "upscale_resolution": "2K"}, "upscale"),
        ("lip-sync", {"video_url": "https://ex.test/v.mp4", "text": "hello"}, "lip_sync"),
        ("multiframe", {"model": "viduq2-pro", "start_image": "https://a"}, "multiframe"),
    ],
)
def test_every_kind_of_generation_is_accepted(simulator: Client, kind: str, body: dict[str, Any], type_: str) -> None:
    response = simulator.submit(kind=kind, **body)
    assert (response.status_code, response.json()["type"]) == (200, type_)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"prompt": None}, "FieldLacking"),
        ({"model": None}, "FieldLacking"),
        ({"model": "sora"}, "ModelUnavailable"),
        ({"duration": 5}, "FieldInvalid"),
        ({"duration": 8, "resolution": "1080p"}, "FieldInvalid"),
        ({"duration": "4"}, "FieldInvalid"),
        ({"aspect_ratio": "21:9"}, "FieldInvalid"),
        ({"prompt": "x" * 5001}, "FieldInvalid"),
        ({"images": ["https://ex.test/a.png"]}, "FieldItemCountOutOfRange"),
        ({"frames": 12}, "FieldUnwanted"),
    ],
)
def test_a_wrong_field_is_refused_by_name(simulator: Client, fields: dict[str, Any], reason: str) -> None:
    assert _refused(simulator.submit(**{"prompt": "x", **fields})) == (400, reason)


def test_a_picture_in_the_body_must_be_of_a_known_format(simulator: Client) -> None:
    response = simulator.submit(kind="img2video", model="viduq2-pro", images=["data:image/gif;base64,R0lG"])
    assert _refused(response) == (400, "ImageFormatInvalid")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(simulator: Client, body: bytes) -> None:
    assert _refused(simulator.http.post("/ent/v2/text2video", content=body)) == (400, "BadRequest")


@pytest.mark.parametrize("header", ["", "Token", "Bearer vda_test", "vda_test"])
def test_a_request_without_a_token_is_unauthorized(simulator: Client, header: str) -> None:
    response = simulator.http.get("/ent/v2/tasks", headers={"authorization": header})
    assert _refused(response) == (401, "Unauthorized")


def test_only_the_given_keys_are_good(open_simulator: Open) -> None:
    simulator = open_simulator(keys=frozenset({"vda_other"}))
    assert _refused(simulator.submit()) == (401, "Unauthorized")
    other = {"authorization": "Token vda_other"}
    assert simulator.http.get("/ent/v2/credits", headers=other).status_code == 200


def test_an_unknown_task_and_an_unknown_path_are_not_found(simulator: Client) -> None:
    assert _refused(simulator.http.get("/ent/v2/tasks/1/creations")) == (404, "TaskNotFound")
    assert _refused(simulator.http.post("/ent/v2/tasks/1/cancel")) == (404, "TaskNotFound")
    assert _refused(simulator.http.post("/ent/v2/text3video", json={})) == (404, "NotFound")
    assert _refused(simulator.http.delete("/ent/v2/tasks/1")) == (404, "NotFound")


def test_a_task_that_waits_can_be_cancelled_and_is_then_failed(simulator: Client) -> None:
    task_id = simulator.submitted()
    response = simulator.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id})
    assert (response.status_code, response.json()) == (200, {})
    simulator.skip(60)
    answer = simulator.query(task_id)
    assert (answer["state"], answer["err_code"], answer["credits"]) == ("failed", "UserCancelled", 0)
    assert simulator.generated() == 0


@pytest.mark.parametrize(("seconds", "word"), [(1, "scheduled"), (60, "success")])
def test_a_task_that_has_started_cannot_be_cancelled(simulator: Client, seconds: int, word: str) -> None:
    task_id = simulator.submitted()
    simulator.skip(seconds)
    response = simulator.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id})
    assert _refused(response) == (400, "BadRequest")
    assert response.json()["message"] == f"task state is {word}, can not cancel"


def test_tasks_above_the_concurrency_wait_in_the_queue(open_simulator: Open) -> None:
    simulator = open_simulator(concurrency=2)
    ids = [simulator.submitted(f"boat {n}") for n in range(5)]
    seen = []
    for seconds in (1, 2, 2):
        simulator.skip(seconds)
        seen.append([simulator.query(task_id)["state"][:1] for task_id in ids])
    assert seen == [list("ppqqq"), list("ssppq"), list("ssssp")]


def test_an_off_peak_task_starts_later_and_costs_less(simulator: Client) -> None:
    task_id = simulator.submitted(off_peak=True)
    simulator.skip(9)
    assert simulator.query(task_id)["state"] == "queueing"
    simulator.skip(9)
    answer = simulator.query(task_id)
    assert (answer["state"], answer["off_peak"], answer["credits"]) == ("success", True, 4)


def test_the_credits_show_what_remains_and_how_many_tasks_run(open_simulator: Open) -> None:
    simulator = open_simulator(concurrency=1, credits=20)
    simulator.submitted()
    simulator.skip(1)
    simulator.submitted()
    answer = simulator.http.get("/ent/v2/credits", params={"show_detail": "true"}).json()
    assert answer["remains"] == [
        {
            "type": "metered",
            "credit_remain": 4,
            "concurrency_limit": 1,
            "current_concurrency": 1,
            "queue_count": 1,
        }
    ]
    assert _refused(simulator.submit()) == (400, "CreditInsufficient")


def test_a_failed_task_gives_its_credits_back(open_simulator: Open) -> None:
    simulator = open_simulator(credits=8)
    simulator.made("[fail:AuditFailed]")
    assert simulator.submit().status_code == 200


def test_the_list_shows_items_as_documented(simulator: Client) -> None:
    task_id = simulator.submitted(payload="job-1")
    (item,) = simulator.list()["tasks"]
    assert len(item.pop("key_id")) == 16
    assert item.pop("created_at").startswith("2026-11-21T12:00:00.123456")
    assert item == {
        "id": task_id,
        "type": "text2video",
        "template": "",
        "model": "vidu1.5",
        "prompt": "a paper boat",
        "images": [],
        "duration": 4,
        "resolution": "360p",
        "aspect_ratio": "",
        "payload": "job-1",
        "state": "created",
        "creations": [],
        "credits": 8,
    }


def test_the_list_is_newest_first_and_pages_by_number_or_token(simulator: Client) -> None:
    ids = [simulator.submitted(f"boat {n}") for n in range(5)][::-1]

    def listed(**query: Any) -> list[str]:
        return [task["id"] for task in simulator.list(**query)["tasks"]]

    assert listed() == ids
    assert listed(pager__page=1, pager__pagesz=2) == ids[2:4]
    assert listed(paper__page=2, paper__pagesz=2) == ids[4:]
    walked: list[str] = []
    token = ""
    while not walked or token:
        page = simulator.list(pager__pagesz=2, pager__page_token=token)
        walked += [task["id"] for task in page["tasks"]]
        token = page["next_page_token"]
    assert walked == ids


def test_the_list_can_be_filtered(simulator: Client) -> None:
    done = simulator.made(model="viduq1", duration=5, resolution="1080p")
    template = str(simulator.submit(kind="template2video", template="hugging").json()["task_id"])
    fresh = simulator.submitted()
    born = simulator.list(task_ids=fresh)["tasks"][0]["created_at"]

    def listed(**query: Any) -> list[str]:
        return [task["id"] for task in simulator.list(**query)["tasks"]]

    assert listed(states=["success", "failed"]) == [done]
    assert listed(states="created") == [fresh, template]
    assert listed(task_ids=[done, fresh, "7"]) == [fresh, done]
    assert listed(templates="hugging") == [template]
    assert listed(model_versions="q1") == listed(model_versions="viduq1") == [done]
    assert listed(resolutions=["360p", "1080p"]) == [fresh, done]
    assert listed(created_at__from=born) == [fresh, template]
    assert listed(created_at__to="2026-11-21T12:00:05Z") == [done]
    simulator.skip(7 * 86400 + 1)
    assert listed() == []
    assert listed(created_at__from=born) == [fresh, template]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"pager.pagesz": "101"}, "PageSizeOutOfRange"),
        ({"pager.pagesz": "x"}, "FieldInvalid"),
        ({"pager.page": "-1"}, "FieldInvalid"),
        ({"states": "done"}, "FieldInvalid"),
        ({"created_at.from": "yesterday"}, "FieldInvalid"),
    ],
)
def test_a_wrong_filter_is_refused(simulator: Client, query: dict[str, str], reason: str) -> None:
    assert _refused(simulator.http.get("/ent/v2/tasks", params=query)) == (400, reason)


def test_a_restarted_simulator_knows_its_tasks_its_time_and_its_links(open_simulator: Open) -> None:
    simulator = open_simulator()
    done = simulator.made("a paper boat")
    url = httpx.URL(simulator.creation(done)["url"])
    waiting = simulator.submitted("a paper ship", off_peak=True)
    again = open_simulator()
    assert [task["id"] for task in again.list()["tasks"]] == [waiting, done]
    assert again.http.get(url.raw_path.decode()).status_code == 200
    assert again.query(waiting)["state"] == "created"
    again.skip(60)
    assert again.query(waiting)["state"] == "success"
    assert again.submitted() > waiting
