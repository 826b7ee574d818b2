"""Ark's content generation, as it is spoken to a provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reelkeep.dialects import upstream as upstream_named
from reelkeep.dialects.volc_ark.client import upstream
from reelkeep.domain import errors
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Missing,
    NotYet,
    Observation,
    Pending,
    Succeeded,
    Unreadable,
)
from reelkeep.domain.task import (
    Asset,
    Creation,
    Failure,
    FailureClass,
    Kind,
    Request,
    State,
)
from reelkeep.domain.wire import Json, ProviderRequest, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import (
    BOAT,
    KEY_REFUSED,
    TASK_ID,
    TINY,
    answer,
    refused_as,
    task_of,
)
from tests.unit.dialects.volc_ark_harness import CGT, MARK, TASKS, TEXT, ark, image

MARKED = {"execution_expires_after": MARK}


def error(code: str, message: str = "no") -> Json:
    return {"error": {"code": code, "message": message, "param": "", "type": "BadRequest"}}


def foreign(**said: Any) -> Request:
    return Request(dialect="vidu_ent_v2", **{"kind": Kind.TEXT2VIDEO, "model": "seedance", "prompt": "rain"} | said)


def test_it_is_found_as_a_providers_dialect() -> None:
    assert upstream_named("volc_ark") is upstream
    assert upstream.authorization.format(key="ark-1") == "Bearer ark-1"


def test_a_clients_body_travels_untouched_but_for_what_is_ours_and_nulls() -> None:
    text = {"type": "text", "text": "a paper boat --rs 720p --dur 5"}
    body = {"model": "m", "content": [text, image("first_frame")], "hologram": {"depth": 3}}
    ours = {"provider": "ark", "callback_url": "https://client.example.com/hook"}
    nulls = {"seed": None, "execution_expires_after": None}
    call = upstream.dispatch(task_of(ark.parse({**body, **nulls, **ours})))
    assert call == ProviderRequest(method="POST", path=TASKS, body={**body, **MARKED})


def test_a_draft_goes_by_the_provider_s_id() -> None:
    body = {"model": "m", "content": [{"type": "draft_task", "draft_task": {"id": TASK_ID}}], "watermark": True}
    call = upstream.dispatch(task_of(ark.parse(body), source_creation=CGT))
    assert call.body == {**body, **MARKED, "content": [{"type": "draft_task", "draft_task": {"id": CGT}}]}


@pytest.mark.parametrize("own", [{"execution_expires_after": 3600}, {"service_tier": "flex"}])
def test_how_long_a_task_may_take_is_the_client_s_to_say(own: Json) -> None:
    body = {"model": "m", "content": [TEXT], **own}
    assert upstream.dispatch(task_of(ark.parse(body))).body == body


def test_each_task_gets_a_time_of_its_own_between_a_day_and_two() -> None:
    marks = set()
    for number in range(1000):
        call = upstream.dispatch(replace(task_of(foreign()), id=f"{number:032x}"))
        assert call.body is not None
        marks.add(call.body["execution_expires_after"])
    assert len(marks) > 985
    assert all(86_400 <= mark < 172_800 for mark in marks)


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (foreign(), {"model": "seedance", "content": [{"type": "text", "text": "rain"}]}),
        (
            foreign(
                duration=5,
                resolution="4K",
                aspect_ratio="16:9",
                seed=7,
                audio=False,
                watermark=True,
                last_frame=True,
                off_peak=True,
                payload="theirs",
                body={"n": 1},
            ),
            {
                "model": "seedance",
                "content": [{"type": "text", "text": "rain"}],
                "resolution": "4k",
                "ratio": "16:9",
                "duration": 5,
                "seed": 7,
                "generate_audio": False,
                "watermark": True,
                "return_last_frame": True,
                "service_tier": "flex",
            },
        ),
        (
            foreign(kind=Kind.IMG2VIDEO, prompt="", images=(TINY,), seed=0, aspect_ratio="auto"),
            {"model": "seedance", "content": [image("first_frame", TINY)]},
        ),
        (
            foreign(kind=Kind.START_END2VIDEO, prompt="", images=(BOAT, TINY)),
            {"model": "seedance", "content": [image("first_frame"), image("last_frame", TINY)]},
        ),
        (
            foreign(kind=Kind.REFERENCE2VIDEO, images=(BOAT, TINY)),
            {
                "model": "seedance",
                "content": [
                    {"type": "text", "text": "rain"},
                    image("reference_image"),
                    image("reference_image", TINY),
                ],
            },
        ),
    ],
)
def test_a_request_of_another_dialect_is_said_in_arks_words(request_: Request, body: Json) -> None:
    sent = body if request_.off_peak else {**body, **MARKED}
    assert upstream.dispatch(task_of(request_)) == ProviderRequest(method="POST", path=TASKS, body=sent)
    ark.fits("VolcArkSubmission", sent)


@for_each(
    "request_, field",
    [
        (foreign(unexpressed=("movement_amplitude", "bgm")), "movement_amplitude"),
        (foreign(model=""), "model"),
        (foreign(prompt=""), "prompt"),
        (foreign(prompt="rain --dur 12 --rs 1080p"), "prompt"),  # of no effect on limits and prices
        (foreign(images=(BOAT,)), "images"),
        (foreign(template="hug"), "template"),
        (foreign(video_url="https://ex.test/v.mp4"), "video_url"),
        (foreign(creation_id="7"), "creation_id"),
        (foreign(kind=Kind.IMG2VIDEO), "images"),
        (foreign(kind=Kind.IMG2VIDEO, images=(BOAT, BOAT)), "images"),
        (foreign(kind=Kind.START_END2VIDEO, images=(BOAT,)), "images"),
        (foreign(kind=Kind.REFERENCE2VIDEO), "images"),
        (foreign(kind=Kind.UPSCALE, creation_id="7"), "kind"),
        (foreign(kind=Kind.LIP_SYNC, video_url="https://ex.test/v.mp4"), "kind"),
    ],
)
def test_what_ark_has_no_words_for_is_refused_by_name(request_: Request, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        upstream.dispatch(task_of(request_))
    assert refused.value.field == field


@for_each(
    "answered, outcome",
    [
        (answer(200, {"id": CGT}), Accepted(CGT)),
        (answer(200, {"id": CGT, "safety_identifier": "user-1"}), Accepted(CGT)),
        (answer(200, {"code": 0, "message": "", "data": {"task_id": CGT}}), Accepted(CGT)),
        (answer(200, {"code": 0, "message": "", "data": {"id": 12, "task_id": CGT}}), Accepted(CGT)),
        (
            answer(200, {"code": 1, "message": "quota", "data": None}),
            refused_as(FailureClass.CREDIT, "1", "quota"),
        ),
        (answer(429, error("RateLimitExceeded.EndpointRPMExceeded"), retry_after="40"), NotYet(40.0)),
        (answer(429, error("QuotaExceeded")), NotYet()),
        (answer(403, error("ModelAccountRpmRateLimitExceeded")), NotYet()),
        (
            answer(400, error("InputTextSensitiveContentDetected")),
            refused_as(FailureClass.POLICY, "InputTextSensitiveContentDetected"),
        ),
        (
            answer(400, error("InputImageSensitiveContentDetected.PrivacyInformation")),
            refused_as(FailureClass.POLICY, "InputImageSensitiveContentDetected.PrivacyInformation"),
        ),
        (answer(400, error("InvalidParameter")), refused_as(FailureClass.INPUT, "InvalidParameter")),
        (answer(400, error("MissingParameter.model")), refused_as(FailureClass.INPUT, "MissingParameter.model")),
        (answer(400, error("SomethingNew")), refused_as(FailureClass.INPUT, "SomethingNew")),
        (
            answer(404, error("InvalidEndpointOrModel.NotFound")),
            refused_as(FailureClass.INPUT, "InvalidEndpointOrModel.NotFound"),
        ),
        (answer(404, error("ModelNotOpen")), refused_as(FailureClass.PROVIDER, "ModelNotOpen")),
        (answer(403, error("AccountOverdueError")), refused_as(FailureClass.CREDIT, "AccountOverdueError")),
        (
            answer(401, error("AuthenticationError")),
            refused_as(FailureClass.PROVIDER, "AuthenticationError", KEY_REFUSED),
        ),
        (answer(403, error("AccessDenied")), refused_as(FailureClass.PROVIDER, "AccessDenied", KEY_REFUSED)),
        (
            answer(400, {"code": "InvalidParameter", "message": "flat", "type": "BadRequest"}),
            refused_as(FailureClass.INPUT, "InvalidParameter", "flat"),
        ),
    ],
)
def test_the_answer_to_the_billable_call(answered: ProviderResponse, outcome: DispatchOutcome) -> None:
    assert upstream.read_dispatched(answered) == outcome


def creation(video: str, *, frame: str = "", task_id: str = CGT, **facts: Any) -> Creation:
    dies = datetime(2026, 1, 7, 8, 0, 55, tzinfo=UTC) if "X-Tos" in video else None
    sources = {"video": video, "last-frame": frame}
    assets = (Asset(name=name, source=link, expires_at=dies) for name, link in sources.items() if link)
    return Creation(id=task_id, assets=tuple(assets), **facts)


SUCCEEDED = ark.golden("provider-succeeded")


LINKS = SUCCEEDED["content"]


POLICY = Failure(
    reason=FailureClass.POLICY,
    code="OutputVideoSensitiveContentDetected.PolicyViolation",
    message="The request failed because the output video may be related to copyright restrictions.",
)


def ended(status: str, code: str = "", message: str = "") -> Json:
    failure = {"error": {"code": code, "message": message}} if code or message else {"error": None}
    return {"id": CGT, "status": status, **failure}


@for_each(
    "answered, observation",
    [
        (answer(200, ark.golden("provider-queued")), Pending(State.QUEUEING)),
        (answer(200, {"id": CGT, "status": "running", "content": None}), Pending(State.PROCESSING)),
        (answer(200, {"id": CGT, "status": "processing"}), Pending(State.PROCESSING)),
        (answer(200, {"code": 0, "data": {"task_id": CGT, "status": "IN_PROGRESS"}}), Pending(State.PROCESSING)),
        (
            answer(200, SUCCEEDED),
            Succeeded(
                (creation(LINKS["video_url"], frame=LINKS["last_frame_url"], duration=5.0, fps=24.0),),
                seed=7,
                tokens=108_900,
                seconds=55,
            ),
        ),
        (
            answer(200, {"id": CGT, "status": "succeeded", "content": {"video_url": "https://ex.test/v.mp4"}}),
            Succeeded((creation("https://ex.test/v.mp4"),)),
        ),
        (
            answer(
                200,
                {
                    "status": "succeeded",
                    "content": {"video_url": "https://ex.test/v.mp4", "last_frame_url": None},
                    "usage": {"completion_tokens": "49200"},
                    "seed": -1,
                },
            ),
            Succeeded((creation("https://ex.test/v.mp4", task_id="1"),), tokens=49_200),
        ),
        (
            answer(200, ark.golden("provider-wrapped")),
            Succeeded((creation("https://ex.test/v.mp4"),), tokens=49_200),
        ),
        (
            answer(
                200, {"code": 0, "data": {"task_id": CGT, "status": "SUCCESS", "video_url": "https://ex.test/v.mp4"}}
            ),
            Succeeded((creation("https://ex.test/v.mp4"),)),
        ),
        (answer(200, ark.golden("provider-failed")), Failed(POLICY)),
        (
            answer(200, ended("failed", "InternalServiceError", "try again")),
            Failed(
                Failure(
                    reason=FailureClass.PROVIDER, code="InternalServiceError", message="try again", retryable=True
                )
            ),
        ),
        (
            answer(200, ended("failed", "InvalidParameter.TaskTypeConstraint", "`duration` must be -1")),
            Failed(
                Failure(
                    reason=FailureClass.INPUT,
                    code="InvalidParameter.TaskTypeConstraint",
                    message="`duration` must be -1",
                )
            ),
        ),
        (
            answer(200, ended("cancelled")),
            Failed(Failure(reason=FailureClass.CANCELLED, message="it was cancelled at the provider")),
        ),
        (
            answer(200, ended("expired")),
            Failed(Failure(reason=FailureClass.EXPIRED, message="it expired at the provider", retryable=True)),
        ),
        (answer(404, error("ResourceNotFound")), Missing()),
        (answer(404, error("NotFound.Id")), Missing()),
        (answer(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}), Missing()),
        (answer(401, error("AuthenticationError")), Busy("the provider refused the key that Reelkeep has for it")),
        (answer(403, error("AccountOverdueError")), Busy("the provider refused the key that Reelkeep has for it")),
        (
            answer(429, error("RateLimitExceeded.EndpointRPMExceeded"), retry_after="7"),
            Busy("the provider answered 429 RateLimitExceeded.EndpointRPMExceeded", 7.0),
        ),
    ],
)
def test_the_answer_to_a_poll(answered: ProviderResponse, observation: Observation) -> None:
    assert upstream.read_observed(answered) == observation


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (
            answer(200, {"id": CGT, "status": "succeeded", "content": {"video_url": ""}}),
            "the provider reported success without a link to a video",
        ),
        (answer(404, error("InvalidEndpointOrModel.NotFound")), "the provider answered 404 Invalid"),
        (answer(400, error("InvalidParameter")), "the provider answered 400 InvalidParameter"),
    ],
)
def test_what_makes_no_sense_is_stored_for_diagnosis(answered: ProviderResponse, reason: str) -> None:
    observation = upstream.read_observed(answered)
    assert isinstance(observation, Unreadable)
    assert observation.reason.startswith(reason)
    assert observation.raw == answered.body


def test_only_what_is_in_the_queue_is_cancelled_because_the_same_call_erases_what_is_done() -> None:
    task = task_of(ark.parse(ark.golden("submission")), state=State.QUEUEING, provider_task_id=CGT)
    assert upstream.cancel(task) == ProviderRequest(method="DELETE", path=f"{TASKS}/{CGT}")
    assert upstream.cancel(replace(task, state=State.PROCESSING)) is None
    assert upstream.cancel(replace(task, provider_task_id="")) is None
