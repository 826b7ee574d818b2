from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.vidu_v1.client import upstream
from reelkeep.dialects.vidu_v1.server import dialect
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
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kept, Kind, Request, State
from reelkeep.domain.wire import Answer, Call, Json
from tests.unit.dialects.stage import BOAT, NOW, TASK_ID, TINY, Speaker, answer, finished, task_of, values

v1 = Speaker(dialect)

TEXT = {"type": "text", "content": "a paper boat", "enhance": True}
IMAGE = {"type": "image", "content": BOAT, "enhance": True}
USUAL = {"style": "general", "aspect_ratio": "16:9", "duration": 4, "model": "vidu-1"}
SUBMISSION = {"type": "text2video", "input": {"prompts": [TEXT]}, "settings": USUAL}


def asked(kind: str = "text2video", *prompts: Json, settings: Json = USUAL, **given_: Json) -> Json:
    return {"type": kind, "input": {"prompts": list(prompts), **given_}, "settings": settings}


# --- submitting ---


@pytest.mark.parametrize(
    ("body", "understood"),
    [
        (
            v1.golden("seed-request"),
            {"kind": Kind.UPSCALE, "model": "stable", "creation_id": "2370483030340581", "duration": 4},
        ),
        (
            SUBMISSION,
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "vidu-1",
                "prompt": "a paper boat",
                "duration": 4,
                "aspect_ratio": "16:9",
            },
        ),
        (
            asked("img2video", IMAGE, TEXT, settings={"model": "vidu-1.5", "duration": 8, "resolution": "720p"}),
            {
                "kind": Kind.IMG2VIDEO,
                "model": "vidu-1.5",
                "prompt": "a paper boat",
                "images": (BOAT,),
                "duration": 8,
                "resolution": "720p",
            },
        ),
        (
            {
                "type": "character2video",
                "input": v1.golden("seed-task")["input"],
                "settings": v1.golden("seed-task")["settings"],
                "provider": "second",
            },
            {
                "kind": Kind.REFERENCE2VIDEO,
                "model": "vidu-1",
                "prompt": "fly",
                "images": (v1.golden("seed-task")["input"]["prompts"][1]["content"],),
                "duration": 4,
                "aspect_ratio": "16:9",
                "provider": "second",
            },
        ),
        (
            asked(
                "headtailimg2video", IMAGE, {"type": "image", "content": TINY}, settings={"model": "m", "duration": 4}
            ),
            {"kind": Kind.START_END2VIDEO, "model": "m", "images": (BOAT, TINY), "duration": 4},
        ),
        (  # of next year
            asked(
                "text2video",
                TEXT,
                {**TEXT, "content": "no people", "negative": True},
                {"type": "material", "content": "m-7"},
                {**TEXT, "enhance": False},
                settings={
                    "model_version": "3.2",
                    "duration": 5,
                    "style": "anime",
                    "sample_count": 2,
                    "schedule_mode": "normal",
                    "codec": "h265",
                    "movement_amplitude": "auto",
                    "use_trial": False,
                    "hologram": {"on": 1},
                },
                seed=7,
                editor_mode="normal",
            ),
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "3.2",
                "prompt": "a paper boat\na paper boat",
                "duration": 5,
                "unexpressed": (
                    "input.prompts[1].negative",
                    "input.prompts[2].content",
                    "input.prompts[3].enhance",
                    "input.seed",
                    "settings.style",
                    "settings.sample_count",
                    "settings.codec",
                    "settings.hologram",
                ),
            },
        ),
        (  # what clients send for what they leave out
            {
                "type": "text2video",
                "input": {"creation_id": "0", "prompts": [{**TEXT, "recaption": "", "negative": None}], "lang": "en"},
                "settings": {"model": "m", "duration": 4, "style": "", "resolution": None, "aspect_ratio": ""},
                "callback_url": "",
            },
            {"kind": Kind.TEXT2VIDEO, "model": "m", "prompt": "a paper boat", "duration": 4},
        ),
    ],
)
def test_a_submission_is_understood_and_kept_word_for_word(body: Json, understood: Json) -> None:
    assert v1.parse(body) == Request(dialect="vidu_v1", body=body, **understood)


