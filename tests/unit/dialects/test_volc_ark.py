from __future__ import annotations

from dataclasses import replace

import pytest

from reelkeep.dialects import dialect_of
from reelkeep.dialects.dialect import Http, Remove
from reelkeep.dialects.volc_ark.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.task import Asset, Failure, FailureClass, Kind, Request, State, Task
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import (
    ARCHIVED,
    NOW,
    TASK_ID,
    finished,
    task_of,
)
from tests.unit.dialects.volc_ark_harness import SUBMISSION, ark, asked

# --- showing ---


def with_last_frame(task: Task) -> Task:
    frame = Asset(
        name="last-frame", archived=replace(ARCHIVED, key=ARCHIVED.key.replace("video.mp4", "last-frame.png"))
    )
    (creation,) = task.creations
    return replace(task, creations=(replace(creation, assets=(*creation.assets, frame)),))


FAILURE = Failure(
    reason=FailureClass.POLICY,
    code="OutputVideoSensitiveContentDetected.PolicyViolation",
    message="The request failed because the output video may be related to copyright restrictions.",
)


@pytest.mark.parametrize(
    ("task", "served"),
    [
        (task_of(ark.parse(SUBMISSION)), "served-queued"),
        (replace(with_last_frame(finished(ark.parse(SUBMISSION))), tokens=108_900), "served-succeeded"),
        (task_of(ark.parse(SUBMISSION), state=State.FAILED, failure=FAILURE), "served-failed"),
        (finished(Request(dialect="vidu_ent_v2", kind=Kind.TEMPLATE2VIDEO, off_peak=True)), "served-foreign"),
    ],
)
def test_a_task_is_served_with_everything_that_the_seed_page_requires(task: Task, served: str) -> None:
    assert ark.shown(task) == ark.golden(served)
    ark.fits("VolcArkTask", ark.shown(task))


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.CREATED, "queued"),
        (State.QUEUEING, "queued"),
        (State.PROCESSING, "running"),
        (State.ARCHIVING, "running"),
        (State.SUCCESS, "succeeded"),
        (State.FAILED, "failed"),
        (State.CANCELLED, "cancelled"),
        (State.EXPIRED, "expired"),
    ],
)
def test_every_state_has_its_word(state: State, word: str) -> None:
    shown = ark.shown(replace(finished(ark.parse(SUBMISSION)), state=state))
    assert shown["status"] == word
    assert bool(shown["content"]["video_url"]) is (state is State.SUCCESS)


def test_frames_stand_in_the_place_of_seconds_and_options_come_back() -> None:
    body = asked(frames=57, draft=True, priority=3, tools=[{"type": "web_search"}], output_format="mov")
    shown = ark.shown(finished(ark.parse(body)))
    assert "duration" not in shown
    assert shown == shown | {
        "frames": 57,
        "draft": True,
        "priority": 3,
        "tools": [{"type": "web_search"}],
        "output_format": "mov",
    }


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, {"ratio": "16:9", "generate_audio": True, "draft": False, "execution_expires_after": 172_800}),
        ({}, {"priority": 0, "output_format": "mp4"}),
        ({"ratio": "adaptive"}, {"ratio": "16:9"}),
        ({"ratio": "9:16", "generate_audio": False}, {"ratio": "9:16", "generate_audio": False}),
        ({"model": "doubao-seedance-1-0-pro-250528"}, {"generate_audio": False}),
        ({"execution_expires_after": 3_600}, {"execution_expires_after": 3_600}),
        (
            {"content": [{"type": "draft_task", "draft_task": {"id": TASK_ID}}]},
            {"draft_task_id": TASK_ID, "draft": False},
        ),
    ],
)
def test_what_ark_always_shows_is_shown_as_it_holds(said: Json, shown: Json) -> None:
    answered = ark.shown(finished(ark.parse({**asked(), **said})))
    assert answered == {**answered, **shown}
    assert ("draft_task_id" in answered) is ("draft_task_id" in shown)
    ark.fits("VolcArkTask", answered)


