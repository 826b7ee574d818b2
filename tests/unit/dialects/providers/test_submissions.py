"""What every provider's client makes of the answer to the billable call."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from reelkeep.domain.observation import (
    Accepted,
    Busy,
    NotYet,
    Refused,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import FailureClass
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.providers.kit import FORMATS, IDS, TASK, Format, of_every_format


def test_formats_are_found() -> None:
    assert len(FORMATS) > 1, "no client was found below reelkeep.dialects"


@of_every_format
@for_each("task_id", [*IDS, "x" * 300, 885_000_000_000_000_001])
def test_an_accepted_task_is_polled_under_the_id_that_it_was_given(format: Format, task_id: Json) -> None:
    accepted = format.dispatched(200, format.sample("accepted", id=task_id))
    assert isinstance(accepted, Accepted), f"{format.name} does not see that its provider accepted {task_id}"
    assert accepted.provider_task_id == str(task_id)
    task = replace(TASK, provider_task_id=accepted.provider_task_id)
    for call in (format.client.observe(task), format.client.cancel(task)):
        if call:
            segments = [unquote(segment) for segment in call.path.split("/")]
            assert str(task_id) in segments, f"{format.name} calls {call.path} for the task {task_id}"


@of_every_format
@for_each("body", [b"", b"<html>", b'{"error": {}}'])
def test_too_many_requests_means_that_it_is_submitted_again_later(format: Format, body: bytes) -> None:
    assert format.dispatched(429, body, retry_after="7") == NotYet(7.0)


@of_every_format
@for_each("status", [408, 499, 500, 502, 503, 504, 303])
def test_what_may_have_been_accepted_is_never_submitted_again(format: Format, status: int) -> None:
    outcome = format.dispatched(status, b"<html>")
    assert isinstance(outcome, Unknown), f"{format.name} takes a {status} for {outcome}"


@of_every_format
def test_what_was_refused_for_coming_too_early_is_submitted_again_later(format: Format) -> None:
    assert format.dispatched(425, b"") == NotYet()


@of_every_format
@for_each("status", [301, 302, 307, 308])
def test_a_provider_that_has_moved_is_a_fault_of_the_configuration(format: Format, status: int) -> None:
    outcome = format.dispatched(status, b"")
    assert isinstance(outcome, Refused), f"{format.name} takes a {status} for {outcome}"
    assert outcome.failure.reason is FailureClass.PROVIDER
    assert "address" in outcome.failure.message
    assert isinstance(format.observed(status, b""), Unreadable)


@of_every_format
@for_each("body", [b"", b"<html>", b"[]", b'"t-1"', b"{}", b'{"id": "", "task_id": null}', b"{"])
def test_an_accepting_answer_that_names_no_task_is_a_lost_one(format: Format, body: bytes) -> None:
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Unknown), f"{format.name} takes a 200 with {body!r} for {outcome}"


@of_every_format
@for_each("status", [401, 403])
def test_a_refused_key_is_not_the_clients_fault(format: Format, status: int) -> None:
    outcome = format.dispatched(status, b"")
    assert isinstance(outcome, Refused)
    assert outcome.failure.reason is FailureClass.PROVIDER
    assert "key" in outcome.failure.message


@of_every_format
@for_each("status", [200, 201, 400])
@for_each("kind", ["policy", "credit", "input"])
def test_a_refusal_says_what_kind_it_is_and_why_whatever_its_status(format: Format, status: int, kind: str) -> None:
    outcome = format.dispatched(status, format.error(kind))
    assert isinstance(outcome, Refused), f"{format.name} takes a refusal for {outcome}"
    assert outcome.failure.reason == kind
    assert outcome.failure.code == format.code(kind)


@of_every_format
def test_a_refusal_of_our_key_is_not_the_clients_fault_though_it_comes_with_a_200(format: Format) -> None:
    body = format.sample("error", code=format.sample("codes").get("key", "unauthorized"), message="Invalid key: k-1")
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Refused)
    assert outcome.failure.reason is FailureClass.PROVIDER
    assert "operator" in outcome.failure.message, f"{format.name} tells the client: {outcome.failure.message}"
    assert isinstance(format.observed(200, body), Busy)


@of_every_format
@for_each("status", [200, 400])
def test_a_refusal_for_being_busy_means_that_it_is_submitted_again_later(format: Format, status: int) -> None:
    assert format.dispatched(status, format.error("throttled"), retry_after="7") == NotYet(7.0)


@of_every_format
def test_a_server_error_in_a_200_leaves_the_outcome_open(format: Format) -> None:
    body = format.sample("error", code="InternalServiceError", message="try again")
    assert isinstance(format.dispatched(200, body), Unknown), f"{format.name} would pay twice for an internal error"
    assert isinstance(format.observed(200, body), Busy | Unreadable)


NAMING: list[Json] = [
    {"id": "t-1"},
    {"task_id": "t-1"},
    {"taskId": "t-1"},
    {"taskID": "t-1"},
    {"code": 10000, "message": "Success", "data": {"taskId": "t-1"}},
    {"code": 1, "msg": "success", "data": {"tasks": [{"id": "t-1"}]}},
    {"code": 1, "msg": "success", "data": "t-1"},
    {"status": "ok", "result": {"task_id": "t-1"}},
    {"request_id": "r-1", "output": {"task_id": "t-1", "task_status": "PENDING"}},
    {"data": [{"id": "t-1"}]},
    [{"id": "t-1"}],
    '{"id": "t-1"}',
]


@of_every_format
@for_each("body", NAMING)
def test_an_accepted_task_is_found_wherever_providers_name_it(format: Format, body: Json) -> None:
    outcome = format.dispatched(200, body)
    assert outcome == Accepted("t-1"), f"{format.name} loses a paid task: {outcome}"


@of_every_format
@for_each("status", [400, 401, 404, 409, 425, 429, 301, 500, 503])
@for_each("body", [{"id": "t-1", "message": "slow down"}, {"code": 429, "data": {"task_id": "t-1"}}])
def test_an_answer_that_names_a_task_is_never_certain_to_refuse_it(format: Format, status: int, body: Json) -> None:
    outcome = format.dispatched(status, body)
    assert isinstance(outcome, Unknown), f"{format.name} may pay twice: it takes a {status} for {outcome}"
    assert "t-1" in outcome.reason


@of_every_format
@for_each("named", [None, "", 0, "0", [], {}])
def test_what_is_no_id_does_not_cast_doubt_on_a_refusal(format: Format, named: Json) -> None:
    assert format.dispatched(429, {"id": named, "task_id": named}) == NotYet()


@of_every_format
@for_each("word", ["Success", "success!", "SUCCEED", "ok", "submitted successfully", "提交成功"])
@for_each("code", [1, 10000, "A0000"])
def test_a_success_in_words_is_never_a_refusal(format: Format, word: str, code: Json) -> None:
    for body in ({"code": code, "message": word}, {"code": code, "msg": word, "data": {"place": 3}}):
        assert isinstance(format.dispatched(200, body), Unknown), (
            f"{format.name} would give a paid task up for {body}"
        )
    assert isinstance(format.dispatched(200, {"code": code, "success": True, "data": {"place": 3}}), Unknown)


REFUSALS: list[Json] = [
    {"error": "bad size"},
    {"error": {"message": "bad size"}},
    {"error": '{"code": "x", "message": "bad size"}'},
    {"errors": [{"code": "InvalidParameter", "message": "bad size"}]},
    {"errors": ["bad size"]},
    {"detail": "bad size"},
    {"detail": [{"loc": ["body", "size"], "msg": "bad size"}]},
    {"success": False, "message": "bad size"},
    {"status": "error", "message": "bad size"},
    {"status": "failed", "msg": "bad size"},
    {"status": 400, "message": "bad size"},
    {"statusCode": 400, "message": "bad size"},
    {"code": 1, "message": "bad size", "data": None},
    {"code": 1, "message": "unsuccessful: bad size"},
    {"base_resp": {"status_code": 2013, "status_msg": "bad size"}, "task_id": ""},
    {"ResponseMetadata": {"RequestId": "r-1", "Error": {"Code": "InvalidParameter", "Message": "bad size"}}},
]


@of_every_format
@for_each("body", REFUSALS)
def test_a_refusal_in_a_200_is_reported_at_once_with_its_reason(format: Format, body: Json) -> None:
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Refused), f"{format.name} loses a refusal's reason: {outcome}"
    assert outcome.failure.reason is FailureClass.INPUT
    assert "bad size" in outcome.failure.message


@of_every_format
@for_each("body", [{"message": "hold the line"}, {"code": 7, "message": "hold the line", "data": {"place": 3}}])
def test_what_may_or_may_not_be_a_refusal_leaves_the_outcome_open_with_its_words(format: Format, body: Json) -> None:
    outcome = format.dispatched(200, body)
    assert isinstance(outcome, Unknown)
    assert "hold the line" in outcome.reason, f"{format.name} loses what its provider said: {outcome.reason}"
