from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reelkeep.dialects import upstream as upstream_named
from reelkeep.dialects.families.gateway import Gateway
from reelkeep.dialects.openai_videos import client as openai_client
from reelkeep.dialects.openai_videos import server as openai_server
from reelkeep.dialects.video_generations import client as flat_client
from reelkeep.dialects.video_generations import server as flat_server
from reelkeep.domain import errors, observation
from reelkeep.domain.observation import (
    Accepted,
    DispatchOutcome,
    Failed,
    Missing,
    NotYet,
    Pending,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json, ProviderRequest
from tests.unit.dialects.harness import Speaker, answer, task_of
from tests.unit.dialects.videos_harness import BODY, FIRST, request_of

UPSTREAMS = [openai_client.upstream, flat_client.upstream]
FLAT, OPENAI = Speaker(flat_server.dialect), Speaker(openai_server.dialect)
LINK = "https://cdn.example.com/v.mp4"
SIGNED = f"{LINK}?X-Tos-Date=20260106T080100Z&X-Tos-Expires=86400"
SIGNED_UNTIL = datetime(2026, 1, 7, 8, 1, tzinfo=UTC)
anywhere = pytest.mark.parametrize("upstream", UPSTREAMS, ids=lambda upstream: upstream.name)


@anywhere
def test_it_is_found_as_a_providers_dialect(upstream: Gateway) -> None:
    assert upstream_named(upstream.name) is upstream
    assert upstream.authorization.format(key="sk-x") == "Bearer sk-x"


# --- dispatching ---


@anywhere
def test_a_clients_body_travels_untouched_but_for_what_is_ours_and_nulls(upstream: Gateway) -> None:
    body = {**BODY, "hologram": {"depth": 3}, "metadata": {"style": "noir"}}
    ours = {"provider": "gateway", "callback_url": "https://me.test"}
    request = request_of(upstream.name, body={**body, "seed": None, **ours})
    request = replace(request, unexpressed=("hologram",))
    assert upstream.dispatch(task_of(request)) == ProviderRequest(method="POST", path=upstream.path, body=body)


@anywhere
def test_what_another_dialect_said_beyond_words_is_refused_by_name(upstream: Gateway) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        upstream.dispatch(task_of(request_of("volc_ark", unexpressed=("camera_fixed",))))
    assert refused.value.field == "camera_fixed"


def test_each_path_gets_an_image_in_the_words_that_it_reads() -> None:
    task = task_of(request_of("volc_ark", kind=Kind.IMG2VIDEO, images=(FIRST,), aspect_ratio=""))
    flat = {
        "model": "viduq3-pro",
        "prompt": "a paper boat",
        "image": FIRST,
        "duration": 5,
        "size": "720p",
        "metadata": {"resolution": "720p"},
    }
    assert flat_client.upstream.dispatch(task) == ProviderRequest(
        method="POST", path="/v1/video/generations", body=flat
    )
    more = {"seconds": "5", "input_reference": FIRST}
    assert openai_client.upstream.dispatch(task) == ProviderRequest(
        method="POST", path="/v1/videos", body={**flat, **more}
    )


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, FLAT.golden("provider-submitted"), Accepted("task_a1")),
        (200, FLAT.golden("provider-submitted-documented"), Accepted("abcd1234efgh")),
        (200, OPENAI.golden("provider-submitted"), Accepted("video_a1")),
        (201, {"id": "grok:7f3c"}, Accepted("grok:7f3c")),
        (200, {"code": "success", "message": "", "data": "task_a1"}, Accepted("task_a1")),
        (200, {"code": "success", "data": {"id": 12, "task_id": "task_a1"}}, Accepted("task_a1")),
        (200, {"id": 885000000000000001}, Accepted("885000000000000001")),
        (200, {"code": "success", "data": None}, Unknown("the provider accepted something, but named no task")),
        (400, {"code": "fail_to_fetch_task", "message": "RateLimitExceeded.EndpointRPMExceeded"}, NotYet(7.0)),
    ],
)
@anywhere
def test_an_answer_to_a_submission_is_understood(
    upstream: Gateway, status: int, body: Json, outcome: DispatchOutcome
) -> None:
    assert upstream.read_dispatched(answer(status, body, retry_after="7")) == outcome


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (
            400,
            {"code": "invalid_request", "message": "prompt is required", "data": None},
            FailureClass.INPUT,
            "invalid_request",
            "prompt is required",
        ),
        (
            400,
            {"code": "fail_to_fetch_task", "message": '{"reason":"TaskPromptPolicyViolation"}', "data": None},
            FailureClass.POLICY,
            "fail_to_fetch_task",
            '{"reason":"TaskPromptPolicyViolation"}',
        ),
        (
            403,
            {"error": {"code": "insufficient_user_quota", "message": "no", "type": "new_api_error"}},
            FailureClass.CREDIT,
            "insufficient_user_quota",
            "no",
        ),
        (
            429,
            {"error": {"code": "insufficient_quota", "message": "no", "type": "insufficient_quota"}},
            FailureClass.CREDIT,
            "insufficient_quota",
            "no",
        ),
        (402, None, FailureClass.CREDIT, "", "the provider answered 402"),
        (
            401,
            {"error": {"message": "Invalid token sk-x", "type": "new_api_error"}},
            FailureClass.PROVIDER,
            "new_api_error",
            "the provider refused the key that Reelkeep has for it; the operator must correct it",
        ),
        (404, b"<html>", FailureClass.PROVIDER, "", "the provider answered 404"),
        (
            404,
            {"error": {"message": "Invalid URL (POST /v1/videos)", "type": "invalid_request_error"}},
            FailureClass.PROVIDER,
            "invalid_request_error",
            "Invalid URL (POST /v1/videos)",
        ),
        (
            503,
            {"error": {"code": "model_not_found", "message": "no channel for it", "type": "new_api_error"}},
            FailureClass.INPUT,
            "model_not_found",
            "no channel for it",
        ),
        (200, {"code": "prompt_blocked", "message": "no", "data": None}, FailureClass.POLICY, "prompt_blocked", "no"),
        (200, {"error": {"code": 1201, "message": "no"}}, FailureClass.INPUT, "1201", "no"),
    ],
)
@anywhere
def test_a_refused_submission_says_why(
    upstream: Gateway, status: int, body: Json, kind: FailureClass, code: str, message: str
) -> None:
    refused = observation.Refused(Failure(reason=kind, code=code, message=message))
    assert upstream.read_dispatched(answer(status, body)) == refused