def test_before_the_video_is_there_its_ratio_is_that_which_was_asked_for() -> None:
    assert ark.shown(task_of(ark.parse(asked())))["ratio"] == "adaptive"
    assert ark.shown(task_of(ark.parse(asked(ratio="9:16"))))["ratio"] == "9:16"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (FAILURE, "OutputVideoSensitiveContentDetected.PolicyViolation"),
        (Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation"), "OutputVideoSensitiveContentDetected"),
        (Failure(reason=FailureClass.INPUT, code="InvalidParameter.TaskTypeConstraint"), None),
        (Failure(reason=FailureClass.INPUT, code="FieldInvalid"), "InvalidParameter"),
        (Failure(reason=FailureClass.PROVIDER, code="AuthenticationError"), "InternalServiceError"),
        (Failure(reason=FailureClass.LOST, message="outcome unknown"), "InternalServiceError"),
    ],
)
def test_a_failure_is_shown_in_ark_s_codes_whoever_it_comes_from(failure: Failure, code: str | None) -> None:
    task = task_of(ark.parse(SUBMISSION), state=State.FAILED, failure=failure)
    shown = ark.shown(task)
    assert shown["error"]["code"] == (code or failure.code)
    ark.fits("VolcArkTask", shown)


# --- both addresses, and what is refused ---


def test_the_same_is_served_at_both_addresses() -> None:
    tasks = "contents/generations/tasks"
    assert [(route.method, route.path) for route in dialect.routes] == [
        (method, f"{base}/{tasks}{rest}")
        for base in ("/volc/v1", "/api/v3")
        for method, rest in (("POST", ""), ("GET", ""), ("GET", "/{task_id}"), ("DELETE", "/{task_id}"))
    ]
    assert dialect_of(f"/api/v3/{tasks}") is dialect_of("/volc/v1/nothing") is dialect


def test_a_deletion_is_answered_with_nothing() -> None:
    route = next(route for route in dialect.routes if isinstance(route, Remove))
    assert route.render(task_of(ark.parse(SUBMISSION))).body == {}


def refused_with(failure: Failure) -> errors.Refused:
    return errors.Refused(failure)