LACKING, INVALID, COUNT = "FieldLacking", "FieldInvalid", "FieldItemCountOutOfRange"
LONG = {"type": "text", "content": "é" * 5001}


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "type", LACKING),
        ({**SUBMISSION, "type": "text2song"}, "type", INVALID),
        ({**SUBMISSION, "type": ["text2video"]}, "type", INVALID),
        ({**SUBMISSION, "input": None}, "input", LACKING),
        ({**SUBMISSION, "input": []}, "input", INVALID),
        ({**SUBMISSION, "settings": "stable"}, "settings", INVALID),
        ({**SUBMISSION, "settings": {"duration": 4}}, "settings.model", LACKING),
        ({**SUBMISSION, "settings": {**USUAL, "model": 1}}, "settings.model", INVALID),
        ({**SUBMISSION, "settings": {**USUAL, "model": "m" * 257}}, "settings.model", INVALID),
        ({**SUBMISSION, "settings": {"model": "m"}}, "settings.duration", LACKING),
        ({**SUBMISSION, "settings": {**USUAL, "duration": 0}}, "settings.duration", INVALID),
        ({**SUBMISSION, "settings": {**USUAL, "duration": "4"}}, "settings.duration", INVALID),
        ({**SUBMISSION, "settings": {**USUAL, "duration": True}}, "settings.duration", INVALID),
        ({**SUBMISSION, "settings": {**USUAL, "aspect_ratio": "wide"}}, "settings.aspect_ratio", INVALID),
        ({**SUBMISSION, "settings": {**USUAL, "resolution": 720}}, "settings.resolution", INVALID),
        ({**SUBMISSION, "callback_url": "ftp://x"}, "callback_url", INVALID),
        ({**SUBMISSION, "provider": 7}, "provider", INVALID),
        (asked("upscale", creation_id=""), "input.creation_id", LACKING),
        (asked("upscale", creation_id="0"), "input.creation_id", INVALID),
        (asked("upscale", creation_id=2370483030340581), "input.creation_id", INVALID),
        (asked("upscale", IMAGE, creation_id="237"), "input.prompts", COUNT),
        (asked("text2video"), "input.prompts", LACKING),
        (asked("text2video", {**TEXT, "negative": True}), "input.prompts", LACKING),
        (asked("text2video", TEXT, IMAGE), "input.prompts", COUNT),
        (asked("img2video", TEXT), "input.prompts", COUNT),
        (asked("img2video", IMAGE, IMAGE), "input.prompts", COUNT),
        (asked("headtailimg2video", IMAGE), "input.prompts", COUNT),
        (asked("character2video", *[IMAGE] * 8), "input.prompts", COUNT),
        (asked("text2video", *[TEXT] * 21), "input.prompts", COUNT),
        (asked("text2video", "fly"), "input.prompts[0]", INVALID),
        (asked("text2video", TEXT, {"content": "fly"}), "input.prompts[1].type", LACKING),
        (asked("text2video", {"type": "text"}), "input.prompts[0].content", LACKING),
        (asked("text2video", LONG), "input.prompts[0].content", INVALID),
        (asked("img2video", {"type": "image", "content": "boat.png"}), "input.prompts[0].content", INVALID),
        ({**SUBMISSION, "input": {"prompts": "fly"}}, "input.prompts", INVALID),
    ],
)
def test_a_bad_field_is_refused_by_name(body: Json, field: str, reason: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        v1.parse(body)
    status, said = v1.refusal(refused.value)
    assert (refused.value.field, status, said["reason"]) == (field, 400, reason)
    assert field in said["message"]


def test_a_body_that_no_function_could_be_given_is_too_large() -> None:
    with pytest.raises(errors.BodyTooLarge):
        v1.parse(b" " * (5 * 1024 * 1024 + 1))


def test_the_answer_to_a_submission_is_the_seed_pages_own() -> None:
    seed = v1.golden("seed-task")
    request = v1.parse({name: seed[name] for name in ("type", "input", "settings")})
    task = replace(
        task_of(request, state=State.QUEUEING), created_at=datetime(2024, 7, 31, 16, 13, 39, 972262, tzinfo=UTC)
    )
    assert v1.submitted(task) == seed | {"id": TASK_ID}
    assert v1.shown(task) == v1.submitted(task)


def test_an_answer_holds_no_images_bytes() -> None:
    body = asked("img2video", {"type": "image", "content": TINY, "enhance": False, "recaption": "boat"})
    assert v1.submitted(task_of(v1.parse(body)))["input"]["prompts"] == [
        {
            "type": "image",
            "content": "data:image/png;base64,",
            "negative": False,
            "enhance": False,
            "recaption": "boat",
        }
    ]


def test_the_language_is_told_from_the_prompt_unless_the_client_said() -> None:
    def language(*prompts: Json, **given_: Json) -> str:
        return str(v1.submitted(task_of(v1.parse(asked("text2video", *prompts, **given_))))["input"]["lang"])

    assert language(TEXT) == "en"
    assert language({"type": "text", "content": "一只纸船"}) == "zh"
    assert language(TEXT, lang="fr") == "fr"


# --- reading ---


def test_a_finished_task_shows_permanent_links_and_what_was_measured() -> None:
    assert v1.shown(finished(v1.parse(SUBMISSION))) == v1.golden("served-success")


def test_a_creation_has_exactly_the_fields_that_were_seen() -> None:
    ours = v1.shown(finished(v1.parse(SUBMISSION)))["creations"][0]
    seen = v1.golden("provider-success")["creations"][0]
    assert {name: type(value) for name, value in ours.items()} == {name: type(value) for name, value in seen.items()}


@pytest.mark.parametrize(
    ("state", "failure", "word", "code"),
    [
        (State.CREATED, None, "created", ""),
        (State.ARCHIVING, None, "processing", ""),
        (State.FAILED, Failure(reason=FailureClass.POLICY, code="AuditFailed"), "failed", "AuditFailed"),
        (State.CANCELLED, Failure(reason=FailureClass.CANCELLED), "failed", "UserCancelled"),
        (State.EXPIRED, Failure(reason=FailureClass.DEADLINE), "failed", "InternalServiceFailure"),
    ],
)
def test_an_unfinished_or_failed_task_shows_no_creations(
    state: State, failure: Failure | None, word: str, code: str
) -> None:
    task = replace(finished(v1.parse(SUBMISSION)), state=state, failure=failure)
    shown = v1.shown(task)
    assert (shown["state"], shown["err_code"], shown["creations"]) == (word, code, [])
    v1.fits("ViduV1Task", shown)


def test_a_task_of_another_dialect_can_be_read() -> None:
    request = Request(
        dialect="volc_ark",
        kind=Kind.START_END2VIDEO,
        model="doubao-seedance-1-0-pro",
        prompt="it sails",
        images=(BOAT, TINY),
        body={"input": "?", "settings": 7},
    )
    assert v1.shown(task_of(request)) == v1.golden("served-foreign")


def test_a_creation_without_a_cover_or_facts_has_every_field() -> None:
    bare = Kept(key="tasks/1-video.mp4", bytes=1, sha256="ab" * 32, content_type="video/mp4")
    creation = Creation(id="1", assets=(Asset(name="video", kept=bare),))
    task = task_of(v1.parse(SUBMISSION), state=State.SUCCESS, creations=(creation,))
    v1.fits("ViduV1Task", v1.shown(task))


# --- errors, the document ---


def test_the_fields_of_a_request_are_named_as_the_client_spelled_them() -> None:
    error = errors.InvalidRequest("there is no creation 0", field="creation_id")
    assert v1.refusal(error) == (
        400,
        {
            "code": 400,
            "reason": "FieldInvalid",
            "message": "input.creation_id: there is no creation 0",
            "metadata": {"trace_id": ""},
        },
    )


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (errors.Unauthorized("no key"), 401, "Unauthorized"),
        (errors.NotFound("there is no task 7", field="task_id"), 404, "TaskNotFound"),
        (errors.NotFound("there is nothing here"), 404, "NotFound"),
        (errors.NotAllowed("DELETE is not allowed here"), 405, "MethodNotAllowed"),
        (errors.BodyTooLarge("too large"), 413, "RequestEntityTooLarge"),
        (errors.Refused(Failure(reason=FailureClass.CREDIT)), 400, "CreditInsufficient"),
        (errors.Refused(Failure(reason=FailureClass.PROVIDER, code="Unauthorized")), 400, "ModelUnavailable"),
    ],
)
def test_every_error_is_in_vidus_envelope(error: errors.ClientError, status: int, reason: str) -> None:
    answered, body = v1.refusal(error)
    assert (answered, body["code"], body["reason"]) == (status, status, reason)
    v1.fits("ViduV1Error", body)


