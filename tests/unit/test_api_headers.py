"""Keys of repeated submissions, and the headers that every dialect takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelkeep.dialects import all_dialects, dialect_of
from reelkeep.dialects.dialect import Http
from reelkeep.domain.claims import key_reused
from tests.unit.api_harness import SUBMISSIONS, TASK, Client, event


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks", {"kind": "text2video", **TASK}),
        ("/ent/v2/text2video", TASK),
        ("/v1/video/generations", {"model": "viduq2", "prompt": "a boat"}),
        ("/api/v3/contents/generations/tasks", {"model": "ep-1", "content": [{"type": "text", "text": "a boat"}]}),
    ],
)
def test_a_submission_in_any_dialect_is_tagged_by_a_header(call: Client, path: str, body: object) -> None:
    status, _ = call("POST", path, body, reelkeep_tags="campaign-7, summer")
    assert status in (200, 201)
    (task,) = call.harness.tasks.recorded.values()
    assert task.request.tags == ("campaign-7", "summer")


def test_tags_of_the_header_come_to_those_of_the_body(call: Client) -> None:
    body = {"kind": "text2video", **TASK, "tags": ["a", "b"]}
    _, task = call("POST", "/tasks", body, reelkeep_tags="b, c")
    assert task["tags"] == ["a", "b", "c"]
    assert call("GET", f"/tasks/{task['id']}")[1]["tags"] == ["a", "b", "c"]
    assert call("POST", "/tasks", {**body, "tags": list("abcdefghij")}, reelkeep_tags="k")[0] == 400


def test_a_bad_tag_is_refused_in_the_dialect_s_words_and_nothing_is_generated(call: Client) -> None:
    status, body = call("POST", "/ent/v2/text2video", TASK, reelkeep_tags="what is this?")
    assert (status, body["reason"]) == (400, "FieldInvalid")
    assert "Reelkeep-Tags" in body["message"]
    status, body = call("POST", "/tasks", {"kind": "text2video", **TASK, "tags": ["no space"]})
    assert (status, body["errors"][0]["field"]) == (400, "tags[0]")
    assert call.harness.tasks.recorded == {}


def test_a_task_that_waits_shows_its_priority_its_place_and_when_it_should_start(call: Client) -> None:
    call.harness.provider.slots = 1
    body = {"kind": "text2video", **TASK}
    call("POST", "/tasks", body)
    waiting = [call("POST", "/tasks", {**body, "priority": priority})[1]["id"] for priority in ("low", "high")]
    low, high = (call("GET", f"/tasks/{task_id}")[1] for task_id in waiting)
    assert [(each["state"], each["priority"]) for each in (low, high)] == [("created", "low"), ("created", "high")]
    assert [each["waiting"]["position"] for each in (low, high)] == [2, 1]
    assert low["waiting"]["expected_start"] > high["waiting"]["expected_start"] > high["created_at"]
    assert call("POST", f"/tasks/{waiting[0]}/cancel")[1]["waiting"] is None


def test_every_dialect_takes_the_priority_as_a_header(call: Client) -> None:
    call("POST", "/ent/v2/text2video", TASK, reelkeep_priority="high")
    [task] = call.harness.tasks.recorded.values()
    assert task.request.priority == "high"


def test_an_unknown_priority_is_refused_with_the_field_and_the_reason_in_the_dialect_s_words(call: Client) -> None:
    status, body = call("POST", "/ent/v2/text2video", TASK, reelkeep_priority="urgent")
    assert (status, body["reason"]) == (400, "FieldInvalid")
    assert "Reelkeep-Priority must be one of high, normal, low" in body["message"]
    status, body = call("POST", "/tasks", {"kind": "text2video", **TASK, "priority": "urgent"})
    assert (status, body["errors"][0]["field"]) == (400, "priority")
    assert "high, normal, low" in body["errors"][0]["message"]
    assert call.harness.tasks.recorded == {}


def test_every_dialect_is_among_these_submissions() -> None:
    assert {dialect_of(path).name for path, _ in SUBMISSIONS} == {dialect.name for dialect in all_dialects()}


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_repeated_key_gives_the_same_answer_in_every_dialect(call: Client, path: str, body: object) -> None:
    first = call("POST", path, body, idempotency_key="k")
    assert first[0] in (200, 201)
    assert call("POST", path, json.dumps(body, indent=3), idempotency_key="k") == first
    assert len(call.harness.provider.dispatched) == 1


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_key_of_another_request_is_refused_in_every_dialect_s_own_words(
    call: Client, path: str, body: dict[str, Any]
) -> None:
    call("POST", path, body, idempotency_key="k")
    status, said = call("POST", path, {**body, "provider": "vidu"}, idempotency_key="k")
    assert status == 422
    expected = dialect_of(path).render_error(key_reused(), Http(method="POST", path=path))
    assert (said, expected.status) == (expected.body, 422)
    assert "Idempotency-Key" in json.dumps(said)
    assert len(call.harness.provider.dispatched) == 1


@pytest.mark.parametrize(("path", "body"), SUBMISSIONS, ids=[path for path, _ in SUBMISSIONS])
def test_a_key_that_cannot_be_one_is_refused_in_every_dialect(call: Client, path: str, body: object) -> None:
    status, said = call("POST", path, body, idempotency_key="x" * 256)
    assert status == 400
    assert "Idempotency-Key" in json.dumps(said)


def test_a_client_that_sent_a_key_may_repeat_after_a_fault_of_ours(call: Client) -> None:
    call.harness.provider.refuses = RuntimeError("broken")
    answer = call.api.handle(event("POST", "/ent/v2/text2video", TASK, idempotency_key="k"))
    assert answer["statusCode"] == 500
    assert "x-should-retry" not in answer["headers"]
