from __future__ import annotations

import pytest

from reelkeep.dialects.vidu_native.client import upstream
from reelkeep.domain import errors
from reelkeep.domain.observation import (
    Accepted,
    DispatchOutcome,
    Failed,
    Missing,
    Observation,
    Pending,
    Refused,
    Succeeded,
    Unknown,
)
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json, ProviderRequest, ProviderResponse
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, answer, task_of
from tests.unit.dialects.vidu_native_harness import PATH, SUBMISSION, native


def test_a_clients_body_travels_untouched_but_for_what_is_ours() -> None:
    sent = {**SUBMISSION, "hologram": [1], "provider": "p", "callback_url": "https://me.test/cb"}
    call = upstream.dispatch(task_of(native.parse(sent)))
    assert call == ProviderRequest(method="POST", path=PATH, body={**SUBMISSION, "hologram": [1]})


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "veo3",
                "prompt": "rain",
                "duration": 8,
                "resolution": "1080p",
                "aspect_ratio": "16:9",
                "seed": -1,
                "watermark": False,
                "payload": "theirs",
                "body": {"n": 1},
            },
            {
                "model": "veo3",
                "prompt": "rain",
                "images": [],
                "aspect_ratio": "16:9",
                "size": "1080P",
                "duration": 8,
            },
        ),
        (
            {
                "kind": Kind.IMG2VIDEO,
                "model": "viduq2",
                "prompt": "rain",
                "images": (BOAT,),
                "aspect_ratio": "adaptive",
            },
            {"model": "viduq2", "prompt": "rain", "images": [BOAT]},
        ),
        (
            {
                "kind": Kind.REFERENCE2VIDEO,
                "model": "veo3.1-components",
                "prompt": "rain",
                "images": (BOAT,),
                "resolution": "4K",
            },
            {"model": "veo3.1-components", "prompt": "rain", "images": [BOAT], "size": "4K"},
        ),
    ],
)
def test_a_request_of_another_dialect_is_said_in_its_words(request_: Json, body: Json) -> None:
    call = upstream.dispatch(task_of(Request(dialect="volc_ark", **request_)))
    assert call == ProviderRequest(method="POST", path=PATH, body=body)


RAIN: dict[str, Json] = {"kind": Kind.TEXT2VIDEO, "model": "m", "prompt": "rain"}


@for_each(
    "request_, field",
    [
        ({**RAIN, "unexpressed": ("camera_fixed",), "seed": 7}, "camera_fixed"),
        ({**RAIN, "kind": Kind.UPSCALE}, "kind"),
        ({**RAIN, "model": ""}, "model"),
        ({**RAIN, "kind": Kind.IMG2VIDEO, "images": (BOAT,), "prompt": ""}, "prompt"),
        ({**RAIN, "kind": Kind.REFERENCE2VIDEO, "images": (BOAT,)}, "images"),
        ({**RAIN, "seed": 7}, "seed"),
        ({**RAIN, "audio": False}, "audio"),
        ({**RAIN, "watermark": True}, "watermark"),
        ({**RAIN, "last_frame": True}, "last_frame"),
        ({**RAIN, "off_peak": True}, "off_peak"),
        ({**RAIN, "aspect_ratio": "adaptive"}, "aspect_ratio"),
    ],
)
def test_what_it_has_no_words_for_is_refused_by_name(request_: Json, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        upstream.dispatch(task_of(Request(dialect="volc_ark", **request_)))
    assert refused.value.field == field


def openai_error(code: str, message: str = "no") -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        (answer(200, native.golden("seed-pending")), Accepted("033fa60e-f37c-4ff6-a44d-5585ffea938d")),
        (answer(200, native.golden("seed-completed")), Accepted("grok:299604b7-c5ea-47b5-bc64-c06f300f0d27")),
        (answer(200, native.golden("peer-submitted")), Accepted("grok:299604b7-c5ea-47b5-bc64-c06f300f0d27")),
        (answer(200, {"status": "pending"}), Unknown("the provider accepted something, but named no task")),
        (
            answer(403, openai_error("insufficient_user_quota")),
            Refused(Failure(reason=FailureClass.CREDIT, code="insufficient_user_quota", message="no")),
        ),
        (
            answer(400, openai_error("bad_size", "size is wrong")),
            Refused(Failure(reason=FailureClass.INPUT, code="bad_size", message="size is wrong")),
        ),
    ],
)
def test_the_answer_to_the_billable_call_is_read_with_care(
    answered: ProviderResponse, outcome: DispatchOutcome
) -> None:
    assert upstream.read_dispatched(answered) == outcome


FILES = "https://media.example.com"
GROK = (
    Asset(name="video", source=f"{FILES}/file_download/ca10efbb-ae64-426e-99f0-f365bc3cd941.mp4"),
    Asset(name="cover", source=f"{FILES}/file_download/f4fd6fe4-8091-4528-be32-335f4fc9af65.jpg"),
)
PEER = native.golden("peer-completed")


@pytest.mark.parametrize(
    ("said", "assets"),
    [
        (native.golden("seed-completed"), GROK),
        (PEER, (Asset(name="video", source=f"{FILES}/peer.mp4"),)),
        (PEER | {"id": "another", "status": "success"}, (Asset(name="video", source=f"{FILES}/peer.mp4"),)),
    ],
)
def test_a_success_is_read_in_every_shape_whatever_id_it_carries(said: Json, assets: tuple[Asset, ...]) -> None:
    assert upstream.read_observed(answer(200, said)) == Succeeded((Creation(id="1", assets=assets),))


@pytest.mark.parametrize(
    ("answered", "observed"),
    [
        (answer(200, native.golden("seed-pending")), Pending(State.QUEUEING)),
        (answer(200, {"status": "processing", "progress": 40}), Pending(State.PROCESSING)),
        (answer(404, openai_error("task_not_exist")), Missing()),
        (answer(400, {"code": "task_not_exist", "message": "", "data": None}), Missing()),
    ],
)
def test_an_observation_says_no_more_than_was_learned(answered: ProviderResponse, observed: Observation) -> None:
    assert upstream.read_observed(answered) == observed


@pytest.mark.parametrize(
    ("error", "kind", "code", "message"),
    [
        ("blocked by the safety filter", FailureClass.POLICY, "", "blocked by the safety filter"),
        ({"code": "quota_exceeded", "message": "pay"}, FailureClass.CREDIT, "quota_exceeded", "pay"),
        ("", FailureClass.PROVIDER, "", "the provider failed, and gave no reason"),
    ],
)
def test_a_failure_keeps_what_the_provider_said(error: Json, kind: FailureClass, code: str, message: str) -> None:
    said = native.golden("seed-completed") | {"status": "failed", "video_url": None, "error": error}
    observed = upstream.read_observed(answer(200, said))
    assert isinstance(observed, Failed)
    failure = observed.failure
    assert (failure.reason, failure.code, failure.message) == (kind, code, message)