def test_a_fault_of_ours_says_nothing_of_itself() -> None:
    reply = dialect.render_fault()
    body: Json = reply.body
    assert (reply.status, body["reason"]) == (500, "InternalServiceFailure")


@pytest.mark.parametrize("name", ["seed-task", "provider-success", "served-success", "served-foreign"])
def test_what_is_served_fits_its_published_schema(name: str) -> None:
    v1.fits("ViduV1Task", v1.golden(name))


def test_the_examples_of_the_document_can_be_submitted() -> None:
    for example in dialect.schemas["ViduV1Submission"]["examples"]:
        assert v1.parse(example).body == example


# --- towards a provider ---


def test_a_clients_body_travels_untouched_but_for_what_is_ours() -> None:
    sent = {
        **asked("img2video", IMAGE, seed=None, hologram=[1]),
        "provider": "p",
        "callback_url": "https://me.test/cb",
    }
    call = upstream.place(task_of(v1.parse(sent)))
    assert call == Call(method="POST", path="/vidu/v1/tasks", body=asked("img2video", IMAGE, seed=None, hologram=[1]))


def test_a_creation_of_ours_travels_under_its_providers_id() -> None:
    body = v1.golden("seed-request")
    own = replace(task_of(v1.parse(body)), source_creation="885")
    foreign = Request(dialect="reelkeep", kind=Kind.UPSCALE, creation_id=f"{TASK_ID}-1", resolution="1080p")
    for task in (own, task_of(foreign, source_creation="885")):
        assert upstream.place(task).body == {**body, "input": {"creation_id": "885"}}
    assert own.request.body["input"]["creation_id"] == "2370483030340581"


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "vidu-1",
                "prompt": "rain",
                "aspect_ratio": "9:16",
                "resolution": "360p",
                "seed": -1,
                "audio": False,
                "watermark": False,
                "payload": "theirs",
                "body": {"n": 1},
            },
            asked(
                "text2video",
                {**TEXT, "content": "rain"},
                settings={
                    "style": "general",
                    "aspect_ratio": "9:16",
                    "duration": 4,
                    "model": "vidu-1",
                    "resolution": "360p",
                },
            ),
        ),
        (
            {
                "kind": Kind.START_END2VIDEO,
                "model": "m",
                "images": (BOAT, TINY),
                "duration": 8,
                "aspect_ratio": "adaptive",
            },
            asked(
                "headtailimg2video",
                IMAGE,
                {**IMAGE, "content": TINY},
                settings={"style": "general", "duration": 8, "model": "m"},
            ),
        ),
        (
            {"kind": Kind.UPSCALE, "creation_id": "237", "audio": True},
            {"type": "upscale", "input": {"creation_id": "237"}, "settings": {"model": "stable", "duration": 4}},
        ),
    ],
)
def test_a_request_of_another_dialect_is_said_in_its_words(request_: Json, body: Json) -> None:
    call = upstream.place(task_of(Request(dialect="volc_ark", **request_)))
    assert call == Call(method="POST", path="/vidu/v1/tasks", body=body)


