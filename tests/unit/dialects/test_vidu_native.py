from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkeep.dialects.vidu_native import dialect, upstream
from reelkeep.domain import errors
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    Failed,
    Missing,
    NotYet,
    Observation,
    Pending,
    Placement,
    Refused,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Answer, Call, Json
from tests.unit.dialects.stage import BOAT, NOW, TASK_ID, TINY, Speaker, answer, finished, task_of, values

native = Speaker(dialect)

PATH = "/vidu-native/video/generations"
SUBMISSION = {
    "model": "grok-video-3",
    "prompt": "a paper boat",
    "images": [],
    "aspect_ratio": "3:2",
    "size": "720P",
    "duration": 6,
}
UPDATED = 1_767_686_402_123  # NOW and two seconds, in milliseconds

# --- submitting ---


@pytest.mark.parametrize(
    ("body", "understood"),
    [
        (
            SUBMISSION,
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "grok-video-3",
                "prompt": "a paper boat",
                "duration": 6,
                "resolution": "720p",
                "aspect_ratio": "3:2",
            },
        ),
        (
            {"model": "viduq2", "prompt": "it sails", "images": [BOAT], "provider": "second"},
            {
                "kind": Kind.IMG2VIDEO,
                "model": "viduq2",
                "prompt": "it sails",
                "images": (BOAT,),
                "provider": "second",
            },
        ),
        (
            {"model": "veo3-fast-frames", "prompt": "it sails", "images": [BOAT, TINY]},
            {
                "kind": Kind.START_END2VIDEO,
                "model": "veo3-fast-frames",
                "prompt": "it sails",
                "images": (BOAT, TINY),
            },
        ),
        (
            {"model": "veo2-fast-components", "prompt": "it sails", "images": [BOAT]},
            {
                "kind": Kind.REFERENCE2VIDEO,
                "model": "veo2-fast-components",
                "prompt": "it sails",
                "images": (BOAT,),
            },
        ),
        (
            {"model": "viduq2", "prompt": "it sails", "images": [BOAT, TINY, BOAT]},
            {"kind": Kind.REFERENCE2VIDEO, "model": "viduq2", "prompt": "it sails", "images": (BOAT, TINY, BOAT)},
        ),
        (  # what carries a meaning that only this family knows; and what carries none
            {
                "model": "veo3",
                "prompt": "it sails",
                "images": None,
                "size": "",
                "enhance_prompt": True,
                "enable_upsample": False,
                "seed": 7,
                "callback_url": "https://me.test/cb",
            },
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "veo3",
                "prompt": "it sails",
                "callback_url": "https://me.test/cb",
                "unexpressed": ("enhance_prompt", "seed"),
            },
        ),
    ],
)
def test_a_submission_is_understood_and_kept_word_for_word(body: Json, understood: Json) -> None:
    assert native.parse(body) == Request(dialect="vidu_native", body=body, **understood)


LACKING, INVALID = "missing_required_parameter", "invalid_value"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"model": None}, "model", LACKING),
        ({"model": ["veo3"]}, "model", INVALID),
        ({"prompt": ""}, "prompt", LACKING),
        ({"prompt": "é" * 5001}, "prompt", INVALID),
        ({"images": BOAT}, "images", INVALID),
        ({"images": [BOAT] * 8}, "images", INVALID),
        ({"images": [BOAT, None]}, "images[1]", INVALID),
        ({"images": ["file:///etc/passwd"]}, "images[0]", INVALID),
        ({"aspect_ratio": "wide"}, "aspect_ratio", INVALID),
        ({"size": 720}, "size", INVALID),
        ({"size": "7" * 257}, "size", INVALID),
        ({"duration": "6"}, "duration", INVALID),
        ({"duration": 0}, "duration", INVALID),
        ({"duration": 10**30}, "duration", INVALID),
        ({"callback_url": "me"}, "callback_url", INVALID),
    ],
)
def test_a_bad_field_is_refused_by_name(changes: Json, field: str, code: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        native.parse({**SUBMISSION, **changes})
    status, body = native.refusal(refused.value)
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, field, code)
    assert field in body["error"]["message"]
    native.fits("ViduNativeError", body)


def test_a_body_that_no_function_could_be_given_is_too_large() -> None:
    with pytest.raises(errors.BodyTooLarge):
        native.parse(b" " * (5 * 1024 * 1024 + 1))


def test_the_answer_to_a_submission_is_the_siblings() -> None:
    task = task_of(native.parse(SUBMISSION), state=State.QUEUEING)
    assert native.submitted(task) == {
        "id": TASK_ID,
        "status": "pending",
        "status_update_time": UPDATED,
        "enhanced_prompt": "",
    }


# --- reading ---


