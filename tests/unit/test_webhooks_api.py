"""Webhooks through the HTTP API: what is asked, what is answered, and what is never shown again."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.domain.notices.webhooks import CALLBACKS
from reelkeep.domain.task import State
from tests.fakes.owners import FakeKeys
from tests.unit.api_harness import event
from tests.unit.services.harness import ALICE, MALLORY
from tests.unit.services.webhook_harness import WebhookHarness, task

URL = "https://example.com/hooks/reelkeep"
VERBS = {
    "create_webhook": "create",
    "list_webhooks": "list",
    "show_webhook": "show",
    "change_webhook": "change",
    "delete_webhook": "delete",
    "rotate_webhook_secret": "rotate",
    "send_test_event": "test",
    "list_deliveries": "list_deliveries",
    "show_delivery": "show_delivery",
    "replay_delivery": "replay",
}


class Client:
    def __init__(self) -> None:
        self.harness = WebhookHarness()
        self.harness.receivers[URL] = lambda _: (204, 0.1)
        self.api = Api(
            keys=FakeKeys({"rk_alice": ALICE, "rk_mallory": MALLORY}),
            logger=Logger(service="test"),
            services={name: partial(self.harness.manage, verb) for name, verb in VERBS.items()},
        )

    def __call__(self, method: str, path: str, body: object = None, query: str = "", **headers: str) -> Any:
        response = self.api.handle(event(method, path, body, query, **headers))
        self.headers = response["headers"]
        return response["statusCode"], json.loads(response["body"]) if response["body"] else None


@pytest.fixture
def call() -> Client:
    return Client()


def test_a_webhook_is_created_with_a_secret_that_is_never_shown_again(call: Client) -> None:
    status, made = call("POST", "/webhooks", {"url": URL})
    secret = made.pop("secret")
    assert (status, call.headers["location"]) == (201, f"/webhooks/{made['id']}")
    assert secret.startswith("whsec_")
    assert made == {
        "id": made["id"],
        "url": URL,
        "events": ["success", "failed", "cancelled", "expired"],
        "body": "event",
        "description": "",
        "active": True,
        "paused_because": None,
        "created_at": "2026-11-21T12:00:00Z",
        "rotated_at": None,
        "failing_since": None,
    }
    assert call("GET", f"/webhooks/{made['id']}") == (200, made)
    assert call("GET", "/webhooks") == (200, {"webhooks": [made]})
    assert secret not in repr(call.harness.webhooks) + repr(call.harness.deliveries)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "me"}, "url"),
        ({"url": None}, "url"),
        ({"url": f"https://example.com/{'x' * 2048}"}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["created"]}, "events"),
        ({"url": URL, "events": ["success", "success"]}, "events"),
        ({"url": URL, "events": "success"}, "events"),
        ({"url": URL, "events": [["success"]]}, "events"),
        ({"url": URL, "body": "xml"}, "body"),
        ({"url": URL, "body": None}, "body"),
        ({"url": URL, "description": "x" * 257}, "description"),
        ({"url": URL, "active": "yes"}, "active"),
        ({"url": URL, "secret": "whsec_mine"}, "secret"),
        ({"url": "https://inside.test/"}, "url"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_nothing_recorded(
    call: Client, body: dict[str, Any], field: str
) -> None:
    call.harness.destinations.unreachable.add("https://inside.test/")
    status, problem = call("POST", "/webhooks", body)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, [field])
    assert call.harness.webhooks.recorded == {}
    webhook = call("POST", "/webhooks", {"url": URL})[1]["id"]
    if "url" in body:
        assert call("PATCH", f"/webhooks/{webhook}", body)[0] == 400


def test_everything_that_is_wrong_is_said_at_once_in_our_own_words(call: Client) -> None:
    wanted = {"url": "me", "events": ["created"], "body": "xml", "description": "x" * 257, "active": 1, "secret": "a"}
    errors = call("POST", "/webhooks", wanted)[1]["errors"]
    assert {error["field"]: error["message"] for error in errors} == {
        "url": "must be an http(s) URL",
        "events": "must have some of processing, archiving, success, failed, cancelled, expired, differs, budget,"
        " each once",
        "body": "must be one of event, dialect",
        "description": "must have at most 256 characters",
        "active": "must be true or false",
        "secret": "is not a field here",
    }


def test_an_address_may_be_written_in_capitals(call: Client) -> None:
    assert call("POST", "/webhooks", {"url": "HTTPS://example.com/hooks"})[0] == 201


def test_a_webhook_is_changed_paused_resumed_and_deleted(call: Client) -> None:
    path = f"/webhooks/{call('POST', '/webhooks', {'url': URL})[1]['id']}"
    status, changed = call("PATCH", path, {"events": ["processing"], "body": "dialect", "active": False})
    assert status == 200
    assert (changed["events"], changed["body"]) == (["processing"], "dialect")
    assert (changed["active"], changed["paused_because"]) == (False, "owner")
    assert call("PATCH", path, {"active": True})[1]["paused_because"] is None
    assert call("DELETE", path) == (204, None)
    assert call("GET", path)[0] == 404


def test_a_rotated_secret_is_another_one(call: Client) -> None:
    made = call("POST", "/webhooks", {"url": URL})[1]
    status, rotated = call("POST", f"/webhooks/{made['id']}/rotate")
    assert (status, rotated["rotated_at"]) == (200, "2026-11-21T12:00:00Z")
    assert rotated["secret"] != made["secret"]


def test_what_was_sent_can_be_read_and_sent_again(call: Client) -> None:
    path = f"/webhooks/{call('POST', '/webhooks', {'url': f'{URL}?token=abc'})[1]['id']}"
    call.harness.receivers[f"{URL}?token=abc"] = lambda _: (204, 0.1)
    status, tested = call("POST", f"{path}/test")
    assert (status, tested["event"], tested["outcome"]) == (202, "test", "waiting")
    call.harness.pass_(timedelta(seconds=1))
    status, shown = call("GET", f"{path}/deliveries/{tested['id']}")
    assert status == 200
    assert json.loads(shown["body"])["type"] == "reelkeep.webhook.test"
    assert shown["attempts"] == [
        {"at": shown["attempts"][0]["at"], "status": 204, "error": None, "milliseconds": 100}
    ]
    assert (shown["url"], shown["outcome"]) == (URL, "delivered")

    assert call("POST", f"{path}/deliveries/{tested['id']}/replay")[0] == 202
    call.harness.pass_(timedelta(seconds=1))
    assert [received.id for received in call.harness.received] == [tested["id"]] * 2
    status, listed = call("GET", f"{path}/deliveries")
    assert (status, listed["next_cursor"]) == (200, None)
    assert [(each["id"], len(each["attempts"])) for each in listed["deliveries"]] == [(tested["id"], 2)]
    assert "body" not in listed["deliveries"][0]


def test_deliveries_come_page_by_page(call: Client) -> None:
    path = f"/webhooks/{call('POST', '/webhooks', {'url': URL})[1]['id']}"
    made = {call("POST", f"{path}/test")[1]["id"] for _ in range(3)}
    first = call("GET", f"{path}/deliveries", query="limit=2")[1]
    second = call("GET", f"{path}/deliveries", query=f"limit=2&cursor={first['next_cursor']}")[1]
    assert {each["id"] for each in first["deliveries"] + second["deliveries"]} == made
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "field"), [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor"), ("state=x", "state")]
)
def test_a_listing_that_cannot_be_is_refused_by_its_parameter(call: Client, query: str, field: str) -> None:
    status, problem = call("GET", f"/webhooks/{CALLBACKS}/deliveries", query=query)
    assert (status, problem["errors"][0]["field"]) == (400, field)


def test_the_webhook_of_the_callbacks_gives_a_secret_and_a_log_and_nothing_else(call: Client) -> None:
    path = f"/webhooks/{CALLBACKS}"
    status, rotated = call("POST", f"{path}/rotate")
    assert (status, rotated["url"]) == (200, None)
    call.harness.change(task(callback_url=URL), State.SUCCESS)
    assert len(call("GET", f"{path}/deliveries")[1]["deliveries"]) == 1
    assert call("GET", "/webhooks") == (200, {"webhooks": []})
    assert call("PATCH", path, {"active": False})[0] == 405
    assert call("DELETE", path)[0] == 405
    assert call("POST", f"{path}/test")[0] == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
        ("GET", "/deliveries/{delivery}"),
        ("POST", "/deliveries/{delivery}/replay"),
    ],
)
def test_anothers_webhook_is_not_found(call: Client, method: str, path: str) -> None:
    webhook = call("POST", "/webhooks", {"url": URL})[1]["id"]
    delivery = call("POST", f"/webhooks/{webhook}/test")[1]["id"]
    body: dict[str, str] | None = {} if method == "PATCH" else None
    whole = f"/webhooks/{webhook}{path.format(delivery=delivery)}"
    assert call(method, whole, body, Authorization="Token rk_mallory")[0] == 404
    assert call(method, whole, body)[0] in (200, 202, 204)
