from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reelkeep.dialects.dialect import Http
from reelkeep.dialects.vidu_v1.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, NOW, TASK_ID, TINY, finished, task_of
from tests.unit.dialects.vidu_v1_harness import IMAGE, SUBMISSION, TEXT, USUAL, asked, v1

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
                "codec": "h265",
                "unexpressed": (
                    "input.prompts[1].negative",
                    "input.prompts[2].content",
                    "input.prompts[3].enhance",
                    "input.seed",
                    "settings.style",
                    "settings.sample_count",
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
def test_a_submission_is_understood_and_copied_word_for_word(body: Json, understood: Json) -> None:
    assert v1.parse(body) == Request(dialect="vidu_v1", body=body, **understood)


LACKING, INVALID, COUNT = "FieldLacking", "FieldInvalid", "FieldItemCountOutOfRange"
LONG = {"type": "text", "content": "é" * 5001}


@for_each(
    "body, field, reason",
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
        (asked("character2video"), "input.prompts", COUNT),
        (asked("character2video", *[IMAGE] * 21), "input.prompts", COUNT),
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


def test_everything_that_is_wrong_is_said_at_once() -> None:
    prompts = [{"type": "text"}, {"type": "image", "content": "boat.png"}, LONG]
    with pytest.raises(errors.InvalidRequest) as refused:
        v1.parse({"type": "text2song", "input": {"prompts": prompts}, "settings": {"duration": "4"}})
    assert refused.value.wrong == (
        ("type", "must be one of text2video, img2video, character2video, headtailimg2video, upscale"),
        ("input.prompts[0].content", "is required"),
        (
            "input.prompts[1].content",
            "must be an http(s) URL, or a data: URI that begins with data:image/…;base64,",
        ),
        ("input.prompts[2].content", "must have at most 5000 characters"),
        ("settings.model", "is required"),
        ("settings.duration", "must be a whole number from 1 to 86400"),
    )


def test_how_many_pictures_a_model_takes_is_for_its_provider_to_say() -> None:
    assert len(v1.parse(asked("character2video", *[IMAGE] * 15)).images) == 15


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


def test_the_language_follows_from_the_prompt_unless_the_client_said() -> None:
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
    bare = ArchivedFile(key="tasks/1-video.mp4", bytes=1, sha256="ab" * 32, content_type="video/mp4")
    creation = Creation(id="1", assets=(Asset(name="video", archived=bare),))
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


def test_an_error_carries_the_trace_of_its_request() -> None:
    http = Http(method="GET", path="/vidu/v1/tasks/7", headers={"x-request-id": "r-1"})
    reply = dialect.render_error(errors.NotFound("there is no task 7", field="task_id"), http)
    body: Json = reply.body
    assert body["metadata"] == {"trace_id": "r-1"}


def test_the_times_of_a_creation_are_those_of_its_task() -> None:
    shown = v1.shown(finished(v1.parse(SUBMISSION)))
    assert shown["created_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert shown["creations"][0]["created_at"] == (NOW + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