def test_a_finished_task_has_the_five_fields_of_the_page() -> None:
    shown = native.shown(finished(native.parse(SUBMISSION)))
    assert shown == {
        "id": TASK_ID,
        "status": "completed",
        "video_url": "https://reelkeep.example.com/files/1-video.mp4",
        "enhanced_prompt": "",
        "status_update_time": UPDATED,
    }
    assert shown.keys() == native.golden("seed-pending").keys()


def test_the_pages_example_of_a_pending_task_is_served_as_it_is_and_its_schema_admits_it() -> None:
    seed = native.golden("seed-pending")
    updated_at = datetime.fromtimestamp(seed["status_update_time"] / 1000, UTC)
    task = replace(task_of(native.parse(SUBMISSION), state=State.QUEUEING), updated_at=updated_at)
    assert native.shown(task) == seed | {"id": TASK_ID, "enhanced_prompt": ""}
    jsonschema.validate(native.shown(task), native.golden("seed-schema"))


def test_the_pages_schema_admits_a_finished_task_but_for_its_link_which_it_knows_as_null_only() -> None:
    schema = native.golden("seed-schema")
    schema["properties"]["video_url"] = {"type": "string"}
    jsonschema.validate(native.shown(finished(native.parse(SUBMISSION))), schema)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State.CREATED, "pending"),
        (State.QUEUEING, "pending"),
        (State.PROCESSING, "processing"),
        (State.ARCHIVING, "processing"),
    ],
)
def test_an_unfinished_task_has_no_video(state: State, word: str) -> None:
    task = replace(finished(native.parse(SUBMISSION)), state=state)
    assert native.shown(task) == {
        "id": TASK_ID,
        "status": word,
        "video_url": None,
        "enhanced_prompt": "",
        "status_update_time": UPDATED,
    }


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
def test_a_failed_task_says_why(state: State) -> None:
    failure = Failure(reason=FailureClass.POLICY, code="unsafe", message="the prompt is not allowed")
    shown = native.shown(task_of(native.parse(SUBMISSION), state=state, failure=failure))
    assert (shown["status"], shown["video_url"], shown["error"]) == ("failed", None, "the prompt is not allowed")
    native.fits("ViduNativeTask", shown)


def test_a_task_of_another_dialect_can_be_read() -> None:
    request = Request(dialect="vidu_ent_v2", kind=Kind.UPSCALE, creation_id="885", body={"size": 7})
    assert native.shown(finished(request))["status"] == "completed"


# --- errors, the document ---


def test_an_unknown_task_is_not_found_in_the_same_form() -> None:
    assert native.refusal(errors.NotFound("there is no task 7", field="task_id")) == (
        404,
        {
            "error": {
                "message": "there is no task 7",
                "type": "invalid_request_error",
                "param": "task_id",
                "code": "not_found",
            }
        },
    )


def test_the_fields_of_a_request_are_named_as_the_client_spelled_them() -> None:
    error = errors.InvalidRequest("resolution cannot be expressed at this provider", field="resolution")
    assert native.refusal(error)[1]["error"]["param"] == "size"


def test_a_fault_of_ours_says_nothing_of_itself() -> None:
    reply = dialect.render_fault()
    assert reply.status == 500
    native.fits("ViduNativeError", reply.body)


@pytest.mark.parametrize("name", ["seed-pending"])
def test_the_pages_example_fits_the_published_schema(name: str) -> None:
    native.fits("ViduNativeTask", native.golden(name))


def test_the_examples_of_the_document_can_be_submitted() -> None:
    for example in dialect.schemas["ViduNativeSubmission"]["examples"]:
        assert native.parse(example).body == example


# --- towards a provider ---


def test_a_clients_body_travels_untouched_but_for_what_is_ours() -> None:
    sent = {**SUBMISSION, "hologram": [1], "provider": "p", "callback_url": "https://me.test/cb"}
    call = upstream.place(task_of(native.parse(sent)))
    assert call == Call(method="POST", path=PATH, body={**SUBMISSION, "hologram": [1]})


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
    call = upstream.place(task_of(Request(dialect="volc_ark", **request_)))
    assert call == Call(method="POST", path=PATH, body=body)


RAIN: dict[str, Json] = {"kind": Kind.TEXT2VIDEO, "model": "m", "prompt": "rain"}


