from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest

from docs.generate.operations import schemas
from reelkeep.dialects import dialect_of
from reelkeep.dialects.dialect import Http
from reelkeep.dialects.video_generations.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, State
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import ARCHIVED, TASK_ID, Speaker, finished, link_to, task_of
from tests.unit.dialects.videos_harness import BODY, form, posted, request_of, stages

SPEAKER = Speaker(dialect)
STAGES = stages(request_of(dialect.name))


def test_its_paths_are_its_own() -> None:
    assert dialect_of("/v1/video/generations") is dialect
    assert dialect_of("/v1/video/anything") is dialect
    assert dialect_of("/v1/videos") is not dialect


def test_a_submission_is_understood_and_keeps_the_client_s_words() -> None:
    assert SPEAKER.parse(BODY) == request_of(dialect.name)


def test_a_submission_may_be_a_form() -> None:
    request = SPEAKER.submission.parse(form([(name, str(value)) for name, value in BODY.items()]))
    assert request == request_of(dialect.name, body={**BODY, "duration": "5"})


def test_a_submitted_task_is_answered_as_documented_and_as_new_api_does() -> None:
    assert SPEAKER.submitted(STAGES["queueing"]) == SPEAKER.golden("served-submitted")
    SPEAKER.fits("VideoGenerationsSubmitted", SPEAKER.submitted(STAGES["queueing"]))


@pytest.mark.parametrize("stage", STAGES)
def test_a_task_is_shown_in_the_flat_shape_of_the_page(stage: str) -> None:
    shown = SPEAKER.shown(STAGES[stage])
    assert shown == SPEAKER.golden("served")[stage]
    SPEAKER.fits("VideoGenerationsTask", shown)


@pytest.mark.parametrize("stage", STAGES)
def test_the_page_s_own_schema_admits_every_state(stage: str) -> None:
    jsonschema.validate(SPEAKER.shown(STAGES[stage]), SPEAKER.golden("seed-schema"))


def test_the_page_s_example_is_served_as_it_is() -> None:
    archived = replace(ARCHIVED, duration=5.0, fps=30.0, width=1280, height=720)
    made = Creation(id="1", assets=(Asset(name="video", archived=archived),))
    task = replace(STAGES["success"], creations=(made,), seed=20231234)
    example = SPEAKER.golden("seed-completed") | {"task_id": TASK_ID, "url": link_to(archived)}
    assert SPEAKER.shown(task).items() >= example.items()


def test_a_task_that_is_not_there_gets_the_404_of_the_page() -> None:
    status, body = SPEAKER.refusal(errors.NotFound(f"there is no task {TASK_ID}", field="task_id"))
    assert (status, [*body["error"]]) == (404, ["message", "type", "param", "code"])
    jsonschema.validate(body, SPEAKER.golden("seed-not-there-schema"))


def test_the_page_s_numbers_are_whole_where_it_says_so() -> None:
    metadata = SPEAKER.shown(STAGES["success"])["metadata"]
    assert {name: type(value) for name, value in metadata.items()} == {
        "duration": float, "fps": int, "width": int, "height": int, "seed": int,
    }  # fmt: skip


def test_what_was_not_measured_is_as_the_provider_claims_and_what_nobody_knows_is_left_out() -> None:
    task = finished(request_of("vidu_ent_v2"))
    unmeasured = replace(ARCHIVED, duration=None, fps=None, width=None, height=None)
    creation = replace(task.creations[0], assets=(Asset(name="video", archived=unmeasured),), fps=None)
    metadata = SPEAKER.shown(replace(task, creations=(creation,)))["metadata"]
    assert metadata == {"duration": 5.0, "width": 1, "height": 1}


