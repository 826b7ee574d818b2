from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkeep.dialects import dialect_of
from reelkeep.dialects.dialect import Http, List, Remove
from reelkeep.dialects.volc_ark.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Asset, Failure, FailureClass, Kind, Request, State, Task
from reelkeep.domain.wire import Json
from tests.unit.dialects.stage import (
    BOAT,
    KEPT,
    NOW,
    TASK_ID,
    TINY,
    Speaker,
    finished,
    link_to,
    task_of,
    values,
)

ark = Speaker(dialect)
SUBMISSION = ark.golden("submission")
MODEL = SUBMISSION["model"]
TEXT = {"type": "text", "text": "a paper boat"}


def image(role: str = "", url: str = BOAT) -> Json:
    return {"type": "image_url", "image_url": {"url": url}, **({"role": role} if role else {})}


def asked(*content: Json, **fields: Json) -> Json:
    return {"model": MODEL, "content": list(content or [TEXT]), **fields}


# --- submitting ---


def test_everything_that_ark_and_others_have_in_common_is_understood() -> None:
    assert ark.parse(SUBMISSION) == Request(
        dialect="volc_ark",
        kind=Kind.IMG2VIDEO,
        model=MODEL,
        expires_after=172_800,
        prompt="a paper boat",
        images=(BOAT,),
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        seed=7,
        watermark=False,
        last_frame=True,
        callback_url="https://me.test/cb",
        body=SUBMISSION,
    )


def test_what_the_sdk_leaves_out_it_sends_as_null() -> None:
    body = ark.golden("sdk-submission")
    assert ark.parse(body) == Request(
        dialect="volc_ark",
        kind=Kind.TEXT2VIDEO,
        model=MODEL,
        prompt="a paper boat",
        expires_after=172_800,
        body=body,
    )


@pytest.mark.parametrize(
    ("content", "kind", "images"),
    [
        ([TEXT], Kind.TEXT2VIDEO, ()),
        ([image()], Kind.IMG2VIDEO, (BOAT,)),
        ([TEXT, image("first_frame", TINY)], Kind.IMG2VIDEO, (TINY,)),
        ([image("last_frame", TINY), TEXT, image("first_frame")], Kind.START_END2VIDEO, (BOAT, TINY)),
        ([TEXT, image("reference_image"), image("reference_image", TINY)], Kind.REFERENCE2VIDEO, (BOAT, TINY)),
    ],
)
def test_the_roles_in_the_content_tell_what_is_wanted(content: list[Json], kind: Kind, images: tuple[str]) -> None:
    request = ark.parse(asked(*content))
    assert (request.kind, request.images, request.unexpressed) == (kind, images, ())


@pytest.mark.parametrize(
    ("text", "prompt", "understood"),
    [
        (
            "a paper boat --rs 720p --rt 16:9 --dur 5 --seed 7 --wm true --cf false --fps 24",
            "a paper boat",
            {"resolution": "720p", "aspect_ratio": "16:9", "duration": 5, "seed": 7, "watermark": True},
        ),
        (
            "a boat --resolution 1080p  --ratio adaptive --duration 10 --watermark false",
            "a boat",
            {"resolution": "1080p", "aspect_ratio": "adaptive", "duration": 10, "watermark": False},
        ),
        ("--dur 5 a boat", "a boat", {"duration": 5}),
        ("a boat --dur soon --rs big --seed -1 --wm maybe", "a boat", {}),
        ("a boat --frames 57", "a boat", {"unexpressed": ("frames",)}),
        ("a boat --cf true --fps 30", "a boat", {"unexpressed": ("camera_fixed", "framespersecond")}),
        ("a boat--dur 5 -- and --speed 9", "a boat--dur 5 -- and --speed 9", {}),
    ],
)
def test_flags_in_the_text_are_fields_and_no_part_of_the_prompt(text: str, prompt: str, understood: Json) -> None:
    body = asked({"type": "text", "text": text})
    assert ark.parse(body) == Request(
        dialect="volc_ark",
        kind=Kind.TEXT2VIDEO,
        model=MODEL,
        prompt=prompt,
        expires_after=172_800,
        body=body,
        **understood,
    )


