"""The wire format, from a client's side."""

from typing import Any

import httpx
import pytest

from tests.local.studio.client import Client, Open


def _refused(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert body.keys() == {"code", "reason", "message", "metadata"}
    assert body["code"] == response.status_code
    assert body["metadata"].keys() == {"trace_id"}
    return response.status_code, body["reason"]


def test_a_submission_is_answered_with_every_documented_field(studio: Client) -> None:
    body = studio.submit(
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
        "created_at": studio.now(),
    }


def test_a_task_goes_from_created_to_success_as_time_passes(studio: Client) -> None:
    task_id = studio.submitted(payload="job-1")
    states = [studio.query(task_id)["state"]]
    for seconds in (0.3, 0.3, 2):
        studio.skip(seconds)
        states.append(studio.query(task_id)["state"])
    assert states == ["created", "queueing", "processing", "success"]


def test_nothing_is_shown_of_a_creation_before_success(studio: Client) -> None:
    task_id = studio.submitted(payload="job-1")
    assert studio.query(task_id) == {
        "id": task_id,
        "state": "created",
        "err_code": "",
        "credits": 8,
        "payload": "job-1",
        "bgm": False,
        "off_peak": False,
        "creations": [],
    }


def test_a_creation_has_links_and_the_facts_of_its_video(studio: Client) -> None:
    creation = studio.creation(studio.made(watermark=True))
    links = (creation["url"], creation["cover_url"], creation["watermarked_url"], *creation["moderation_url"])
    names = [httpx.URL(link).path.rpartition("/")[2] for link in links]
    assert names == ["video.mp4", "cover.jpeg", "watermarked.mp4", "moderation-1.mp4"]
    assert creation["video"] == {"duration": 4.0, "fps": 24, "resolution": {"width": 640, "height": 360}}
    assert len(creation["id"]) == 18


def test_without_a_watermark_there_is_no_watermarked_video(studio: Client) -> None:
    assert studio.creation(studio.made())["watermarked_url"] == ""


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
def test_every_kind_of_generation_is_accepted(studio: Client, kind: str, body: dict[str, Any], type_: str) -> None:
    response = studio.submit(kind=kind, **body)
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
def test_a_wrong_field_is_refused_by_name(studio: Client, fields: dict[str, Any], reason: str) -> None:
    assert _refused(studio.submit(**{"prompt": "x", **fields})) == (400, reason)


def test_a_picture_in_the_body_must_be_of_a_known_format(studio: Client) -> None:
    response = studio.submit(kind="img2video", model="viduq2-pro", images=["data:image/gif;base64,R0lG"])
    assert _refused(response) == (400, "ImageFormatInvalid")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(studio: Client, body: bytes) -> None:
    assert _refused(studio.http.post("/ent/v2/text2video", content=body)) == (400, "BadRequest")


@pytest.mark.parametrize("header", ["", "Token", "Bearer vda_test", "vda_test"])
def test_a_request_without_a_token_is_unauthorized(studio: Client, header: str) -> None:
    response = studio.http.get("/ent/v2/tasks", headers={"authorization": header})
    assert _refused(response) == (401, "Unauthorized")


def test_only_the_given_keys_are_good(open_studio: Open) -> None:
    studio = open_studio(keys=frozenset({"vda_other"}))
    assert _refused(studio.submit()) == (401, "Unauthorized")
    other = {"authorization": "Token vda_other"}
    assert studio.http.get("/ent/v2/credits", headers=other).status_code == 200


def test_an_unknown_task_and_an_unknown_path_are_not_found(studio: Client) -> None:
    assert _refused(studio.http.get("/ent/v2/tasks/1/creations")) == (404, "TaskNotFound")
    assert _refused(studio.http.post("/ent/v2/tasks/1/cancel")) == (404, "TaskNotFound")
    assert _refused(studio.http.post("/ent/v2/text3video", json={})) == (404, "NotFound")
    assert _refused(studio.http.delete("/ent/v2/tasks/1")) == (404, "NotFound")


def test_a_task_that_waits_can_be_cancelled_and_is_then_failed(studio: Client) -> None:
    task_id = studio.submitted()
    response = studio.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id})
    assert (response.status_code, response.json()) == (200, {})
    studio.skip(60)
    answer = studio.query(task_id)
    assert (answer["state"], answer["err_code"], answer["credits"]) == ("failed", "UserCancelled", 0)
    assert studio.generated() == 0


