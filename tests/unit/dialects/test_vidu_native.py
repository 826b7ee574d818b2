from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest

from reelkeep.dialects.vidu_native.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.task import Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, NOW, TASK_ID, TINY, finished, task_of
from tests.unit.dialects.vidu_native_harness import SUBMISSION, UPDATED, native

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
def test_a_submission_is_understood_and_copied_word_for_word(body: Json, understood: Json) -> None:
    assert native.parse(body) == Request(dialect="vidu_native", body=body, **understood)


LACKING, INVALID = "missing_required_parameter", "invalid_value"


@for_each(
    "changes, field, code",
    [
        ({"model": None}, "model", LACKING),
        ({"model": ["veo3"]}, "model", INVALID),
        ({"prompt": ""}, "prompt", LACKING),
        ({"prompt": "é" * 5001}, "prompt", INVALID),
        ({"images": BOAT}, "images", INVALID),
        ({"images": [BOAT] * 101}, "images", INVALID),
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


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        native.parse({"model": 7, "size": ["720P"], "duration": "6", "enhance_prompt": "yes"})
    assert refused.value.wrong == (
        ("model", "must be a string"),
        ("prompt", "is required"),
        ("size", "must be a string"),
        ("duration", "must be a whole number from 1 to 86400"),
        ("enhance_prompt", "must be true or false"),
    )


def test_how_many_pictures_a_model_takes_is_for_its_provider_to_say() -> None:
    assert len(native.parse({"model": "viduq4", "prompt": "it sails", "images": [BOAT] * 15}).images) == 15


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
    why = "the prompt is not allowed (unsafe)"
    assert (shown["status"], shown["video_url"], shown["error"]) == ("failed", None, why)
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


def test_times_are_in_milliseconds() -> None:
    shown = native.shown(task_of(native.parse(SUBMISSION)))
    assert shown["status_update_time"] == int(NOW.timestamp() * 1000) + 2000
