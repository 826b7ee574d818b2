"""Keys: who may come in, in which words the others are sent away, and what the operator's command does."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import admin

UNKNOWN = "rk_" + "x" * 43
REFUSED = {
    "none": {},
    "unknown": {"authorization": f"Token {UNKNOWN}"},
    "not ours": {"authorization": "Bearer sk-1234"},
    "without a scheme": {"authorization": UNKNOWN},
    "of another scheme": {"authorization": "Basic dXNlcjpwYXNz"},
    "empty": {"authorization": "Token"},
    "unknown, in a header of its own": {"x-api-key": UNKNOWN},
    "odd": {"authorization": "Token \u00fc\u00df".encode()},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ent/v2/tasks"),
        ("GET", "/ent/v2/tasks/1/creations"),
        ("POST", "/ent/v2/text2video"),
        ("POST", "/ent/v2/tasks/1/cancel"),
        ("GET", "/ent/v2/nowhere"),
    ],
)
def test_without_a_good_key_vidus_clients_get_vidus_401(
    method: str, path: str, headers: dict[str, Any], anyone: httpx.Client
) -> None:
    answer = anyone.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert answer.status_code == 401
    body = answer.json()
    assert (body["code"], body["reason"], body.keys()) == (
        401,
        "Unauthorized",
        {"code", "reason", "message", "metadata"},
    )
    assert UNKNOWN not in answer.text


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/tasks"), ("GET", "/tasks/1"), ("POST", "/tasks"), ("POST", "/tasks/1/cancel")]
)
def test_without_a_good_key_everybody_else_gets_problem_details(
    method: str, path: str, headers: dict[str, Any], anyone: httpx.Client
) -> None:
    answer = anyone.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.json()["status"] == 401
    assert answer.json()["type"] == f"{anyone.base_url.path}docs#problem-unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert UNKNOWN not in answer.text


@pytest.mark.parametrize("form", ["authorization: Token {}", "authorization: Bearer {}", "x-api-key: {}"])
@pytest.mark.parametrize("path", ["/tasks", "/ent/v2/tasks"])
def test_a_key_may_come_in_any_of_three_ways(form: str, path: str, anyone: httpx.Client, alice: Client) -> None:
    name, _, value = form.partition(": ")
    assert anyone.get(path, headers={name: value.format(alice.key)}).status_code == 200


def test_a_key_can_be_made_listed_and_revoked(stack: Stack, anyone: httpx.Client, bob: Client) -> None:
    made = json.loads(admin(stack, "keys", "create", "--owner", bob.owner, "--name", "for a day", "--json"))
    try:
        headers = {"authorization": f"Token {made['key']}"}
        assert anyone.get("/tasks", headers=headers).status_code == 200
        listed = json.loads(admin(stack, "keys", "list", "--owner", bob.owner, "--json"))
        (found,) = (key for key in listed if key["key_id"] == made["key_id"])
        assert (found["owner"], found["name"], found["revoked_at"]) == (bob.owner, "for a day", None)
        assert made["key"] not in json.dumps(listed)
    finally:
        admin(stack, "keys", "revoke", made["key_id"])
    assert anyone.get("/tasks", headers=headers).status_code == 401
    assert anyone.post("/tasks", headers=headers, json={}).status_code == 401
    assert bob.http.get("/tasks").status_code == 200


def test_a_key_is_kept_as_a_hash_only(stack: Stack, aws: Any, alice: Client, bob: Client) -> None:
    pages = (
        aws("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=stack.table,
            KeyConditionExpression="pk = :keys",
            ExpressionAttributeValues={":keys": {"S": "keys"}},
        )
    )
    kept = json.dumps([item for page in pages for item in page["Items"]])
    assert alice.owner in kept
    for key in (alice.key, bob.key):
        assert key not in kept