# --- polling ---


def made(source: str, expires_at: datetime | None = None, task_id: str = "task_a1", **facts: float) -> Creation:
    whole: Any = {name: int(value) if name in ("width", "height") else float(value) for name, value in facts.items()}
    video = Asset(name="video", source=source, expires_at=expires_at)
    return Creation(id=task_id, assets=(video,), **whole)


CONTENT = "./v1/videos/task_a1/content"
COVERED = replace(
    made(LINK), assets=(Asset(name="video", source=LINK), Asset(name="cover", source="https://cdn.example.com/c.jpg"))
)
SEEDED = made("https://example.com/video.mp4", task_id="abcd1234efgh", duration=5, fps=30, width=1280, height=720)
SORA = made(
    "./v1/videos/video_a1/content",
    datetime(2026, 1, 6, 9, 1, 20, tzinfo=UTC),
    task_id="video_a1",
    duration=4,
    width=720,
    height=1280,
)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (FLAT.golden("provider-envelope-success"), Succeeded((made(SIGNED, SIGNED_UNTIL),), seconds=60)),
        (FLAT.golden("provider-envelope-success-old"), Succeeded((made(LINK),), seconds=60)),
        (FLAT.golden("seed-completed"), Succeeded((SEEDED,), seed=20231234)),
        (FLAT.golden("provider-video-url"), Succeeded((COVERED,))),
        (FLAT.golden("provider-rc30-success"), Succeeded((made(CONTENT),), seconds=285)),
        (OPENAI.golden("provider-success"), Succeeded((made(SIGNED, SIGNED_UNTIL),), tokens=108900, seconds=55)),
        (OPENAI.golden("provider-success-without-link"), Succeeded((SORA,), seconds=80)),
        (
            {"id": "task_a1", "status": "succeeded", "url": "http://localhost:3000/v1/videos/task_a1/content"},
            Succeeded((made(CONTENT),)),
        ),
        (
            {"task_id": "task_a1", "status": "SUCCESS", "result_url": "https://b.test/api/v1/videos/b-9/content?x=1"},
            Succeeded((made(CONTENT),)),
        ),
        ({"status": "completed", "video_url": LINK}, Succeeded((made(LINK, task_id="1"),))),
        *(
            ({"id": "task_a1", "status": "completed", **where}, Succeeded((made(LINK),)))
            for where in (
                {"creations": [{"id": "c1"}], "video_url": LINK},
                {
                    "creations": [{"id": "c1"}],
                    "prompt": "a",
                    "video_url": "https://b.test/in.mp4",
                    "result_url": LINK,
                },
                {"gcsUri": LINK},
                {"output": f"Here it is: ![cover](https://b.test/1.png) [video]({LINK})"},
                {"text": f"<video src='{LINK}' controls></video>"},
            )
        ),
        (
            {
                "id": "task_a1",
                "status": "done",
                "response": {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": LINK}}]}},
            },
            Succeeded((made(LINK, task_id="1"),)),
        ),
        ({"id": "task_a1", "status": "completed", "expires_at": 10**30, "url": ""}, Succeeded((made(CONTENT),))),
        (FLAT.golden("provider-envelope-running"), Pending(State.PROCESSING)),
        (OPENAI.golden("provider-running"), Pending(State.PROCESSING)),
        (OPENAI.golden("provider-submitted"), Pending(State.QUEUEING)),
        ({"data": {"status": "NOT_START"}}, Pending(State.QUEUEING)),
        ({"data": {"status": "SUBMITTED"}}, Pending(State.QUEUEING)),
        ({"status": "unknown"}, Pending(State.PROCESSING, "unknown")),
        ({"status": "image_downloading"}, Pending(State.PROCESSING, "image_downloading")),
        (
            FLAT.golden("provider-envelope-failure"),
            Failed(Failure(reason=FailureClass.POLICY, message="CreationPolicyViolation")),
        ),
        (
            FLAT.golden("provider-flat-failure"),
            Failed(Failure(reason=FailureClass.POLICY, code="400", message="sensitive content")),
        ),
        (
            OPENAI.golden("provider-failure"),
            Failed(
                Failure(
                    reason=FailureClass.POLICY,
                    code="moderation_blocked",
                    message="Your request was blocked by our moderation system.",
                )
            ),
        ),
        (
            {"status": "failed", "error": "GPU on fire"},
            Failed(Failure(reason=FailureClass.PROVIDER, message="GPU on fire", retryable=True)),
        ),
        (
            {"status": "failed", "error": {"code": "InvalidParameter", "message": "ratio"}},
            Failed(Failure(reason=FailureClass.INPUT, code="InvalidParameter", message="ratio")),
        ),
        (
            {"status": "expired"},
            Failed(Failure(reason=FailureClass.EXPIRED, message="it expired at the provider", retryable=True)),
        ),
        (
            {"status": "cancelled"},
            Failed(Failure(reason=FailureClass.CANCELLED, message="it was cancelled at the provider")),
        ),
    ],
)
@anywhere
def test_every_shape_that_was_seen_is_understood_at_either_path(
    upstream: Gateway, body: Json, seen: observation.Observation
) -> None:
    assert without_optional(upstream.read_observed(answer(200, body))) == seen


