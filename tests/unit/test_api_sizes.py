"""Bodies and answers that are as large as AWS hands them on, and larger ones."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from reelkeep.dialects import dialect_of
from reelkeep.dialects.dialect import LARGEST_BODY, LARGEST_IN_BASE64, Http
from reelkeep.domain.errors import BodyTooLarge
from reelkeep.domain.task import Failure, FailureClass, State
from tests.unit.api_harness import SUBMISSIONS, TASK, Client, event


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_body_is_as_large_as_a_function_can_be_given_and_beyond_that_refused_in_the_dialect(
    call: Client, path: str, body: dict[str, Any]
) -> None:
    """Of what the gateway does not know as text a quarter less: that comes in base64."""
    sent = event("POST", path, body)
    for limit, in_base64 in ((LARGEST_BODY, False), (LARGEST_IN_BASE64, True)):
        for size, refused in ((limit, False), (limit + 1, True)):
            text = sent["body"].ljust(size)
            said = base64.b64encode(text.encode()).decode() if in_base64 else text
            assert len(said) + 32_768 >= 6_291_456 or not refused
            answer = call.api.handle(sent | {"body": said, "isBase64Encoded": in_base64})
            assert (answer["statusCode"] == 413) == refused
            too_large = BodyTooLarge(f"the body has {size} bytes, the limit for its type is {limit}")
            expected = dialect_of(path).render_error(too_large, Http(method="POST", path=path))
            assert not refused or json.loads(answer["body"]) == expected.body


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [("/tasks", {**TASK, "kind": "text2video"}, "id"), ("/ent/v2/text2video", TASK, "task_id")],
)
def test_a_task_whose_own_words_are_larger_than_an_answer_is_shown_without_them(
    call: Client, path: str, body: dict[str, Any], name: str
) -> None:
    """A control character takes six bytes of the body, and seven of an answer."""
    payload = "\x01" * 1_000_000
    made = call.api.handle(event("POST", path, {**body, "payload": payload}))
    task = call.harness.tasks.recorded[json.loads(made["body"])[name]]
    whole = replace(task, request=replace(task.request, payload=payload))
    call.api = replace(call.api, show=lambda *_: whole)
    shown = call.api.handle(event("GET", f"/tasks/{task.id}"))
    for answer in (made, shown):
        assert answer["statusCode"] in (200, 201)
        assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_291_456
        assert task.id in answer["body"]


def long_tasks(call: Client, count: int) -> set[str]:
    """So many tasks of whose listings none fits an answer; their ids."""
    _, made = call("POST", "/tasks", {**TASK, "kind": "text2video"})
    task = call.harness.tasks.recorded.pop(made["id"])
    request = replace(task.request, prompt='"' * 100_000)
    failure = Failure(reason=FailureClass.CREDIT, message=request.prompt)
    ids = {f"{number:032x}" for number in range(1, count + 1)}
    for task_id in ids:
        long = replace(task, id=task_id, request=request, state=State.FAILED, failure=failure)
        call.harness.tasks.recorded[task_id] = long
    return ids


def listed(call: Client, path: str, query: str) -> tuple[int, Any]:
    answer = call.api.handle(event("GET", path, query=query))
    assert len(json.dumps(answer, ensure_ascii=False).encode()) < 6_291_456
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("path", "size", "items", "cursor", "next_cursor"),
    [
        ("/tasks", "limit", "tasks", "cursor", "next_cursor"),
        ("/ent/v2/tasks", "pager.pagesz", "tasks", "pager.page_token", "next_page_token"),
        ("/v1/videos", "limit", "data", "after", "last_id"),
    ],
)
def test_a_listing_larger_than_an_answer_is_cut_and_goes_on_with_its_cursor(
    call: Client, path: str, size: str, items: str, cursor: str, next_cursor: str
) -> None:
    ids, after = long_tasks(call, 40), ""
    seen: list[str] = []
    while len(seen) < len(ids):
        status, body = listed(call, path, f"{size}=100{after}")
        assert (status, bool(body[items])) == (200, True)
        seen += [each["id"] for each in body[items]]
        after = f"&{cursor}={body[next_cursor]}"
    assert (len(seen), set(seen)) == (len(ids), ids)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v3/contents/generations/tasks", "page_num=1&page_size="),
        ("/kling/v1/videos/text2video", "pageNum=1&pageSize="),
        ("/ent/v2/tasks", "pager.page=1&pager.pagesz="),
    ],
)
def test_where_pages_have_numbers_a_smaller_page_is_asked_for(call: Client, path: str, query: str) -> None:
    """Cut, it would lose tasks: the next number passes over as many as were asked for."""
    long_tasks(call, 40)
    status, body = listed(call, path, f"{query}20")
    assert (status, "fewer tasks a page" in json.dumps(body)) == (400, True)
    assert listed(call, path, f"{query}5")[0] == 200
