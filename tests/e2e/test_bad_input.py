"""Bad input: the documented answer in the client's own words, naming the field; nothing recorded, nothing started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from local.stack import Stack
from tests.e2e.client import SMALL, Client
from tests.e2e.conftest import Aws, NewClient, Prompt
from tests.e2e.simulator import Simulator

PICTURE: Final = "https://example.com/bird.png"
GOOD: Final = {**SMALL, "prompt": "an albatross that must never fly"}
NOBODYS: Final = "01a1fbf87eea85fc314e8a65f112deb7"


@pytest.fixture(scope="module")
def anothers(alice: Client, prompt: Prompt, simulator: Simulator) -> str:
    """A task of somebody else's."""
    return alice.submitted(prompt("of alice's alone", "[slow:0]"))


@pytest.fixture(scope="module")
def mallory(new_client: NewClient, stack: Stack, aws: Aws, simulator: Simulator, anothers: str) -> Iterator[Client]:
    """Someone who does everything wrong, and of whom nothing must be left."""
    before = executions(stack, aws)
    mallory = new_client("mallory")
    yield mallory
    assert (mallory.tasks(), mallory.vidu_ids()) == ([], [])
    assert simulator.tasks("must never fly") == []
    assert executions(stack, aws) == before


def executions(stack: Stack, aws: Aws) -> int:
    pages = aws("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=stack.state_machine_arn)
    return sum(len(page["executions"]) for page in pages)


# The last part of the path, the body, and what is said of it: the reason and the field.
VIDU_BODIES: Final[list[tuple[str, Any, str, str]]] = [
    ("text2video", {**GOOD, "model": None}, "FieldLacking", "model"),
    ("text2video", {**SMALL}, "FieldLacking", "prompt"),
    ("text2video", {**GOOD, "prompt": ""}, "FieldLacking", "prompt"),
    ("text2video", {**GOOD, "prompt": 7}, "FieldInvalid", "prompt"),
    ("text2video", {**GOOD, "prompt": "x" * 5001}, "FieldInvalid", "prompt"),
    ("text2video", {**GOOD, "duration": "4"}, "FieldInvalid", "duration"),
    ("text2video", {**GOOD, "duration": 0}, "FieldInvalid", "duration"),
    ("text2video", {**GOOD, "duration": 1.5}, "FieldInvalid", "duration"),
    ("text2video", {**GOOD, "seed": -1}, "FieldInvalid", "seed"),
    ("text2video", {**GOOD, "off_peak": "yes"}, "FieldInvalid", "off_peak"),
    ("text2video", {**GOOD, "aspect_ratio": "wide"}, "FieldInvalid", "aspect_ratio"),
    ("text2video", {**GOOD, "style": "baroque"}, "FieldInvalid", "style"),
    ("text2video", {**GOOD, "resolution": ["720p"]}, "FieldInvalid", "resolution"),
    ("text2video", {**GOOD, "payload": {"a": 1}}, "FieldInvalid", "payload"),
    ("text2video", {**GOOD, "payload": "x" * 1_048_577}, "FieldInvalid", "payload"),
    ("text2video", {**GOOD, "callback_url": "ftp://example.com"}, "FieldInvalid", "callback_url"),
    ("text2video", {**GOOD, "provider": "nobody"}, "FieldInvalid", "provider"),
    ("img2video", GOOD, "FieldLacking", "images"),
    ("img2video", {**GOOD, "images": [PICTURE] * 2}, "FieldItemCountOutOfRange", "images"),
    ("img2video", {**GOOD, "images": PICTURE}, "FieldInvalid", "images"),
    ("img2video", {**GOOD, "images": ["bird.png"]}, "FieldInvalid", "images"),
    ("img2video", {**GOOD, "images": ["file:///etc/passwd"]}, "FieldInvalid", "images"),
    ("start-end2video", {**GOOD, "images": [PICTURE]}, "FieldItemCountOutOfRange", "images"),
    ("reference2video", {**GOOD, "images": [PICTURE] * 101}, "FieldItemCountOutOfRange", "images"),
    ("reference2video", GOOD, "FieldLacking", "images"),
    ("template2video", {"images": [PICTURE]}, "FieldLacking", "template"),
    ("upscale-new", {}, "FieldLacking", "video_url"),
    ("lip-sync", {"video_url": "https://example.com/bird.mp4"}, "FieldLacking", "audio_url"),
    ("multiframe", {"model": "viduq2-turbo", "start_image": PICTURE}, "FieldLacking", "image_settings"),
]


@pytest.mark.parametrize(("kind", "body", "reason", "field"), VIDU_BODIES)
def test_a_wrong_field_is_named_in_vidus_words(
    kind: str, body: dict[str, Any], reason: str, field: str, mallory: Client
) -> None:
    refused(mallory.vidu_submit(kind, **body), 400, reason, field)


NOT_OBJECTS: Final = [b"", b"{", b"[]", b'"text2video"', b"null", b"\xff\xfe", b"[" * 100_000, b'{"model": NaN}']


@pytest.mark.parametrize("content", NOT_OBJECTS)
def test_what_is_no_json_object_is_refused_in_either_words(content: bytes, mallory: Client) -> None:
    headers = {"content-type": "application/json"}
    refused(mallory.http.post("/ent/v2/text2video", content=content, headers=headers), 400, "", "")
    problem(mallory.http.post("/tasks", content=content, headers=headers), 400, "invalid-request")


def test_a_body_over_the_limit_is_refused_in_either_words(mallory: Client) -> None:
    body = {**GOOD, "images": ["data:image/png;base64," + "A" * (6 << 20)]}
    refused(mallory.vidu_submit("img2video", **body), 413, "RequestEntityTooLarge", "")
    problem(mallory.http.post("/tasks", json={"kind": "img2video", **body}), 413, "body-too-large")


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("POST", "/ent/v2/text2movie", 404, "NotFound"),
        ("GET", "/ent/v2/credits", 404, "NotFound"),
        ("POST", "/ent/v2/tasks", 405, "MethodNotAllowed"),
        ("PUT", "/ent/v2/text2video", 405, "MethodNotAllowed"),
        ("GET", "/ent/v2/text2video", 405, "MethodNotAllowed"),
        ("DELETE", f"/ent/v2/tasks/{NOBODYS}/creations", 405, "MethodNotAllowed"),
        ("GET", f"/ent/v2/tasks/{NOBODYS}/creations", 404, "TaskNotFound"),
        ("GET", "/ent/v2/tasks/885000000000000001/creations", 404, "TaskNotFound"),
        ("GET", "/ent/v2/tasks/%2e%2e%2fkeys/creations", 404, "NotFound"),
        ("POST", f"/ent/v2/tasks/{NOBODYS}/cancel", 404, "TaskNotFound"),
    ],
)
def test_what_is_not_there_is_said_in_vidus_words(
    method: str, path: str, status: int, reason: str, mallory: Client
) -> None:
    body = GOOD if method in ("POST", "PUT") else None
    refused(mallory.http.request(method, path, json=body), status, reason, "")