@for_each(
    "error, status, said",
    [
        (
            errors.Missing("model is required", field="model"),
            400,
            ("MissingParameter", "model is required", "model", "BadRequest"),
        ),
        (
            errors.InvalidRequest("aspect_ratio cannot be expressed at this provider", field="aspect_ratio"),
            400,
            ("InvalidParameter", "ratio cannot be expressed at this provider", "ratio", "BadRequest"),
        ),
        (
            errors.InvalidRequest("the body is not valid JSON"),
            400,
            ("InvalidParameter", "the body is not valid JSON", "", "BadRequest"),
        ),
        (
            errors.Unauthorized("this API key is not known"),
            401,
            ("AuthenticationError", "this API key is not known", "", "Unauthorized"),
        ),
        (
            errors.NotFound("there is no task 7", field="task_id"),
            404,
            ("NotFound.Id", "there is no task 7", "id", "NotFound"),
        ),
        (
            errors.NotFound("there is nothing at /api/v3/x"),
            404,
            ("NotFound", "there is nothing at /api/v3/x", "", "NotFound"),
        ),
        (errors.NotAllowed("no PUT here"), 405, ("MethodNotAllowed", "no PUT here", "", "MethodNotAllowed")),
        (
            errors.CannotCancel(State.PROCESSING),
            409,
            (
                "InvalidAction.RunningTaskDeletion",
                "Cannot delete task `cgt-1` because it is currently running",
                "",
                "Conflict",
            ),
        ),
        (
            errors.CannotCancel(State.CANCELLED),
            409,
            (
                "InvalidAction.CancelledTaskDeletion",
                "Cannot delete task `cgt-1` because it is currently cancelled",
                "",
                "Conflict",
            ),
        ),
        (
            errors.BodyTooLarge("too large"),
            413,
            ("RequestEntityTooLarge", "too large", "", "RequestEntityTooLarge"),
        ),
        (
            refused_with(Failure(reason=FailureClass.POLICY, code="InputTextSensitiveContentDetected", message="no")),
            400,
            ("InputTextSensitiveContentDetected", "no", "", "BadRequest"),
        ),
        (
            refused_with(Failure(reason=FailureClass.POLICY, code="TaskPromptPolicyViolation", message="no")),
            400,
            ("SensitiveContentDetected", "no (TaskPromptPolicyViolation)", "", "BadRequest"),
        ),
        (
            refused_with(Failure(reason=FailureClass.CREDIT, code="CreditInsufficient", message="no")),
            403,
            ("AccountOverdueError", "no (CreditInsufficient)", "", "Forbidden"),
        ),
        (
            refused_with(Failure(reason=FailureClass.THROTTLED, code="QuotaExceeded", message="no")),
            429,
            ("QuotaExceeded", "no", "", "TooManyRequests"),
        ),
        (
            refused_with(Failure(reason=FailureClass.PROVIDER, code="AuthenticationError", message="an operator")),
            400,
            ("InvalidEndpoint.ClosedEndpoint", "an operator", "", "BadRequest"),
        ),
    ],
)
def test_an_error_is_shown_in_ark_s_envelope(
    error: errors.ClientError, status: int, said: tuple[str, str, str, str]
) -> None:
    reply = dialect.render_error(error, Http(method="DELETE", path="/api/v3/contents/generations/tasks/cgt-1"))
    names = ("code", "message", "param", "type")
    assert (reply.status, reply.body) == (status, {"error": dict(zip(names, said, strict=True))})
    ark.fits("VolcArkError", reply.body)
    assert (reply.headers.get("x-should-retry") == "false") is (status in (409, 429))
    assert ("www-authenticate" in reply.headers) is (status == 401)


def test_a_refusal_names_the_request_as_its_client_does() -> None:
    http = Http(method="GET", path="/api/v3/x", headers={"x-client-request-id": "20260106-1"})
    body: Json = dialect.render_error(errors.NotFound("nothing here"), http).body
    assert body["error"]["message"] == "nothing here. Request id: 20260106-1"


@pytest.mark.parametrize(
    "request_id",
    [
        ". Request id: 0217a6",
        ", RequestId=0217a6",
        " request_id: 0217a6",
        " (request id: 0217a6)",
        " (request-id: 7)",
    ],
)
def test_the_provider_s_id_of_its_request_makes_way_for_ours(request_id: str) -> None:
    http = Http(method="GET", path="/api/v3/x", headers={"x-client-request-id": "20260106-1"})
    failure = Failure(reason=FailureClass.POLICY, message=f"The input may be sensitive{request_id}")
    body: Json = dialect.render_error(errors.Refused(failure), http).body
    assert body["error"]["message"] == "The input may be sensitive. Request id: 20260106-1"


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        ark.parse(asked(duration="5", watermark=1))
    status, body = ark.refusal(refused.value)
    message = "duration must be a whole number from -1 to 86400; watermark must be true or false"
    assert (status, body["error"]["message"], body["error"]["param"]) == (400, message, "duration")


def test_a_fault_says_nothing_of_itself() -> None:
    reply = dialect.render_fault()
    assert reply.status == 500
    assert reply.body == {
        "error": {
            "code": "InternalServiceError",
            "message": "The service encountered an unexpected internal error",
            "param": "",
            "type": "InternalServerError",
        }
    }
    ark.fits("VolcArkError", reply.body)


def test_times_are_whole_seconds() -> None:
    shown = ark.shown(task_of(ark.parse(SUBMISSION)))
    assert (shown["created_at"], shown["updated_at"]) == (int(NOW.timestamp()), int(NOW.timestamp()) + 2)
