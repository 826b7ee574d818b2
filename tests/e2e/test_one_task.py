"""One task, the whole way: from an HTTPS call to a permanent video and a notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.e2e.archive import Archive, decoded
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, NewClient, Prompt
from tests.e2e.mailbox import Mailbox, subscribed
from tests.waiting import until


@dataclass(frozen=True)
class Told:
    """A finished task: what was asked for, and how the API shows it."""

    prompt: str
    submitted: dict[str, Any]
    task: dict[str, Any]
    vidu: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.task["id"])

    @property
    def link(self) -> str:
        return str(self.vidu["creations"][0]["url"])


@pytest.fixture(scope="module")
def interested(stack: Stack, aws: Aws, alice: Client) -> Iterator[Mailbox]:
    """Subscribed to alice's successes in text2video, and to nothing else."""
    only = {"state": ["success"], "kind": ["text2video"], "owner": [alice.owner]}
    with subscribed(aws("sns"), aws("sqs"), stack.topic_arn, only) as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def by_vidu(alice: Client, prompt: Prompt, mailbox: Mailbox, interested: Mailbox) -> Told:
    """Came in by Vidu's words."""
    text = prompt("over a harbour")
    submitted = alice.vidu_submitted(
        "text2video", model="viduq2", prompt=text, duration=4, resolution="720p", payload="order 17"
    )
    vidu = alice.vidu_ended(submitted["task_id"], within=600)
    return Told(text, submitted, alice.task(submitted["task_id"]), vidu)


@pytest.fixture(scope="module")
def by_reelkeep(alice: Client, prompt: Prompt, mailbox: Mailbox, interested: Mailbox) -> Told:
    """Came in by Reelkeep's own words."""
    text = prompt("on a cliff")
    answer = alice.submit(
        text, model="viduq2", duration=2, resolution="540p", aspect_ratio="9:16", payload="order 18"
    )
    assert answer.status_code == 201, answer.text
    submitted = answer.json()
    assert answer.headers["location"] == f"{alice.http.base_url.path}tasks/{submitted['id']}"
    task = alice.succeeded(submitted["id"], within=600)
    return Told(text, submitted, task, alice.vidu_task(task["id"]))


def test_a_submission_in_vidus_words_is_answered_in_them(by_vidu: Told) -> None:
    said = by_vidu.submitted
    assert said == said | {
        "task_id": by_vidu.id,
        "type": "text2video",
        "model": "viduq2",
        "prompt": by_vidu.prompt,
        "images": [],
        "duration": 4,
        "resolution": "720p",
        "payload": "order 17",
        "off_peak": False,
    }
    assert said["state"] in ("created", "queueing")
    assert datetime.fromisoformat(said["created_at"]).tzinfo is not None


def test_its_end_is_sent_in_vidus_words(by_vidu: Told) -> None:
    (creation,) = by_vidu.vidu["creations"]
    assert by_vidu.vidu == {
        "id": by_vidu.id,
        "state": "success",
        "err_code": "",
        "credits": by_vidu.task["credits"],
        "payload": "order 17",
        "bgm": False,
        "off_peak": False,
        "creations": [creation],
    }
    assert creation["video"] == {"duration": 4.0, "fps": 24, "resolution": {"width": 1280, "height": 720}}


def test_a_submission_in_our_own_words_is_answered_in_them(by_reelkeep: Told) -> None:
    said, task = by_reelkeep.submitted, by_reelkeep.task
    assert said["creations"] == []
    for shown in (said, task):
        assert shown == shown | {
            "kind": "text2video",
            "model": "viduq2",
            "prompt": by_reelkeep.prompt,
            "duration": 2,
            "resolution": "540p",
            "aspect_ratio": "9:16",
            "payload": "order 18",
            "failure": None,
        }
    (creation,) = task["creations"]
    size = {"width": 540, "height": 960}
    assert creation["video"] == {"duration": 2.0, "fps": 24.0, "codec": "h264", "sound": False, **size}
    assert task["differs"] == []
    assert task["created_at"] < task["finished_at"] < task["deadline"]


def test_either_way_a_task_can_be_read_in_the_other_words(by_vidu: Told, by_reelkeep: Told) -> None:
    for told in (by_vidu, by_reelkeep):
        (native,), (vidu,) = told.task["creations"], told.vidu["creations"]
        assert (told.task["state"], told.vidu["state"]) == ("success", "success")
        assert (native["id"], native["url"], native["cover_url"]) == (vidu["id"], vidu["url"], vidu["cover_url"])


def test_what_is_archived_is_what_the_manifest_and_the_api_say(
    archive: Archive, by_vidu: Told, by_reelkeep: Told
) -> None:
    for told, size in ((by_vidu, (1280, 720)), (by_reelkeep, (540, 960))):
        files = archive.verified(told.task)
        assert archive.names(told.id) == ["1-cover.jpeg", "1-moderation-1.mp4", "1-video.mp4", "manifest.json"]
        film = decoded(files["video"])
        assert (film.width, film.height) == size
        assert film.frames == 24 * told.task["duration"]
        assert files["cover"].startswith(b"\xff\xd8\xff")
        assert archive.manifest(told.id)["request"]["prompt"] == told.prompt


def test_a_permanent_link_leads_to_a_video_that_plays_and_asks_for_no_key(
    anyone: httpx.Client, archive: Archive, by_vidu: Told
) -> None:
    redirect = anyone.get(by_vidu.link, follow_redirects=False)
    assert redirect.status_code == 302
    assert "X-Amz-Signature=" in redirect.headers["location"]
    whole = anyone.get(by_vidu.link)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    assert decoded(whole.content) == (96, 1280, 720, 4.0)
    assert whole.content == archive.verified(by_vidu.task)["video"]