@pytest.mark.parametrize(
    ("params", "reason", "field"),
    [
        ({"pager.pagesz": 101}, "PageSizeOutOfRange", "pager.pagesz"),
        ({"pager.pagesz": 0}, "PageSizeOutOfRange", "pager.pagesz"),
        ({"paper.pagesz": 101}, "PageSizeOutOfRange", "pagesz"),
        ({"pager.pagesz": "ten"}, "FieldInvalid", "pager.pagesz"),
        ({"pager.page": -1}, "FieldInvalid", "pager.page"),
        ({"pager.page": "9" * 30}, "FieldInvalid", "pager.page"),
        ({"pager.page_token": "abc"}, "FieldInvalid", "pager.page_token"),
        ({"pager.page_token": NOBODYS}, "FieldInvalid", "pager.page_token"),
        ({"pager.page_token": "\u00fc\x00"}, "FieldInvalid", "pager.page_token"),
        ({"states": "done"}, "FieldInvalid", "states"),
        ({"created_at.from": "yesterday"}, "FieldInvalid", "created_at.from"),
        (
            {"created_at.from": "2026-01-02T00:00:00Z", "created_at.to": "2026-01-01T00:00:00Z"},
            "FieldInvalid",
            "created_at.to",
        ),
        ({"model_versions": "x" * 300}, "FieldInvalid", "model_versions"),
    ],
)
def test_a_wrong_listing_is_refused_in_vidus_words(
    params: dict[str, Any], reason: str, field: str, mallory: Client
) -> None:
    refused(mallory.http.get("/ent/v2/tasks", params=params), 400, reason, field)


OURS: Final = {"kind": "text2video", **GOOD}