@pytest.mark.parametrize(
    ("request_", "field"),
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
        upstream.place(task_of(Request(dialect="volc_ark", **request_)))
    assert refused.value.field == field


def openai_error(code: str, message: str = "no") -> Json:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


KEY_REFUSED = "the provider refused the key that Reelkeep has for it; an operator must mend that"


@pytest.mark.parametrize(
    ("answered", "placement"),
    [
        (answer(200, native.golden("seed-pending")), Accepted("033fa60e-f37c-4ff6-a44d-5585ffea938d")),
        (answer(200, native.golden("seed-completed")), Accepted("grok:299604b7-c5ea-47b5-bc64-c06f300f0d27")),
        (answer(200, native.golden("peer-submitted")), Accepted("grok:299604b7-c5ea-47b5-bc64-c06f300f0d27")),
        (answer(200, {"status": "pending"}), Unknown("the provider accepted something, but named no task")),
        (answer(429, openai_error("rate_limit_exceeded"), retry_after="40"), NotYet(40.0)),
        (answer(500, b""), Unknown("the provider answered the submission with 500")),
        (answer(403, b""), Refused(Failure(reason=FailureClass.PROVIDER, message=KEY_REFUSED))),
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
def test_the_answer_to_the_billable_call_is_read_with_care(answered: Answer, placement: Placement) -> None:
    assert upstream.read_placed(answered) == placement


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
        (answer(200, {"status": "image_downloading"}), Pending(State.PROCESSING, "image_downloading")),
        (answer(404, openai_error("task_not_exist")), Missing()),
        (answer(400, {"code": "task_not_exist", "message": "", "data": None}), Missing()),
        (answer(404, b"<html>"), Unreadable("the provider answered 404", b"<html>")),
        (answer(503, b"", retry_after="7"), Busy("the provider answered 503", 7.0)),
        (answer(401, b""), Busy("the provider refused the key that Reelkeep has for it")),
        (answer(200, b"<html>"), Unreadable("the provider named no status", b"<html>")),
    ],
)
def test_an_observation_says_no_more_than_was_learned(answered: Answer, observed: Observation) -> None:
    assert upstream.read_observed(answered) == observed


def test_a_success_without_a_link_is_not_taken_for_one() -> None:
    answered = answer(200, native.golden("seed-completed") | {"video_url": None})
    assert upstream.read_observed(answered) == Unreadable(
        "the provider reported success without a link to a video", answered.body, made=True
    )


@pytest.mark.parametrize(
    ("error", "kind", "code", "message"),
    [
        ("blocked by the safety filter", FailureClass.POLICY, "", "blocked by the safety filter"),
        ({"code": "quota_exceeded", "message": "pay"}, FailureClass.CREDIT, "quota_exceeded", "pay"),
        ("", FailureClass.PROVIDER, "", "it failed"),
    ],
)
def test_a_failure_keeps_what_the_provider_said(error: Json, kind: FailureClass, code: str, message: str) -> None:
    said = native.golden("seed-completed") | {"status": "failed", "video_url": None, "error": error}
    observed = upstream.read_observed(answer(200, said))
    assert isinstance(observed, Failed)
    failure = observed.failure
    assert (failure.reason, failure.code, failure.message) == (kind, code, message)


def test_a_task_is_asked_for_by_the_id_that_was_given_with_its_colon() -> None:
    task = task_of(native.parse(SUBMISSION), provider_task_id="grok:299604b7-c5ea-47b5-bc64-c06f300f0d27")
    assert upstream.observe(task) == Call(method="GET", path=f"{PATH}/grok:299604b7-c5ea-47b5-bc64-c06f300f0d27")
    assert (upstream.cancel(task), upstream.find(task)) == (None, None)
    assert upstream.authorization.format(key="sk-1") == "Bearer sk-1"


NAMES = (
    "model", "prompt", "images", "size", "duration", "aspect_ratio", "id", "status", "video_url", "thumbnail_url",
    "error", "code", "message", "type", "data",
)  # fmt: skip
ANYTHING = values(NAMES, "completed", "failed", "success", "create", "task_not_exist", "720P", 6)


@settings(deadline=None)
@given(ANYTHING)
def test_nothing_a_client_sends_is_a_fault(said: Any) -> None:
    body = {**SUBMISSION, **said} if isinstance(said, dict) else said
    try:
        task = task_of(native.parse(body))
    except errors.ClientError:
        return
    native.fits("ViduNativeSubmitted", native.submitted(task))
    assert upstream.place(task).path == PATH


@settings(deadline=None)
@given(st.sampled_from([200, 400, 404, 429, 500]), ANYTHING | st.binary())
def test_nothing_a_provider_says_is_a_fault(status: int, said: Any) -> None:
    answered = answer(status, said)
    upstream.read_placed(answered)
    observed = upstream.read_observed(answered)
    if isinstance(observed, Succeeded):
        task = task_of(native.parse(SUBMISSION), state=State.SUCCESS, creations=observed.creations)
        native.fits("ViduNativeTask", native.shown(task))


def test_times_are_in_milliseconds() -> None:
    shown = native.shown(task_of(native.parse(SUBMISSION)))
    assert shown["status_update_time"] == int(NOW.timestamp() * 1000) + 2000