def test_a_player_can_seek(anyone: httpx.Client, by_vidu: Told) -> None:
    whole = anyone.get(by_vidu.link).content
    middle = len(whole) // 2
    part = anyone.get(by_vidu.link, headers={"range": f"bytes={middle}-{middle + 99}"})
    assert (part.status_code, part.content) == (206, whole[middle : middle + 100])
    assert part.headers["content-range"] == f"bytes {middle}-{middle + 99}/{len(whole)}"
    end = anyone.get(by_vidu.link, headers={"range": "bytes=-7"})
    assert (end.status_code, end.content) == (206, whole[-7:])
    assert anyone.get(by_vidu.link, headers={"range": f"bytes={len(whole)}-"}).status_code == 416


def test_a_head_request_is_answered_with_the_size_and_the_type(anyone: httpx.Client, by_vidu: Told) -> None:
    head = anyone.head(by_vidu.link)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "video/mp4"
    assert int(head.headers["content-length"]) == len(anyone.get(by_vidu.link).content)


def test_every_other_file_has_a_link_too(anyone: httpx.Client, archive: Archive, by_vidu: Told) -> None:
    kept = archive.verified(by_vidu.task)
    files = by_vidu.task["creations"][0]["files"]
    assert {file["name"] for file in files} == {"video", "cover", "moderation-1"}
    for file in files:
        answer = anyone.get(file["url"])
        assert (answer.headers["content-type"], answer.content) == (file["content_type"], kept[file["name"]])


def test_a_link_that_was_tampered_with_leads_nowhere(anyone: httpx.Client, by_vidu: Told, by_reelkeep: Told) -> None:
    base, _, path = by_vidu.link.partition("/files/")
    token, task_id, file = path.split("/")
    for wrong in (
        f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}/{task_id}/{file}",
        f"{token}/{by_reelkeep.id}/{file}",
        f"{token}/{task_id}/manifest.json",
        f"{token}/{task_id}/../{task_id}/{file}x",
        f"{token}/{task_id}",
        f"/{task_id}/{file}",
        f"%00/{task_id}/{file}",
    ):
        answer = anyone.get(f"{base}/files/{wrong}", follow_redirects=False)
        assert (answer.status_code, "location" in answer.headers) == (404, False), wrong
        assert answer.headers["content-type"] == "application/problem+json"


def test_one_notice_announces_it_with_what_a_subscriber_may_know(
    mailbox: Mailbox, alice: Client, by_vidu: Told, by_reelkeep: Told
) -> None:
    for told in (by_vidu, by_reelkeep):
        notice = mailbox.of(told.id)
        event = notice.event
        assert event == {
            "specversion": "1.0",
            "id": f"{told.id}.success",
            "source": "/reelkeep",
            "type": "reelkeep.task.success",
            "subject": told.id,
            "time": event["time"],
            "datacontenttype": "application/json",
            "data": event["data"],
        }
        assert datetime.fromisoformat(event["time"]).tzinfo is not None
        assert notice.attributes == {
            "type": "reelkeep.task.success",
            "owner": alice.owner,
            "owner_state": f"{alice.owner}#success",
            "provider": told.task["provider"],
            "model": "viduq2",
            "kind": "text2video",
            "state": "success",
        }
        (creation,) = event["data"]["creations"]
        assert {name: file["url"] for name, file in creation["files"].items()} == {
            file["name"]: file["url"] for file in told.task["creations"][0]["files"]
        }
        for secret in (told.prompt, "order 1", "X-Amz-", alice.key):
            assert secret not in notice.text


def test_a_subscriber_gets_only_what_it_asked_for(
    interested: Mailbox,
    mailbox: Mailbox,
    bob: Client,
    alice: Client,
    prompt: Prompt,
    by_vidu: Told,
    simulator: object,
) -> None:
    failing = alice.submitted(prompt("that nobody may see", "[fail:CreationPolicyViolation]"))
    foreign = bob.submitted(prompt("of somebody else"))
    later = alice.submitted(prompt("that comes last"))
    mailbox.await_all([failing, foreign, later])
    interested.of(later)
    subjects = [notice.event["subject"] for notice in interested.notices]
    assert {by_vidu.id, later} <= set(subjects)
    assert not {failing, foreign} & set(subjects)


def test_the_documentation_is_there_for_everybody(anyone: httpx.Client, stack: Stack) -> None:
    document = anyone.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {server["url"] for server in document["servers"]} == {stack.api_url}
    for path in ("/tasks", "/tasks/{task_id}", "/ent/v2/text2video", "/ent/v2/tasks/{task_id}/creations"):
        assert path in document["paths"]
    page = anyone.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for part in ("swagger-ui.js", "swagger-ui.css", "page.js"):
        assert f"/docs/{part}" in page.text
        assert anyone.get(f"/docs/{part}").status_code == 200


def test_what_the_tasks_cost_is_summed_for_their_owner(new_client: NewClient, prompt: Prompt) -> None:
    payer = new_client("payer")
    cost = payer.succeeded(payer.submitted(prompt("that is paid for")))["cost"]
    assert (cost["phase"], cost["unit"], cost["amount"]) == ("charged", "credits", None)

    def charged() -> int:
        rows = payer.http.get("usage", params={"by": "provider"}).raise_for_status().json()["rows"]
        return sum(int(row["units_charged"]) for row in rows if row["unit"] == "credits")

    assert until(lambda: charged() == int(cost["units"]), what=f"{cost['units']} credits in the ledger")
