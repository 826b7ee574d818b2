"""Subscriptions as clients of the native API see them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.domain.errors import Conflict, LimitReached, NotFound
from reelkeep.domain.notices.subscription import (
    Channel,
    Filter,
    Status,
    Subscription,
    SubscriptionRequest,
    SubscriptionUpdate,
    SubscriptionView,
)
from reelkeep.domain.task import Kind, State
from reelkeep.ports.owners import Caller
from tests.fakes.owners import FakeKeys

ALICE = Caller("alice", "key-1")
MADE = Subscription(
    id="1" * 32,
    owner="alice",
    protocol=Channel.EMAIL,
    endpoint="alice@example.com",
    filter=Filter(states=(State.FAILED,), tags=("a",)),
    created_at=datetime(2026, 11, 21, 12, tzinfo=UTC),
    updated_at=datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC),
)
BODY = {
    "id": "1" * 32,
    "protocol": "email",
    "endpoint": "alice@example.com",
    "filter": {"states": ["failed"], "tags": ["a"]},
    "active": True,
    "status": "pending",
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:01Z",
}
EMAIL = {"protocol": "email", "endpoint": "alice@example.com"}
PATH = "/subscriptions/" + "1" * 32


def event(method: str, path: str, body: object = None) -> dict[str, Any]:
    return {
        "rawPath": path,
        "headers": {"authorization": "Token rk_alice"},
        "requestContext": {"requestId": "request-1", "http": {"method": method}},
        "body": json.dumps(body),
    }


class Desk:
    """Notes what is asked of each service."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, Caller]] = []
        self.fault: Exception | None = None
        names = ("subscribe", "show_subscription", "change_subscription", "unsubscribe")
        services = {name: self.serve(name) for name in names} | {"list_subscriptions": self.serve("list", many=True)}
        self.api = Api(keys=FakeKeys({"rk_alice": ALICE}), logger=Logger(service="test"), services=services)

    def serve(self, name: str, *, many: bool = False) -> Any:
        def service(asked: Any, caller: Caller) -> Any:
            self.asked.append((name, asked, caller))
            if self.fault:
                raise self.fault
            shown = SubscriptionView(MADE, Status.PENDING)
            return [shown] if many else shown

        return service

    def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        response = self.api.handle(event(method, path, body))
        return response["statusCode"], json.loads(response["body"] or "null")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_subscription_is_made_and_shown_with_its_address(desk: Desk) -> None:
    response = desk.api.handle(event("POST", "/subscriptions", EMAIL))
    assert (response["statusCode"], json.loads(response["body"])) == (201, BODY)
    assert response["headers"]["location"] == PATH
    assert desk.asked == [("subscribe", SubscriptionRequest(Channel.EMAIL, "alice@example.com", Filter()), ALICE)]


def test_every_field_of_a_filter_arrives_and_each_value_once(desk: Desk) -> None:
    wanted = {
        "states": ["success", "failed", "success"],
        "providers": ["vidu"],
        "models": ["viduq2*"],
        "kinds": ["text2video"],
        "tags": ["campaign-7"],
    }
    assert desk("POST", "/subscriptions", {**EMAIL, "filter": wanted})[0] == 201
    assert desk.asked[0][1].filter == Filter(
        states=(State.SUCCESS, State.FAILED),
        providers=("vidu",),
        models=("viduq2*",),
        kinds=(Kind.TEXT2VIDEO,),
        tags=("campaign-7",),
    )


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["protocol", "endpoint"]),
        ({**EMAIL, "protocol": "sms"}, ["protocol"]),
        ({**EMAIL, "endpoint": ""}, ["endpoint"]),
        ({**EMAIL, "endpoint": 7}, ["endpoint"]),
        ({**EMAIL, "owner": "bob"}, ["owner"]),
        ({**EMAIL, "filter": {"owner": ["bob"]}}, ["filter.owner"]),
        ({**EMAIL, "filter": {"types": ["reelkeep.task.lost"]}}, ["filter.types"]),
        ({**EMAIL, "filter": {"states": ["processing"]}}, ["filter.states[0]"]),
        ({**EMAIL, "filter": {"states": []}}, ["filter.states"]),
        ({**EMAIL, "filter": {"kinds": ["text2song"]}}, ["filter.kinds[0]"]),
        ({**EMAIL, "filter": {"tags": ["a b"]}}, ["filter.tags[0]"]),
        ({**EMAIL, "filter": {"models": "viduq2"}}, ["filter.models"]),
        ({**EMAIL, "filter": {"models": None}}, ["filter.models"]),
        ({**EMAIL, "filter": None}, ["filter"]),
        ({**EMAIL, "filter": []}, ["filter"]),
    ],
)
def test_what_is_wrong_is_named_field_by_field(desk: Desk, body: object, fields: list[str]) -> None:
    status, problem = desk("POST", "/subscriptions", body)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, fields)
    assert desk.asked == []


def test_a_choice_of_words_is_said(desk: Desk) -> None:
    wanted = {**EMAIL, "protocol": "sms", "filter": {"states": ["processing"]}}
    errors = desk("POST", "/subscriptions", wanted)[1]["errors"]
    assert [error["message"] for error in errors] == [
        "must be one of https, sqs, email, lambda",
        "must be one of success, failed, cancelled, expired, differs, budget",
    ]


def test_subscriptions_are_listed_and_shown(desk: Desk) -> None:
    assert desk("GET", "/subscriptions") == (200, {"subscriptions": [BODY]})
    assert desk("GET", PATH) == (200, BODY)
    assert desk.asked == [("list", None, ALICE), ("show_subscription", "1" * 32, ALICE)]


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ({"active": False}, SubscriptionUpdate("1" * 32, active=False)),
        ({"filter": {}}, SubscriptionUpdate("1" * 32, filter=Filter())),
        (
            {"filter": {"tags": ["a"]}, "active": True},
            SubscriptionUpdate("1" * 32, filter=Filter(tags=("a",)), active=True),
        ),
    ],
)
def test_what_is_changed_is_what_is_sent(desk: Desk, body: object, change: SubscriptionUpdate) -> None:
    assert desk("PATCH", PATH, body) == (200, BODY)
    assert desk.asked == [("change_subscription", change, ALICE)]


@pytest.mark.parametrize("body", [{"endpoint": "b@c.test"}, {"active": "no"}, {"active": None}, {"status": "active"}])
def test_nothing_else_can_be_changed(desk: Desk, body: dict[str, object]) -> None:
    status, problem = desk("PATCH", PATH, body)
    assert (status, [error["field"] for error in problem["errors"]]) == (400, list(body))
    assert desk.asked == []


def test_an_ended_subscription_is_answered_with_nothing(desk: Desk) -> None:
    assert desk("DELETE", PATH) == (204, None)
    assert desk.asked == [("unsubscribe", "1" * 32, ALICE)]


@pytest.mark.parametrize(
    ("fault", "status", "kind", "errors"),
    [
        (NotFound("there is no subscription 7"), 404, "not-found", None),
        (
            Conflict("this endpoint is subscribed already", field="endpoint"),
            409,
            "conflict",
            [{"field": "endpoint", "message": "this endpoint is subscribed already"}],
        ),
        (LimitReached("there are 20"), 403, "limit-reached", None),
    ],
)
def test_what_cannot_be_done_is_a_problem_of_its_own(
    desk: Desk, fault: Exception, status: int, kind: str, errors: object
) -> None:
    desk.fault = fault
    answered, problem = desk("POST", "/subscriptions", EMAIL)
    assert (answered, problem["type"], problem.get("errors")) == (status, f"/docs#problem-{kind}", errors)