def without_optional(seen: observation.Observation) -> observation.Observation:
    if not isinstance(seen, Succeeded):
        return seen
    creations = (
        replace(made, assets=tuple(asset for asset in made.assets if not asset.optional)) for made in seen.creations
    )
    return replace(seen, creations=tuple(creations))


@pytest.mark.parametrize("link", [{}, {"metadata": {"url": "https://cdn.example.com/film.mp4"}}])
def test_openais_own_thumbnail_is_at_its_path_wherever_the_video_is(link: dict[str, Json]) -> None:
    body = OPENAI.golden("provider-success-without-link") | link
    seen = openai_client.upstream.read_observed(answer(200, body))
    assert isinstance(seen, Succeeded)
    (_, cover) = seen.creations[0].assets
    assert cover.source == "./v1/videos/video_a1/content?variant=thumbnail"
    assert (cover.name, cover.optional) == ("cover", True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, FLAT.golden("provider-not-there")),
        (404, OPENAI.golden("provider-not-there")),
        (404, {"error": {"message": "Task not found", "type": "invalid_request_error", "param": None, "code": None}}),
    ],
)
@anywhere
def test_a_task_that_is_not_there_is_missing(upstream: Gateway, status: int, body: Json) -> None:
    assert upstream.read_observed(answer(status, body)) == Missing()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"code": "success", "data": None}),
        (200, {"status": "completed"}),
        (404, {"error": {"message": "Invalid URL (GET /v1/videos/task_a1)", "type": "invalid_request_error"}}),
        (400, {"code": "invalid_channel_id", "message": "no", "data": None}),
    ],
)
@anywhere
def test_what_makes_no_sense_is_stored_and_gives_nothing_up(upstream: Gateway, status: int, body: Json) -> None:
    seen = upstream.read_observed(answer(status, body))
    assert isinstance(seen, Unreadable)
    assert seen.raw == (body if isinstance(body, bytes) else json.dumps(body).encode())


@anywhere
def test_nothing_is_cancelled_and_nothing_lost_is_found(upstream: Gateway) -> None:
    task = task_of(request_of("d"))
    assert (upstream.cancel(task), upstream.find(task, lambda _: None)) == (None, None)


@pytest.mark.parametrize(
    ("name", "sent", "body"),
    [
        ("video_generations", {"prompt": "a boat"}, {"prompt": "a boat", "model": "viduq3-pro"}),
        ("video_generations", {"prompt": "a boat", "model": "mine"}, {"prompt": "a boat", "model": "mine"}),
        ("video_generations", {"prompt": "a boat", "model": ""}, {"prompt": "a boat", "model": "viduq3-pro"}),
        ("kling", {"prompt": "a boat"}, {"prompt": "a boat"}),
        ("vidu_v1", {"settings": {"model": "mine"}}, {"settings": {"model": "mine"}}),
    ],
)
def test_a_body_without_a_model_gets_the_provider_s_where_its_format_has_that_field(
    name: str, sent: Json, body: Json
) -> None:
    provider = upstream_named(name)
    assert provider is not None
    task = task_of(Request(dialect=name, kind=Kind.TEXT2VIDEO, model="viduq3-pro", body=sent))
    written = provider.dispatch(task).body
    assert written == {**body, **({"external_task_id": task.id} if name == "kling" else {})}