OUR_BODIES: Final[list[tuple[dict[str, Any], set[str]]]] = [
    (GOOD, {"kind"}),
    ({**OURS, "kind": "text2movie"}, {"kind"}),
    ({**OURS, "kind": ["text2video"]}, {"kind"}),
    ({"kind": "text2video", "model": "viduq2"}, {"prompt"}),
    ({**OURS, "prompt": ""}, {"prompt"}),
    ({**OURS, "prompt": None}, {"prompt"}),
    ({**OURS, "prompt": 7, "duration": "4", "off_peak": 1}, {"prompt", "duration", "off_peak"}),
    ({**OURS, "duration": 601}, {"duration"}),
    ({**OURS, "seed": 1.5}, {"seed"}),
    ({**OURS, "aspect_ratio": "wide"}, {"aspect_ratio"}),
    ({**OURS, "resolutoin": "720p"}, {"resolutoin"}),
    ({**OURS, "provider": "nobody"}, {"provider"}),
    ({**OURS, "kind": "img2video"}, {"images"}),
    ({**OURS, "kind": "img2video", "images": ["bird.png"]}, {"images[0]"}),
    ({"kind": "start-end2video", "model": "viduq2-pro", "images": [PICTURE]}, {"images"}),
    ({"kind": "extend", "model": "viduq2-pro"}, {"video_url"}),
    ({"kind": "upscale", "video_url": "http://example.com/a.mp4", "creation_id": "1"}, {"video_url"}),
    ({"kind": "upscale", "video_url": "http://example.com/a.mp4", "resolution": "9K"}, {"resolution"}),
]


@pytest.mark.parametrize(("body", "fields"), OUR_BODIES)
def test_every_wrong_field_is_named_in_our_own_words(body: dict[str, Any], fields: set[str], mallory: Client) -> None:
    found = problem(mallory.http.post("/tasks", json=body), 400, "invalid-request")
    assert {error["field"] for error in found["errors"]} == fields
    assert all(error["message"] for error in found["errors"])


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 101}, "limit"),
        ({"limit": 0}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": [1, 2]}, "limit"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": NOBODYS}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"state": "done"}, "state"),
        ({"task_id": "885000000000000001"}, "task_id"),
        ({"created_from": "yesterday"}, "created_from"),
        ({"model": "x" * 300}, "model"),
    ],
)
def test_a_wrong_listing_is_refused_in_our_own_words(params: dict[str, Any], field: str, mallory: Client) -> None:
    found = problem(mallory.http.get("/tasks", params=params), 400, "invalid-request")
    assert [error["field"] for error in found["errors"]] == [field]


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("POST", "/nowhere", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("GET", f"/tasks/{NOBODYS}", 404, "not-found"),
        ("GET", "/tasks/885000000000000001", 404, "not-found"),
        ("GET", "/tasks/%2e%2e%2fkeys", 404, "not-found"),
        ("GET", "/tasks/" + "x" * 2000, 404, "not-found"),
        ("POST", f"/tasks/{NOBODYS}/cancel", 404, "not-found"),
        ("PUT", "/tasks", 405, "method-not-allowed"),
        ("GET", f"/tasks/{NOBODYS}/cancel", 405, "method-not-allowed"),
    ],
)
def test_what_is_not_there_is_said_in_our_own_words(
    method: str, path: str, status: int, name: str, mallory: Client
) -> None:
    problem(mallory.http.request(method, path), status, name)


def test_anothers_task_is_as_good_as_none(anothers: str, mallory: Client) -> None:
    theirs, nobodys = (
        [
            mallory.http.get(f"/tasks/{each}"),
            mallory.http.post(f"/tasks/{each}/cancel"),
            mallory.http.get(f"/ent/v2/tasks/{each}/creations"),
            mallory.http.post(f"/ent/v2/tasks/{each}/cancel", json={"id": each}),
        ]
        for each in (anothers, NOBODYS)
    )
    for their, nobodys_ in zip(theirs, nobodys, strict=True):
        assert their.status_code == nobodys_.status_code == 404
        assert their.text.replace(anothers, "") == nobodys_.text.replace(NOBODYS, "")


def refused(answer: httpx.Response, status: int, reason: str, field: str) -> None:
    """Vidu's envelope."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, status), answer.text
    assert body.keys() == {"code", "reason", "message", "metadata"}
    assert body["reason"] == (reason or body["reason"])
    assert field in body["message"]
    assert body["metadata"].keys() == {"trace_id"}


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """Problem details (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].endswith(f"/docs#problem-{name}")
    assert body["title"]
    assert body["detail"]
    return body