@pytest.mark.parametrize(("seconds", "word"), [(1, "scheduled"), (60, "success")])
def test_a_task_that_has_started_cannot_be_cancelled(studio: Client, seconds: int, word: str) -> None:
    task_id = studio.submitted()
    studio.skip(seconds)
    response = studio.http.post(f"/ent/v2/tasks/{task_id}/cancel", json={"id": task_id})
    assert _refused(response) == (400, "BadRequest")
    assert response.json()["message"] == f"task state is {word}, can not cancel"


def test_tasks_above_the_concurrency_wait_in_the_queue(open_studio: Open) -> None:
    studio = open_studio(concurrency=2)
    ids = [studio.submitted(f"boat {n}") for n in range(5)]
    seen = []
    for seconds in (1, 2, 2):
        studio.skip(seconds)
        seen.append([studio.query(task_id)["state"][:1] for task_id in ids])
    assert seen == [list("ppqqq"), list("ssppq"), list("ssssp")]


def test_an_off_peak_task_starts_later_and_costs_less(studio: Client) -> None:
    task_id = studio.submitted(off_peak=True)
    studio.skip(9)
    assert studio.query(task_id)["state"] == "queueing"
    studio.skip(9)
    answer = studio.query(task_id)
    assert (answer["state"], answer["off_peak"], answer["credits"]) == ("success", True, 4)


def test_credits_tell_what_remains_and_how_busy_it_is(open_studio: Open) -> None:
    studio = open_studio(concurrency=1, credits=20)
    studio.submitted()
    studio.skip(1)
    studio.submitted()
    answer = studio.http.get("/ent/v2/credits", params={"show_detail": "true"}).json()
    assert answer["remains"] == [
        {
            "type": "metered",
            "credit_remain": 4,
            "concurrency_limit": 1,
            "current_concurrency": 1,
            "queue_count": 1,
        }
    ]
    assert _refused(studio.submit()) == (400, "CreditInsufficient")


def test_a_failed_task_gives_its_credits_back(open_studio: Open) -> None:
    studio = open_studio(credits=8)
    studio.made("[fail:AuditFailed]")
    assert studio.submit().status_code == 200


def test_the_list_shows_items_as_documented(studio: Client) -> None:
    task_id = studio.submitted(payload="job-1")
    (item,) = studio.list()["tasks"]
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


def test_the_list_is_newest_first_and_pages_by_number_or_token(studio: Client) -> None:
    ids = [studio.submitted(f"boat {n}") for n in range(5)][::-1]

    def listed(**query: Any) -> list[str]:
        return [task["id"] for task in studio.list(**query)["tasks"]]

    assert listed() == ids
    assert listed(pager__page=1, pager__pagesz=2) == ids[2:4]
    assert listed(paper__page=2, paper__pagesz=2) == ids[4:]
    walked: list[str] = []
    token = ""
    while not walked or token:
        page = studio.list(pager__pagesz=2, pager__page_token=token)
        walked += [task["id"] for task in page["tasks"]]
        token = page["next_page_token"]
    assert walked == ids


def test_the_list_can_be_filtered(studio: Client) -> None:
    done = studio.made(model="viduq1", duration=5, resolution="1080p")
    template = str(studio.submit(kind="template2video", template="hugging").json()["task_id"])
    fresh = studio.submitted()
    born = studio.list(task_ids=fresh)["tasks"][0]["created_at"]

    def listed(**query: Any) -> list[str]:
        return [task["id"] for task in studio.list(**query)["tasks"]]

    assert listed(states=["success", "failed"]) == [done]
    assert listed(states="created") == [fresh, template]
    assert listed(task_ids=[done, fresh, "7"]) == [fresh, done]
    assert listed(templates="hugging") == [template]
    assert listed(model_versions="q1") == listed(model_versions="viduq1") == [done]
    assert listed(resolutions=["360p", "1080p"]) == [fresh, done]
    assert listed(created_at__from=born) == [fresh, template]
    assert listed(created_at__to="2026-11-21T12:00:05Z") == [done]
    studio.skip(7 * 86400 + 1)
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
def test_a_wrong_filter_is_refused(studio: Client, query: dict[str, str], reason: str) -> None:
    assert _refused(studio.http.get("/ent/v2/tasks", params=query)) == (400, reason)


def test_a_restarted_studio_knows_its_tasks_its_time_and_its_links(open_studio: Open) -> None:
    studio = open_studio()
    done = studio.made("a paper boat")
    url = httpx.URL(studio.creation(done)["url"])
    waiting = studio.submitted("a paper ship", off_peak=True)
    again = open_studio()
    assert [task["id"] for task in again.list()["tasks"]] == [waiting, done]
    assert again.http.get(url.raw_path.decode()).status_code == 200
    assert again.query(waiting)["state"] == "created"
    again.skip(60)
    assert again.query(waiting)["state"] == "success"
    assert again.submitted() > waiting