RAIN: dict[str, Json] = {"kind": Kind.TEXT2VIDEO, "model": "m", "prompt": "rain"}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({**RAIN, "unexpressed": ("camera_fixed", "frames"), "seed": 7}, "camera_fixed"),
        ({**RAIN, "kind": Kind.EXTEND}, "kind"),
        ({**RAIN, "model": ""}, "model"),
        ({**RAIN, "seed": 7}, "seed"),
        ({**RAIN, "audio": True}, "audio"),
        ({**RAIN, "watermark": True}, "watermark"),
        ({**RAIN, "last_frame": True}, "last_frame"),
        ({**RAIN, "off_peak": True}, "off_peak"),
        ({**RAIN, "aspect_ratio": "adaptive"}, "aspect_ratio"),
        ({**RAIN, "images": (BOAT,)}, "images"),
        ({"kind": Kind.UPSCALE, "video_url": "https://ex.test/v.mp4"}, "video_url"),
        ({"kind": Kind.UPSCALE}, "creation_id"),
        ({"kind": Kind.UPSCALE, "creation_id": "237", "resolution": "4K"}, "resolution"),
    ],
)
def test_what_it_has_no_words_for_is_refused_by_name(request_: Json, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        upstream.place(task_of(Request(dialect="volc_ark", **request_)))
    assert refused.value.field == field


def vidu_error(reason: str, status: int = 400) -> Json:
    return {"code": status, "reason": reason, "message": "no", "metadata": {"trace_id": "6f1e"}}


@pytest.mark.parametrize(
    ("answered", "placement"),
    [
        (answer(200, v1.golden("seed-task")), Accepted("2369218477629212")),
        (answer(200, {"id": 2369218477629212}), Accepted("2369218477629212")),
        (answer(200, []), Unknown("the provider accepted something, but named no task")),
        (answer(429, b""), NotYet()),
        (answer(502, b"<html>"), Unknown("the provider answered the submission with 502")),
        (
            answer(400, vidu_error("AuditSubmitIllegal")),
            Refused(Failure(reason=FailureClass.POLICY, code="AuditSubmitIllegal", message="no")),
        ),
    ],
)
def test_the_answer_to_the_billable_call_is_read_with_care(answered: Answer, placement: Placement) -> None:
    assert upstream.read_placed(answered) == placement


LINK = "https://vidu.cf.example.com/infer/{}?Expires=1722446430&Signature=c0ffee~{}__&Key-Pair-Id=K1"
DEATH = datetime(2024, 7, 31, 17, 20, 30, tzinfo=UTC)


def seen(name: str, file: str, number: int) -> Asset:
    return Asset(name=name, source=LINK.format(file, number), expires_at=DEATH)


MEASURED: dict[str, Any] = {"id": "2370000000000001", "duration": 3.85, "fps": 16.0, "width": 688, "height": 384}


@pytest.mark.parametrize(
    ("name", "creation"),
    [
        (
            "provider-success",
            Creation(assets=(seen("video", "video.mp4", 1), seen("cover", "cover.jpeg", 2)), **MEASURED),
        ),
        (
            "provider-success-newer",
            Creation(
                assets=(
                    seen("video", "clean.mp4", 3),
                    seen("cover", "cover.jpeg", 2),
                    seen("watermarked", "video.mp4", 1),
                ),
                **MEASURED,
            ),
        ),
        ("provider-success-strings", Creation(id="1", assets=(seen("video", "video.mp4", 1),))),
    ],
)
def test_a_success_is_read_in_every_shape_that_was_seen(name: str, creation: Creation) -> None:
    assert upstream.read_observed(answer(200, v1.golden(name))) == Succeeded((creation,))


@pytest.mark.parametrize(
    ("answered", "observed"),
    [
        (answer(200, v1.golden("seed-task")), Pending(State.QUEUEING)),
        (answer(200, {"state": "processing"}), Pending(State.PROCESSING)),
        (answer(200, {"state": "reviewing"}), Pending(State.PROCESSING, "reviewing")),
        (answer(404, vidu_error("TaskNotFound", 404)), Missing()),
        (answer(404, b"<html>"), Unreadable("the provider answered 404", b"<html>")),
        (answer(503, b"", retry_after="7"), Busy("the provider answered 503", 7.0)),
        (answer(401, b""), Busy("the provider refused the key that Reelkeep has for it")),
        (
            answer(200, {"state": "success", "creations": []}),
            Unreadable(
                "the provider reported success without a link to a video",
                b'{"state": "success", "creations": []}',
                made=True,
            ),
        ),
    ],
)
def test_an_observation_says_no_more_than_was_learned(answered: Answer, observed: Observation) -> None:
    assert upstream.read_observed(answered) == observed


def test_a_failure_keeps_the_providers_word() -> None:
    observed = upstream.read_observed(answer(200, v1.golden("provider-failed")))
    assert isinstance(observed, Failed)
    assert (observed.failure.reason, observed.failure.code) == (FailureClass.POLICY, "CreationPolicyViolation")


def test_a_task_is_asked_for_by_the_providers_id_and_neither_cancelled_nor_looked_for() -> None:
    task = task_of(v1.parse(SUBMISSION), provider_task_id="2369218477629212")
    assert upstream.observe(task) == Call(method="GET", path="/vidu/v1/tasks/2369218477629212")
    assert (upstream.cancel(task), upstream.find(task)) == (None, None)
    assert not upstream.read_cancelled(answer(200, {}))


NAMES = (
    "type", "input", "settings", "prompts", "content", "creation_id", "model", "duration", "aspect_ratio", "id",
    "state", "creations", "uri", "url", "nomark_uri", "video", "err_code", "reason", "negative", "lang",
)  # fmt: skip
ANYTHING = values(NAMES, "success", "failed", "text", "image", "img2video", "upscale", "TaskNotFound", TEXT, IMAGE, 4)


@settings(deadline=None)
@given(ANYTHING)
def test_nothing_a_client_sends_is_a_fault(said: Any) -> None:
    body = {**SUBMISSION, **said} if isinstance(said, dict) else said
    try:
        task = task_of(v1.parse(body))
    except errors.ClientError:
        return
    v1.fits("ViduV1Task", v1.submitted(task))
    assert upstream.place(task).path == "/vidu/v1/tasks"


@settings(deadline=None)
@given(st.sampled_from([200, 400, 404, 429, 500]), ANYTHING | st.binary())
def test_nothing_a_provider_says_is_a_fault(status: int, said: Any) -> None:
    answered = answer(status, said)
    upstream.read_placed(answered)
    observed = upstream.read_observed(answered)
    if isinstance(observed, Succeeded):
        task = task_of(v1.parse(SUBMISSION), state=State.SUCCESS, creations=observed.creations)
        v1.fits("ViduV1Task", v1.shown(task))


def test_an_error_carries_the_trace_of_its_request() -> None:
    http = Http(method="GET", path="/vidu/v1/tasks/7", headers={"x-request-id": "r-1"})
    reply = dialect.render_error(errors.NotFound("there is no task 7", field="task_id"), http)
    body: Json = reply.body
    assert body["metadata"] == {"trace_id": "r-1"}


def test_the_times_of_a_creation_are_those_of_its_task() -> None:
    shown = v1.shown(finished(v1.parse(SUBMISSION)))
    assert shown["created_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert shown["creations"][0]["created_at"] == (NOW + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
