"""Webhooks get every change by HTTP: in the body that they ask for, signed, and repeated until they accept it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from local.listener import Listener, Message, listening
from local.stack import Stack
from tests.e2e.client import SMALL, Client, Json, shown
from tests.e2e.conftest import Prompt
from tests.e2e.simulator import Simulator
from tests.waiting import until

SECONDS = 300.0
ALL = ["processing", "archiving", "success", "failed", "cancelled", "expired"]


@pytest.fixture
def listener(stack: Stack) -> Iterator[Listener]:
    if not stack.aws_endpoint_url:
        pytest.skip("a deployed stack does not reach a listener on this machine")
    with listening() as listener:
        yield listener


@contextmanager
def webhook(client: Client, url: str, **wish: Any) -> Iterator[Json]:
    answer = client.http.post("/webhooks", json={"url": url, **wish})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    try:
        yield made
    finally:
        assert client.http.delete(f"/webhooks/{made['id']}").status_code == 204


def heard(listener: Listener) -> Message:
    message = listener.next(SECONDS)
    assert message is not None, "nothing came"
    return message


def heard_all(listener: Listener, last: str) -> list[Message]:
    """Up to the message that says this."""
    messages = [heard(listener)]
    while last not in messages[-1].body.decode():
        messages.append(heard(listener))
    return messages


def verified(message: Message, secret: str) -> Any:
    return Verifier(secret).verify(message.body, dict(message.headers))


def delivered(client: Client, webhook_id: str, count: int) -> list[Json]:
    def look() -> list[Json] | None:
        listed = shown(client.http.get(f"/webhooks/{webhook_id}/deliveries"))["deliveries"]
        arrived = [each for each in listed if each["outcome"] == "delivered"]
        return arrived if len(arrived) >= count else None

    return until(look, what="the deliveries to be recorded")


def test_a_webhook_gets_every_change_of_its_owners_tasks_in_order_and_no_other(
    alice: Client, bob: Client, listener: Listener, prompt: Prompt, simulator: Simulator
) -> None:
    with (
        webhook(alice, f"{listener.url}/alice", events=ALL) as hers,
        webhook(bob, f"{listener.url}/bob", events=ALL),
    ):
        task_id = alice.submitted(prompt("told of"))
        messages = heard_all(listener, "reelkeep.task.success")
        assert {message.path for message in messages} == {"/alice"}
        events = [verified(message, hers["secret"]) for message in messages]
        states = [event["data"]["state"] for event in events]
        assert states == [state for state in ALL if state in states]
        assert {"archiving", "success"} <= set(states)
        assert {event["subject"] for event in events} == {task_id}
        task = alice.task(task_id)
        assert task["state"] == "success"
        assert events[-1]["data"]["creations"][0]["files"]["video"]["url"] == task["creations"][0]["url"]
        listed = delivered(alice, hers["id"], len(states))
        assert [each["event"] for each in listed] == states[::-1]
        assert {each["id"] for each in listed} == {message.headers["webhook-id"] for message in messages}
        assert bob.http.get(f"/webhooks/{hers['id']}").status_code == 404


def test_a_callback_comes_in_the_words_of_the_submission(
    alice: Client, listener: Listener, prompt: Prompt, simulator: Simulator
) -> None:
    secret = shown(alice.http.post("/webhooks/callbacks/rotate"))["secret"]
    url = f"{listener.url}/callback"

    vidu = alice.vidu_submitted("text2video", **SMALL, prompt=prompt("Vidu's"), payload="order 19", callback_url=url)
    message = heard_all(listener, '"success"')[-1]
    assert verified(message, secret) == alice.vidu_task(vidu["task_id"])
    assert message.headers["x-hmac-access-key"] == "vidu"

    text = f"{prompt('Ark')} --rs 540p --dur 1"
    body = {"model": SMALL["model"], "content": [{"type": "text", "text": text}], "callback_url": url}
    ark = shown(alice.http.post("/api/v3/contents/generations/tasks", json=body))
    message = heard_all(listener, '"succeeded"')[-1]
    assert verified(message, secret) == shown(alice.http.get(f"/api/v3/contents/generations/tasks/{ark['id']}"))
    assert "x-hmac-signature" not in message.headers

    native = alice.submitted(prompt("our own"), callback_url=url)
    message = heard_all(listener, '"success"')[-1]
    told = verified(message, secret)
    assert (told["id"], told["state"], told["creations"]) == (native, "success", alice.task(native)["creations"])
    assert {each["task_id"] for each in delivered(alice, "callbacks", 3)} >= {vidu["task_id"], ark["id"], native}


def test_a_message_that_was_not_taken_comes_again_under_the_same_id(
    alice: Client, listener: Listener, prompt: Prompt, simulator: Simulator
) -> None:
    listener.refusals = 1
    with webhook(alice, f"{listener.url}/moody") as made:
        answer = alice.http.post(f"/webhooks/{made['id']}/test")
        assert answer.status_code == 202, answer.text
        first, second = heard(listener), heard(listener)
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == answer.json()["id"]
        assert first.body == second.body
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 4
        assert verified(second, made["secret"])["type"] == "reelkeep.webhook.test"
        (delivery,) = delivered(alice, made["id"], 1)
        assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 204]


def test_after_a_rotation_both_secrets_sign_and_what_was_sent_can_be_sent_again(
    alice: Client, listener: Listener
) -> None:
    with webhook(alice, f"{listener.url}/rotated") as made:
        path = f"/webhooks/{made['id']}"
        assert alice.http.post(f"{path}/test").status_code == 202
        first = heard(listener)
        verified(first, made["secret"])
        newer = shown(alice.http.post(f"{path}/rotate"))["secret"]
        (delivery,) = delivered(alice, made["id"], 1)
        with pytest.raises(WebhookVerificationError):
            verified(first, newer)
        assert alice.http.post(f"{path}/deliveries/{delivery['id']}/replay").status_code == 202
        again = heard(listener)
        assert again.headers["webhook-id"] == first.headers["webhook-id"]
        assert verified(again, newer) == verified(again, made["secret"]) == json.loads(first.body)
        assert made["secret"] not in alice.http.get(path).text + alice.http.get(f"{path}/deliveries").text


def test_an_address_that_leads_nowhere_is_refused_by_its_field_in_any_words(alice: Client, prompt: Prompt) -> None:
    nowhere = "https://nowhere.invalid/hook"
    refused = alice.http.post("/webhooks", json={"url": nowhere})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "url")
    refused = alice.submit(prompt("to nobody"), callback_url=nowhere)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "callback_url")
    refused = alice.vidu_submit("text2video", **SMALL, prompt=prompt("to nobody"), callback_url=nowhere)
    assert (refused.status_code, refused.json()["reason"]) == (400, "FieldInvalid")
    assert "callback_url" in refused.text