def test_a_field_goes_before_a_flag_unless_it_is_null() -> None:
    flags = {"type": "text", "text": "a boat --dur 5 --rs 480p"}
    request = ark.parse(asked(flags, duration=10, resolution=None))
    assert (request.duration, request.resolution) == (10, "480p")


@pytest.mark.parametrize(
    ("fields", "understood"),
    [
        ({"service_tier": "flex"}, {"off_peak": True}),
        ({"service_tier": "default"}, {"off_peak": False}),
        ({"generate_audio": True}, {"audio": True}),
        ({"generate_audio": False}, {"audio": False}),
        ({"seed": -1, "duration": -1}, {"seed": None, "duration": None}),
        ({"seed": 0}, {"seed": 0}),
        ({"provider": "second"}, {"provider": "second"}),
    ],
)
def test_other_words_for_what_others_know(fields: Json, understood: dict[str, Any]) -> None:
    request = ark.parse(asked(**fields))
    assert {name: getattr(request, name) for name in understood} == understood
    assert request.unexpressed == ()


@pytest.mark.parametrize(
    ("body", "unexpressed"),
    [
        (asked(camera_fixed=True, draft=True), ("camera_fixed", "draft")),
        (asked(frames=57, duration=5), ("frames",)),
        (asked(execution_expires_after=3600, priority=3), ("priority",)),
        (asked(output_format="mov", omni_reference_task_type="edit"), ("omni_reference_task_type", "output_format")),
        (asked(tools=[{"type": "web_search"}]), ("tools", "tools[0].type")),
        (asked(service_tier="turbo"), ("service_tier",)),
        (asked(hologram={"depth": 3}, sparkle=False), ("hologram",)),
        (asked(TEXT, image(url="asset://asset-1")), ("content[1].image_url",)),
        (
            asked(
                image("reference_image"),
                {"type": "video_url", "video_url": {"url": "https://ex.test/v.mp4"}, "role": "reference_video"},
                {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AAAA"}, "role": "reference_audio"},
            ),
            ("content[1].video_url", "content[2].audio_url", "content[1].role", "content[2].role"),
        ),
        (asked({"type": "draft_task", "draft_task": {"id": "cgt-1"}}), ("content[0].draft_task",)),
        (asked(TEXT, {"type": "hologram"}), ("content[1].type",)),
        (
            asked(
                camera_fixed=False,
                draft=False,
                execution_expires_after=172_800,
                priority=0,
                tools=[],
                output_format="mp4",
                omni_reference_task_type="auto",
                safety_identifier="user-1",
            ),
            (),
        ),
    ],
)
def test_what_only_ark_knows_is_named(body: Json, unexpressed: tuple[str, ...]) -> None:
    assert ark.parse(body).unexpressed == unexpressed


def test_a_draft_of_ours_is_the_creation_that_the_final_version_builds_on() -> None:
    request = ark.parse(asked({"type": "draft_task", "draft_task": {"id": TASK_ID}}))
    assert (request.kind, request.creation_id) == (Kind.UPSCALE, f"{TASK_ID}-1")
    theirs = ark.parse(asked({"type": "draft_task", "draft_task": {"id": "cgt-20260106080000-abcde"}}))
    assert (theirs.kind, theirs.creation_id) == (Kind.UPSCALE, "")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": [TEXT]}, "model"),
        (asked(model=7), "model"),
        (asked(model="m" * 257), "model"),
        ({"model": MODEL}, "content"),
        ({"model": MODEL, "content": []}, "content"),
        ({"model": MODEL, "content": "a paper boat"}, "content"),
        ({"model": MODEL, "content": [TEXT] * 101}, "content"),
        (asked("a paper boat"), "content[0]"),
        (asked({"text": "a paper boat"}), "content[0].type"),
        (asked({"type": "text", "text": 7}), "content[0].text"),
        (asked({"type": "text", "text": ""}), "content"),
        (asked({"type": "text", "text": "--dur 5"}), "content"),
        (asked(TEXT, {"type": "image_url", "image_url": BOAT}), "content[1].image_url"),
        (asked(TEXT, {"type": "image_url", "image_url": {}}), "content[1].image_url.url"),
        (asked(TEXT, image(url="ftp://ex.test/a.png")), "content[1].image_url.url"),
        (asked(TEXT, image(url="data:text/html,x")), "content[1].image_url.url"),
        (asked(TEXT, image("start_frame")), "content[1].role"),
        (asked(image(), image()), "content[0].role"),
        (asked(image("first_frame"), image("first_frame")), "content"),
        (asked(image("last_frame")), "content"),
        (asked(image("first_frame"), image("reference_image")), "content"),
        (asked(image("first_frame"), {"type": "video_url", "video_url": {"url": BOAT}}), "content"),
        (asked({"type": "draft_task", "draft_task": {}}), "content[0].draft_task.id"),
        (asked(duration="5"), "duration"),
        (asked(duration=-2), "duration"),
        (asked(duration=True), "duration"),
        (asked(seed=2**32), "seed"),
        (asked(seed=1.5), "seed"),
        (asked(watermark="yes"), "watermark"),
        (asked(draft=1), "draft"),
        (asked(frames="57"), "frames"),
        (asked(priority=-1), "priority"),
        (asked(tools={"type": "web_search"}), "tools"),
        (asked(execution_expires_after=60), "execution_expires_after"),
        (asked(safety_identifier="s" * 65), "safety_identifier"),
        (asked(callback_url="mailto:me"), "callback_url"),
        (asked(resolution=720), "resolution"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(body: Json, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        ark.parse(body)
    assert refused.value.field == field
    assert field in refused.value.message


def test_a_body_beyond_five_megabytes_is_too_large() -> None:
    with pytest.raises(errors.BodyTooLarge):
        ark.parse(asked(image(url="data:image/png;base64," + "A" * 5 * 1024 * 1024)))


@given(
    values(
        [*ark.golden("sdk-submission"), "type", "text", "image_url", "url", "role", "draft_task", "id", "video_url"],
        "text",
        "image_url",
        "first_frame",
        "draft_task",
        "a boat --dur 5",
        TASK_ID,
        5,
    )
)
@settings(max_examples=500)
def test_any_body_is_understood_or_refused(body: Json) -> None:
    sent = json.dumps(body).encode(errors="replace")
    try:
        request = ark.parse(sent)
    except errors.ClientError as error:
        ark.fits("VolcArkError", ark.refusal(error)[1])
    else:
        assert request.body == json.loads(sent)
        ark.fits("VolcArkTask", ark.shown(task_of(request)))


def test_a_submission_is_answered_with_the_id_alone() -> None:
    assert ark.submitted(task_of(ark.parse(SUBMISSION))) == {"id": TASK_ID}
    named = ark.parse(asked(safety_identifier="user-1"))
    assert ark.submitted(task_of(named)) == {"id": TASK_ID, "safety_identifier": "user-1"}


def test_the_submission_s_schema_admits_what_the_sdk_sends() -> None:
    for body in (SUBMISSION, ark.golden("sdk-submission")):
        ark.fits("VolcArkSubmission", body)


# --- showing ---


def with_last_frame(task: Task) -> Task:
    frame = Asset(name="last-frame", kept=replace(KEPT, key=KEPT.key.replace("video.mp4", "last-frame.png")))
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
def test_a_failure_is_told_in_ark_s_codes_whoever_it_comes_from(failure: Failure, code: str | None) -> None:
    task = task_of(ark.parse(SUBMISSION), state=State.FAILED, failure=failure)
    shown = ark.shown(task)
    assert shown["error"]["code"] == (code or failure.code)
    ark.fits("VolcArkTask", shown)


# --- listing ---


def list_route() -> List:
    return next(route for route in dialect.routes if isinstance(route, List))


def listing(query: str) -> Listing:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return list_route().parse(
        Http(method="GET", path=list_route().path, query=tuple((name, value) for name, _, value in pairs))
    )


@pytest.mark.parametrize(
    ("query", "understood"),
    [
        ("", Listing(size=10, counted=True)),
        (
            "page_size=3&filter.status=succeeded",
            Listing(size=3, filter=Filter(states=(State.SUCCESS,)), counted=True),
        ),
        (
            "page_num=4&page_size=500&filter.status=queued",
            Listing(size=500, skip=1500, filter=Filter(states=(State.CREATED, State.QUEUEING)), counted=True),
        ),
        (
            f"filter.task_ids={TASK_ID}&filter.task_ids=cgt-1&filter.model=ep-1",
            Listing(size=10, filter=Filter(task_ids=(TASK_ID, "cgt-1"), models=("ep-1",)), counted=True),
        ),
        ("filter.service_tier=flex", Listing(size=10, filter=Filter(off_peak=True), counted=True)),
        ("filter.service_tier=default", Listing(size=10, filter=Filter(off_peak=False), counted=True)),
        ("filter.service_tier=flex,default&filter.status=", Listing(size=10, counted=True)),
        (
            "filter.status=cancelled&filter.status=expired",
            Listing(size=10, filter=Filter(states=(State.CANCELLED, State.EXPIRED)), counted=True),
        ),
        ("unheard.of=1", Listing(size=10, counted=True)),
    ],
)
def test_a_listing_s_query_is_understood(query: str, understood: Listing) -> None:
    assert listing(query) == understood


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_num=0", "page_num"),
        ("page_num=501", "page_num"),
        ("page_num=one", "page_num"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=-1", "page_size"),
        ("filter.status=success", "filter.status"),
        ("filter.service_tier=turbo", "filter.service_tier"),
        ("filter.model=" + "m" * 257, "filter.model"),
    ],
)
def test_a_wrong_query_is_refused_by_its_name(query: str, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        listing(query)
    assert refused.value.field == field


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["page_num", "page_size", "filter.status", "filter.task_ids", "filter.model", "filter.service_tier"]
            )
            | st.text(),
            st.text() | st.integers().map(str) | st.sampled_from(["succeeded", "flex", TASK_ID]),
        ),
        max_size=6,
    )
)
def test_any_query_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        list_route().parse(Http(method="GET", path=list_route().path, query=tuple(pairs)))
    except errors.ClientError as error:
        ark.fits("VolcArkError", ark.refusal(error)[1])