@pytest.mark.parametrize(
    ("reason", "code", "word"),
    [
        (FailureClass.INPUT, 400, "invalid_value"),
        (FailureClass.CREDIT, 402, "insufficient_quota"),
        (FailureClass.THROTTLED, 429, "rate_limit_exceeded"),
        (FailureClass.PROVIDER, 500, "server_error"),
        (FailureClass.LOST, 500, "lost"),
    ],
)
def test_a_failure_s_code_is_a_whole_number(reason: FailureClass, code: int, word: str) -> None:
    task = replace(task_of(request_of("d")), state=State.FAILED, failure=Failure(reason=reason, message="no"))
    assert SPEAKER.shown(task)["error"] == {"code": code, "message": f"{word}: no"}


def error(message: str, param: str | None, code: str) -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


@for_each(
    "raised, status, body",
    [
        (
            errors.NotFound(f"there is no task {TASK_ID}", field="task_id"),
            404,
            error(f"there is no task {TASK_ID}", "task_id", "not_found"),
        ),
        (errors.NotFound("there is nothing"), 404, error("there is nothing", None, "not_found")),
        (
            errors.Missing("prompt is required", field="prompt"),
            400,
            error("prompt is required", "prompt", "missing_required_parameter"),
        ),
        (
            errors.InvalidRequest("resolution cannot be expressed at this provider", field="resolution"),
            400,
            error("size cannot be expressed at this provider", "size", "invalid_value"),
        ),
        (errors.Unauthorized("no key"), 401, error("Incorrect API key provided: no key", None, "invalid_api_key")),
        (errors.NotAllowed("no"), 405, error("no", None, "method_not_allowed")),
        (errors.BodyTooLarge("too large"), 413, error("too large", None, "request_too_large")),
        (errors.ClientError("no"), 400, error("no", None, "invalid_request")),
        (
            errors.Refused(Failure(reason=FailureClass.POLICY, code="AuditSubmitIllegal", message="no")),
            400,
            error("no (AuditSubmitIllegal)", None, "content_policy_violation"),
        ),
        (
            errors.Refused(Failure(reason=FailureClass.POLICY, code="moderation_blocked", message="no")),
            400,
            error("no", None, "moderation_blocked"),
        ),
        (
            errors.Refused(Failure(reason=FailureClass.POLICY, code="prompt_blocked", message="no")),
            400,
            error("no (prompt_blocked)", None, "content_policy_violation"),
        ),
        (
            errors.Refused(Failure(reason=FailureClass.CREDIT, message="too few credits")),
            402,
            error("too few credits", None, "insufficient_quota"),
        ),
        (
            errors.Refused(Failure(reason=FailureClass.THROTTLED, message="later")),
            429,
            error("later", None, "rate_limit_exceeded"),
        ),
        (
            errors.Refused(Failure(reason=FailureClass.PROVIDER, code="Unauthorized", message="no")),
            400,
            error("no", None, "model_unavailable"),
        ),
    ],
)
def test_every_error_is_in_the_page_s_own_body(raised: errors.ClientError, status: int, body: Json) -> None:
    assert SPEAKER.refusal(raised) == (status, body)
    SPEAKER.fits("VideoGenerationsError", body)


def test_errors_that_sdks_would_repeat_tell_them_not_to() -> None:
    http = Http(method="POST", path="/v1/video/generations")
    throttled = errors.Refused(Failure(reason=FailureClass.THROTTLED, message="later"))
    for reply in (
        dialect.render_error(throttled, http),
        dialect.render_error(errors.CannotCancel(State.PROCESSING), http),
    ):
        assert reply.headers["x-should-retry"] == "false"
    assert "x-should-retry" not in dialect.render_error(errors.NotFound("no"), http).headers


def test_a_fault_is_in_the_same_body() -> None:
    reply = dialect.render_fault()
    assert reply.status == 500
    SPEAKER.fits("VideoGenerationsError", reply.body)


def test_the_document_s_example_is_understood() -> None:
    example = schemas(dialect)["VideoGenerationsSubmission"]["examples"][0]
    assert SPEAKER.submission.parse(posted(example)).duration == 5
