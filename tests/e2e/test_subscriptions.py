"""A subscription through the API gets events of its owner's tasks, and of those that its filter describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.e2e.client import Client, shown
from tests.e2e.conftest import Aws, NewClient, Prompt
from tests.e2e.local_cloud import LocalCloud
from tests.e2e.mailbox import Mailbox, addressed
from tests.waiting import until

Box = tuple[Mailbox, str]


@pytest.fixture(scope="module")
def alice(new_client: NewClient) -> Client:
    """Nobody of whom other tests know: whoever subscribes to everything is told of what they left, too."""
    return new_client("sue")


@pytest.fixture(scope="module")
def bob(new_client: NewClient) -> Client:
    return new_client("tom")


@pytest.fixture
def boxes(stack: Stack, aws: Aws) -> Iterator[list[Box]]:
    with ExitStack() as opened:
        yield [opened.enter_context(addressed(aws("sqs"), stack.topic_arn)) for _ in range(3)]


def subscribe(client: Client, endpoint: str, protocol: str = "sqs", **wanted: Any) -> dict[str, Any]:
    answer = client.http.post("/subscriptions", json={"protocol": protocol, "endpoint": endpoint, "filter": wanted})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert shown(client.http.get(str(answer.url.join(answer.headers["location"])))) == made
    return made


def told(box: Box) -> set[str]:
    box[0].empty()
    return {notice.event["subject"] for notice in box[0].notices}


def test_each_owner_gets_events_of_its_own_tasks_and_only_of_those_that_its_filter_describes(
    alice: Client, bob: Client, prompt: Prompt, boxes: list[Box]
) -> None:
    everything, tagged, bobs = boxes
    made = [
        subscribe(alice, everything[1]),
        subscribe(alice, tagged[1], states=["success"], models=["viduq*"], tags=["campaign-7"]),
    ]
    others = subscribe(bob, bobs[1], tags=["campaign-7"])
    assert [each["status"] for each in [*made, others]] == ["active"] * 3

    plain = alice.submitted(prompt("without a tag"))
    mine = alice.submitted(prompt("with one"), tags=["campaign-7"])
    body = {"model": "viduq2", "prompt": prompt("in vidu's words"), "duration": 1, "resolution": "540p"}
    answer = alice.http.post("/ent/v2/text2video", json=body, headers={"reelkeep-tags": "summer, campaign-7"})
    vidus = str(shown(answer)["task_id"])
    theirs = bob.submitted(prompt("of bob's"), tags=["campaign-7"])
    for client, task in ((alice, plain), (alice, mine), (alice, vidus), (bob, theirs)):
        client.ended(task)
    assert alice.task(vidus)["tags"] == ["summer", "campaign-7"]

    until(lambda: told(everything) >= {plain, mine, vidus}, what="alice's notices")
    until(lambda: told(bobs) == {theirs}, what="bob's notice")
    assert told(everything) == {plain, mine, vidus}
    assert told(tagged) == {mine, vidus}
    assert told(bobs) == {theirs}
    [notice] = [each for each in tagged[0].notices if each.event["subject"] == vidus]
    assert notice.event["data"]["tags"] == ["summer", "campaign-7"]

    path = f"/subscriptions/{made[0]['id']}"
    assert shown(alice.http.patch(path, json={"active": False}))["status"] == "paused"
    for method in ("GET", "PATCH", "DELETE"):
        assert bob.http.request(method, path, json={}).status_code == 404
    assert others["id"] not in [each["id"] for each in shown(alice.http.get("/subscriptions"))["subscriptions"]]
    for _ in range(2):
        for each in made:
            assert alice.http.delete(f"/subscriptions/{each['id']}").status_code == 204
    assert bob.http.delete(f"/subscriptions/{others['id']}").status_code == 204
    assert alice.http.get(path).status_code == 404


@pytest.fixture
def listener(local_cloud: LocalCloud | None) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address, and what is posted there."""
    if local_cloud is None:
        pytest.skip("a deployed stack cannot reach this machine")
    posted: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/notices", posted
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_is_pending_until_it_confirms_and_gets_events_then(
    alice: Client, prompt: Prompt, listener: tuple[str, list[dict[str, Any]]]
) -> None:
    address, posted = listener
    made = subscribe(alice, address, protocol="https", tags=["to-the-listener"])
    path = f"/subscriptions/{made['id']}"
    assert made["status"] == "pending"
    until(lambda: posted, what="the request to confirm", within=120)
    httpx.get(posted[0]["SubscribeURL"], trust_env=False).raise_for_status()
    assert shown(alice.http.get("/subscriptions"))["subscriptions"] == [{**made, "status": "active"}]
    task = alice.submitted(prompt("for the listener"), tags=["to-the-listener"])
    alice.ended(task)
    until(lambda: len(posted) > 1, what="the notice", within=120)
    assert json.loads(posted[1]["Message"])["subject"] == task
    assert alice.http.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"protocol": "lambda", "endpoint": "arn:aws:lambda:us-east-1:000000000000:function:f"}, "protocol"),
        ({"protocol": "sqs", "endpoint": "arn:aws:sqs:mars-north-1:000000000000:q"}, "endpoint"),
        ({"protocol": "https", "endpoint": "https://nowhere.invalid/"}, "endpoint"),
        ({"protocol": "email", "endpoint": "a@b.test", "filter": {"owner": ["bob"]}}, "filter.owner"),
        (
            {"protocol": "email", "endpoint": "a@b.test", "filter": {"tags": [f"t{n}" for n in range(151)]}},
            "filter.tags",
        ),
        ({"protocol": "email", "endpoint": "a@b.test", "filter": {"models": ["*"]}}, "filter.models[0]"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_is_subscribed(
    bob: Client, body: dict[str, Any], field: str
) -> None:
    answer = bob.http.post("/subscriptions", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert shown(bob.http.get("/subscriptions")) == {"subscriptions": []}


def test_the_events_are_described_to_anyone(anyone: httpx.Client) -> None:
    described = shown(anyone.get("/asyncapi.json"))
    assert described["asyncapi"] == "3.0.0"
    assert "task-success" in described["channels"]["notices"]["messages"]