def test_a_list_holds_the_tasks_and_how_many_there_are_in_all() -> None:
    task = finished(ark.parse(SUBMISSION))
    body = list_route().render(Page(tasks=(task,), total=731), link_to, Listing()).body
    assert body == {"items": [ark.shown(task)], "total": 731}
    ark.fits("VolcArkTaskList", body)
    assert list_route().render(Page(tasks=(), total=0), link_to, Listing()).body == {"items": [], "total": 0}


def test_the_seed_page_s_request_gets_an_answer_of_its_schema_whatever_state_the_tasks_are_in() -> None:
    asked = listing("page_size=3&filter.status=succeeded")
    assert (asked.size, asked.filter.states) == (3, (State.SUCCESS,))
    tasks = tuple(replace(finished(ark.parse(SUBMISSION)), state=state) for state in State)
    listed = list_route().render(Page(tasks=tasks, total=8), link_to, asked).body
    jsonschema.validate(listed, ark.golden("seed-list-schema"))


def test_a_list_reaches_seven_days_back() -> None:
    assert list_route().window == timedelta(days=7)


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


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            errors.InvalidRequest("model is required", field="model", missing=True),
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
            ("SensitiveContentDetected", "no", "", "BadRequest"),
        ),
        (
            refused_with(Failure(reason=FailureClass.CREDIT, code="CreditInsufficient", message="no")),
            403,
            ("AccountOverdueError", "no", "", "Forbidden"),
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
def test_an_error_is_told_in_ark_s_envelope(
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
