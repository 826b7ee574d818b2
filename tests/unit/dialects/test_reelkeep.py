"""Reelkeep's own API: what it understands, what it refuses, and what it shows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from docs.generate import operations
from reelkeep.dialects.dialect import Http, Reply
from reelkeep.dialects.reelkeep.server import dialect
from reelkeep.domain.errors import (
    BodyTooLarge,
    CannotCancel,
    ClientError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refused,
    Unauthorized,
)
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.tags import Labels
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Failure, FailureClass, Kind, Request, State, Task
from tests.for_each import for_each

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TASK_ID = "019aa6f1b2c80123456789abcdef0123"
OTHER_ID = "019aa6f1b2c8ffffffffffffffffffff"
BOAT = "https://example.com/boat.png"
FILM = "https://example.com/boat.mp4"
INLINE = "data:image/png;base64,iVBORw0KGgo="

SCHEMAS = operations.schemas(dialect)
ROUTES: Any = dialect.routes
SUBMIT, LIST, SHOW, CANCEL = ROUTES[:4]


def submitted(body: Any) -> Request:
    request: Request = SUBMIT.parse(Http(method="POST", path="/tasks", body=json.dumps(body).encode()))
    return request


def listing(*query: tuple[str, str]) -> Listing:
    read: Listing = LIST.parse(Http(method="GET", path="/tasks", query=query))
    return read


def changed(said: Any) -> Labels:
    change = next(route for route in ROUTES if route.operation == "changeTask")
    http = Http(
        method="PATCH", path=f"/tasks/{TASK_ID}", body=json.dumps(said).encode(), variables={"task_id": TASK_ID}
    )
    read: Labels = change.parse(http)
    return read


def task(**changes: Any) -> Task:
    plain = Task(
        id=TASK_ID,
        owner="alice",
        key_id="key-1",
        provider="vidu",
        request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model="viduq3-pro", prompt="a paper boat"),
        created_at=NOON,
        updated_at=NOON + timedelta(seconds=1),
        deadline=NOON + timedelta(hours=2),
        state=State.QUEUEING,
        credits=20,
    )
    return replace(plain, **changes)


def archived(name: str, content_type: str, **measured: Any) -> Asset:
    file = ArchivedFile(
        key=f"tasks/2026/11/21/{TASK_ID}/1-{name}", bytes=7, sha256="ab", content_type=content_type, **measured
    )
    return Asset(name=name, archived=file)


def link(file: ArchivedFile) -> str:
    return f"https://keep.test/{file.key.rpartition('/')[2]}"


def body(reply: Reply) -> Any:
    return json.loads(json.dumps(reply.body))


def wrong_fields(error: ClientError) -> list[str]:
    problem = body(dialect.render_error(error, Http(method="POST", path="/tasks")))
    return [found["field"] for found in problem["errors"]]


COST = {"phase": "reserved", "unit": "credits", "units": "20", "amount": None, "currency": None}
PLAIN: dict[str, Any] = {
    "id": TASK_ID,
    "owner": "alice",
    "state": "queueing",
    "kind": "text2video",
    "provider": "vidu",
    "provider_task_id": None,
    "model": "viduq3-pro",
    "prompt": "a paper boat",
    "images": [],
    "video_url": None,
    "creation_id": None,
    "template": None,
    "duration": None,
    "resolution": None,
    "aspect_ratio": None,
    "seed": None,
    "audio": None,
    "off_peak": False,
    "payload": None,
    "priority": "normal",
    "waiting": None,
    "eta": None,
    "tags": [],
    "starred": False,
    "hidden_at": None,
    "created_at": "2026-11-21T12:00:00Z",
    "updated_at": "2026-11-21T12:00:01Z",
    "started_at": None,
    "ready_at": None,
    "finished_at": None,
    "deadline": "2026-11-21T14:00:00Z",
    "credits": 20,
    "cost": COST,
    "failure": None,
    "last_error": None,
    "adopted": None,
    "adopted_as": None,
    "possible_repeat": None,
    "creations": [],
    "differs": [],
}


def test_every_field_of_a_submission_is_understood() -> None:
    said = {
        "kind": "img2video",
        "model": "viduq2-pro",
        "provider": "vidu",
        "payload": "job-1",
        "prompt": "a paper boat",
        "images": [INLINE],
        "duration": 5,
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "seed": 7,
        "audio": True,
        "off_peak": True,
    }
    assert submitted(said) == Request(
        dialect="reelkeep",
        kind=Kind.IMG2VIDEO,
        model="viduq2-pro",
        provider="vidu",
        payload="job-1",
        prompt="a paper boat",
        images=(INLINE,),
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        seed=7,
        audio=True,
        off_peak=True,
        body=said,
    )


@for_each(
    "least",
    [
        {"kind": "text2video", "prompt": "a paper boat"},
        {"kind": "img2video", "images": [BOAT]},
        {"kind": "reference2video", "images": [BOAT] * 7},
        {"kind": "start-end2video", "images": [BOAT, BOAT]},
        {"kind": "template2video", "template": "hugging", "images": [BOAT]},
        {"kind": "extend", "video_url": FILM},
        {"kind": "extend", "creation_id": "c1"},
        {"kind": "upscale", "video_url": FILM},
        {"kind": "upscale", "creation_id": "c1"},
        {"kind": "lip-sync", "video_url": FILM, "prompt": "good morning"},
        {"kind": "multiframe", "images": [BOAT, BOAT]},
    ],
)
def test_a_kind_wants_no_more_than_it_needs(least: dict[str, Any]) -> None:
    request = submitted(least)
    assert (request.kind, request.body) == (least["kind"], least)


@for_each(
    "said, fields",
    [
        ({}, ["kind"]),
        ({"kind": "text2audio"}, ["kind"]),
        ({"kind": ["text2video"]}, ["kind"]),
        ({"kind": "text2video"}, ["prompt"]),
        ({"kind": "text2video", "prompt": ""}, ["prompt"]),
        ({"kind": "text2video", "prompt": "a", "images": [BOAT]}, ["images"]),
        ({"kind": "text2video", "prompt": "a", "colour": "red"}, ["colour"]),
        ({"kind": "text2video", "prompt": "a", "duration": "5"}, ["duration"]),
        ({"kind": "text2video", "prompt": "a", "duration": True}, ["duration"]),
        ({"kind": "text2video", "prompt": "a", "duration": 0, "seed": -1}, ["duration", "seed"]),
        ({"kind": "text2video", "prompt": "a", "seed": 10**400}, ["seed"]),
        ({"kind": "text2video", "prompt": "a", "seed": None}, ["seed"]),
        ({"kind": "text2video", "prompt": "a", "aspect_ratio": "wide"}, ["aspect_ratio"]),
        ({"kind": "text2video", "prompt": "a", "off_peak": 1}, ["off_peak"]),
        ({"kind": "text2video", "prompt": "a", "payload": "x" * 1_048_577}, ["payload"]),
        ({"kind": "img2video"}, ["images"]),
        ({"kind": "img2video", "images": BOAT}, ["images"]),
        ({"kind": "img2video", "images": [BOAT, BOAT]}, ["images"]),
        ({"kind": "img2video", "images": ["boat.png"]}, ["images[0]"]),
        ({"kind": "start-end2video", "images": [BOAT]}, ["images"]),
        ({"kind": "start-end2video", "images": [BOAT, "file:///etc/passwd"]}, ["images[1]"]),
        ({"kind": "reference2video", "images": []}, ["images"]),
        ({"kind": "reference2video", "images": [BOAT] * 8}, ["images"]),
        ({"kind": "template2video"}, ["template", "images"]),
        ({"kind": "extend"}, ["video_url"]),
        ({"kind": "upscale", "video_url": FILM, "creation_id": "c1"}, ["video_url"]),
        ({"kind": "upscale", "video_url": "data:video/mp4;base64,AAAA"}, ["video_url"]),
        ({"kind": "lip-sync"}, ["video_url", "prompt"]),
        ({"kind": "multiframe", "images": [BOAT]}, ["images"]),
    ],
)
def test_a_wrong_submission_is_refused_with_every_wrong_field(said: Any, fields: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        submitted(said)
    assert sorted(wrong_fields(refused.value)) == sorted(fields)


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({"kind": "lip-sync"}, "video_url is required; prompt is required"),
        ({"kind": "text2video", "prompt": "a", "colour": 1}, "colour is not a field here"),
        ({"kind": "text2video", "prompt": ""}, "prompt must not be empty"),
        ({"kind": "text2video", "prompt": "a", "audio": "yes"}, "audio must be true or false"),
        ({"kind": "text2video", "prompt": "a", "seed": None}, "seed must be a whole number from 0 to 4294967295"),
        ({"kind": "text2video", "prompt": "a", "tags": ["a b"]}, "tags[0] must be 1 to 64 letters, digits, "),
    ],
)
def test_what_is_wrong_is_said_in_our_own_words(said: Any, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        submitted(said)
    assert refused.value.message.startswith(detail)


def test_a_made_up_name_of_any_length_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidRequest) as refused:
        submitted({"kind": "text2video", "prompt": "a", "x" * 1_000_000: 1})
    assert wrong_fields(refused.value) == ["x" * 200]


def test_a_picture_in_base64_may_have_line_breaks() -> None:
    broken = "data:image/png;base64,iVBORw0K\r\nGgo=\n"
    assert submitted({"kind": "img2video", "images": [broken]}).images == (INLINE,)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
field_names = st.sampled_from(["prompt", "images", "video_url", "duration", "seed", "payload", "x"])


NEW_TASK = Draft202012Validator({"$ref": "#/components/schemas/NewTask", "components": {"schemas": SCHEMAS}})


@given(st.sampled_from(Kind) | st.just("film") | st.none(), st.dictionaries(field_names, anything))
def test_a_submission_is_understood_exactly_if_it_fits_the_schema(kind: str | None, fields: dict[str, Any]) -> None:
    said = {"kind": kind, **fields} if kind else fields
    try:
        submitted(said)
        understood = True
    except InvalidRequest:
        understood = False
    fits = NEW_TASK.is_valid(json.loads(json.dumps(said)))
    # JSON schema counts 5.0 among the integers; we want them written as such
    whole_floats = any(isinstance(value, float) and value.is_integer() for value in fields.values())
    assert understood == fits or whole_floats


def test_a_listing_without_parameters_is_the_newest_twenty_of_all_time() -> None:
    assert (listing(), LIST.window) == (Listing(size=20), None)


def test_every_filter_is_understood() -> None:
    assert listing(
        ("created_from", "2026-11-20T12:00:00Z"),
        ("created_to", "2026-11-21T13:30:00+01:30"),
        ("task_id", TASK_ID),
        ("task_id", OTHER_ID),
        ("state", "success"),
        ("state", "failed"),
        ("model", "viduq3-pro"),
        ("resolution", "720p"),
        ("template", "hugging"),
        ("provider", "vidu"),
        ("kind", "text2video"),
        ("tag", "campaign-7"),
        ("starred", "false"),
        ("q", "Paper  BOAT Straße"),
        ("hidden", "true"),
        ("unfinished", "false"),
        ("failure", "lost"),
        ("owner", "*"),
        ("order", "oldest"),
        ("limit", "100"),
    ) == Listing(
        owner="*",
        filter=Filter(
            created_from=NOON - timedelta(days=1),
            created_to=NOON,
            task_ids=(TASK_ID, OTHER_ID),
            states=(State.SUCCESS, State.FAILED),
            models=("viduq3-pro",),
            resolutions=("720p",),
            templates=("hugging",),
            providers=("vidu",),
            kinds=(Kind.TEXT2VIDEO,),
            tags=("campaign-7",),
            starred=False,
            words=("paper", "boat", "strasse"),
            hidden=True,
            unfinished=False,
            failures=(FailureClass.LOST,),
        ),
        size=100,
        oldest_first=True,
    )


@pytest.mark.parametrize("name", ["state", "state[]", "state[0]", "states", "states[]"])
def test_an_array_may_have_brackets_or_a_plural_or_commas(name: str) -> None:
    chosen = Filter(states=(State.SUCCESS, State.FAILED))
    assert listing((name, "success"), (name, "failed")).filter == chosen
    assert listing((name, "success,failed")).filter == chosen


def test_a_listing_may_end_in_the_far_future() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert listing(("created_to", "9999-12-31T23:59:59Z")).filter == Filter(created_to=end)


@for_each(
    "query, field",
    [
        ([("status", "success")], "status"),
        ([("limits", "10")], "limits"),
        ([("limit", "10"), ("limit[]", "20")], "limit"),
        ([("created_from", "yesterday")], "created_from"),
        ([("created_to", "9999-12-31T23:59:59-23:00")], "created_to"),
        ([("task_id", "42")], "task_id"),
        ([("task_id", f"{number:032x}") for number in range(101)], "task_id"),
        ([("state", "done")], "state"),
        ([("model", "x" * 257)], "model"),
        ([("template", "")], "template"),
        ([("kind", "film")], "kind"),
        ([("starred", "yes")], "starred"),
        ([("hidden", "1")], "hidden"),
        ([("q", "x" * 257)], "q"),
        ([("q", "a"), ("q", "b")], "q"),
        ([("unfinished", "no")], "unfinished"),
        ([("failure", "luck")], "failure"),
        ([("owner", "all#")], "owner"),
        ([("order", "best")], "order"),
        ([("limit", "0")], "limit"),
        ([("limit", "101")], "limit"),
        ([("limit", "ten")], "limit"),
        ([("limit", "10"), ("limit", "20")], "limit"),
        ([("cursor", "x")], "cursor"),
        ([("cursor", "§" * 22)], "cursor"),
        ([("cursor", "A" * 21 + "B")], "cursor"),
        ([("cursor", TASK_ID)], "cursor"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(query: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        listing(*query)
    assert wrong_fields(refused.value) == [field]


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ({}, Labels(TASK_ID)),
        ({"tags": []}, Labels(TASK_ID, tags=())),
        ({"tags": ["b", "a", "b"], "starred": False}, Labels(TASK_ID, tags=("b", "a"), starred=False)),
    ],
)
def test_a_change_of_labels_leaves_what_it_does_not_name(said: dict[str, Any], labels: Labels) -> None:
    assert changed(said) == labels


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"tags": ["two words"], "starred": "yes"}, ["tags[0]", "starred"]),
        ({"tags": [str(number) for number in range(11)]}, ["tags"]),
        ({"tags": None, "star": True}, ["tags", "star"]),
    ],
)
def test_a_wrong_change_of_labels_is_refused_with_every_wrong_field(said: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        changed(said)
    assert wrong_fields(refused.value) == fields


def test_a_page_leads_to_the_next_one() -> None:
    page = Page(tasks=(task(),), next_cursor=TASK_ID)
    shown = body(LIST.render(page, link, Listing()))
    assert shown["tasks"] == [PLAIN]
    assert listing(("cursor", shown["next_cursor"])).cursor == TASK_ID


def test_the_last_page_leads_nowhere() -> None:
    assert body(LIST.render(Page(tasks=()), link, Listing())) == {"tasks": [], "next_cursor": None}


def test_a_new_task_is_shown_with_its_address() -> None:
    reply = SUBMIT.render(task())
    assert (reply.status, reply.headers, body(reply)) == (201, {"location": f"/tasks/{TASK_ID}"}, PLAIN)


def test_a_finished_task_is_shown_with_permanent_links_to_what_is_archived_and_nothing_else() -> None:
    creation = Creation(
        id="c1",
        assets=(
            archived(
                "video", "video/mp4", duration=5.04, fps=24.0, width=1280, height=720, codec="hevc", sound=False
            ),
            archived("cover", "image/jpeg"),
            archived("watermarked", "video/mp4"),
            archived("moderation-1", "video/mp4"),
            Asset(name="last-frame", source="https://provider.test/last?signature=secret", lost="it was gone"),
            Asset(name="moderation-2", source="https://provider.test/2?signature=secret", last_error="503"),
        ),
        duration=5.0,
        width=640,
    )
    done = task(
        state=State.SUCCESS,
        processing_at=NOON - timedelta(seconds=70),
        succeeded_at=NOON - timedelta(seconds=2),
        finished_at=NOON,
        seed=7,
        request=Request(
            dialect="vidu_ent_v2", kind=Kind.IMG2VIDEO, images=(INLINE, BOAT), seed=0, payload="job-1", duration=5
        ),
        creations=(creation,),
    )

    def file(name: str, content_type: str) -> dict[str, Any]:
        url = f"https://keep.test/1-{name}"
        return {"name": name, "url": url, "bytes": 7, "sha256": "ab", "crc32": None, "content_type": content_type}

    assert body(SHOW.render(done, link)) == PLAIN | {
        "state": "success",
        "kind": "img2video",
        "model": None,
        "prompt": None,
        "images": ["data:image/png;base64,...", BOAT],
        "duration": 5,
        "seed": 7,
        "payload": "job-1",
        "started_at": "2026-11-21T11:58:50Z",
        "ready_at": "2026-11-21T11:59:58Z",
        "finished_at": "2026-11-21T12:00:00Z",
        "cost": COST | {"phase": "charged"},
        "creations": [
            {
                "id": "c1",
                "url": "https://keep.test/1-video",
                "cover_url": "https://keep.test/1-cover",
                "watermarked_url": "https://keep.test/1-watermarked",
                "last_frame_url": None,
                "moderation_urls": ["https://keep.test/1-moderation-1"],
                "video": {
                    "duration": 5.04,
                    "fps": 24.0,
                    "width": 1280,
                    "height": 720,
                    "codec": "hevc",
                    "sound": False,
                },
                "files": [
                    file("video", "video/mp4"),
                    file("cover", "image/jpeg"),
                    file("watermarked", "video/mp4"),
                    file("moderation-1", "video/mp4"),
                ],
                "missing": [
                    {"name": "last-frame", "reason": "it was gone", "given_up": True},
                    {"name": "moderation-2", "reason": "503", "given_up": False},
                ],
            }
        ],
    }


def test_creations_are_not_shown_before_the_end() -> None:
    halfway = task(state=State.ARCHIVING, creations=(Creation(id="c1", assets=(archived("video", "video/mp4"),)),))
    assert body(SHOW.render(halfway, link))["creations"] == []


def test_a_cancelled_task_says_why_it_ended() -> None:
    failure = Failure(reason=FailureClass.CANCELLED, message="cancelled by the client")
    reply = CANCEL.render(task(state=State.CANCELLED, failure=failure, finished_at=NOON))
    assert body(reply) == PLAIN | {
        "state": "cancelled",
        "finished_at": "2026-11-21T12:00:00Z",
        "cost": COST | {"phase": "free", "units": "0"},
        "failure": {
            "reason": "cancelled",
            "code": None,
            "message": "cancelled by the client",
            "retryable": False,
        },
    }


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (InvalidRequest("the body is not valid JSON"), 400, "invalid-request"),
        (Unauthorized("an API key is needed"), 401, "unauthorized"),
        (Refused(Failure(reason=FailureClass.CREDIT)), 402, "no-credit"),
        (NotFound("there is no such task", field="task_id"), 404, "not-found"),
        (NotAllowed("this method is not served here"), 405, "method-not-allowed"),
        (CannotCancel(State.SUCCESS), 409, "cannot-cancel"),
        (BodyTooLarge("the body is too large"), 413, "body-too-large"),
        (Refused(Failure(reason=FailureClass.POLICY)), 422, "refused-by-provider"),
        (Refused(Failure(reason=FailureClass.THROTTLED)), 429, "throttled-by-provider"),
    ],
)
def test_an_error_is_a_problem_with_a_type_and_a_status(error: ClientError, status: int, name: str) -> None:
    reply = dialect.render_error(error, Http(method="PUT", path=f"/tasks/{TASK_ID}"))
    problem = body(reply)
    assert (reply.status, problem["status"], problem["type"]) == (status, status, f"/docs#problem-{name}")
    assert (problem["detail"], reply.headers["content-type"]) == (error.message, "application/problem+json")


def test_a_provider_s_field_is_named() -> None:
    error = InvalidRequest("audio cannot be said with upscale at this provider", field="audio")
    assert body(dialect.render_error(error, Http(method="POST", path="/tasks"))) == {
        "type": "/docs#problem-invalid-request",
        "title": "The request is not valid",
        "status": 400,
        "detail": "audio cannot be said with upscale at this provider",
        "errors": [{"field": "audio", "message": "audio cannot be said with upscale at this provider"}],
    }


def test_a_refusal_says_what_the_provider_said() -> None:
    failure = Failure(reason=FailureClass.POLICY, code="TaskPromptPolicyViolation", message="not this prompt")
    assert body(dialect.render_error(Refused(failure), Http(method="POST", path="/tasks"))) == {
        "type": "/docs#problem-refused-by-provider",
        "title": "The provider refused the request",
        "status": 422,
        "detail": "not this prompt",
        "failure": {
            "reason": "policy",
            "code": "TaskPromptPolicyViolation",
            "message": "not this prompt",
            "retryable": False,
        },
    }


def test_a_request_without_a_key_is_answered_how_to_bring_one() -> None:
    reply = dialect.render_error(Unauthorized("an API key is needed"), Http(method="GET", path="/tasks"))
    assert reply.headers["www-authenticate"] == 'Bearer realm="reelkeep"'


def test_a_fault_says_nothing_of_what_went_wrong() -> None:
    reply = dialect.render_fault()
    assert (reply.status, reply.headers) == (500, {"content-type": "application/problem+json"})
    assert body(reply) == {
        "type": "/docs#problem-fault",
        "title": "Something went wrong on our side",
        "status": 500,
        "detail": "Try again in a moment. If the error persists, contact the operator of this service.",
    }
