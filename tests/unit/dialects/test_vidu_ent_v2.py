from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkeep.dialects.dialect import Cancel, Http, Submit
from reelkeep.dialects.vidu_ent_v2.client import upstream
from reelkeep.dialects.vidu_ent_v2.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, Kind, Request, State
from reelkeep.domain.wire import Json
from tests.unit.dialects.stage import BOAT, KEPT, TASK_ID, TINY, task_of
from tests.unit.dialects.vidu_ent_v2_stage import (
    FRAMES,
    IMAGE_BODY,
    VALUES,
    VIDEO,
    finished,
    golden,
    list_route,
    listed,
    listing,
    posted,
    refusal,
    shown,
    submit,
    submitted,
)

# --- submitting ---


@pytest.mark.parametrize(
    ("segment", "body", "understood"),
    [
        (
            "text2video",
            {"model": "viduq3-pro", "prompt": "rain", "aspect_ratio": "9:16", "seed": 7, "audio": True},
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "viduq3-pro",
                "prompt": "rain",
                "aspect_ratio": "9:16",
                "seed": 7,
                "audio": True,
                "duration": 5,
                "resolution": "720p",
            },
        ),
        (
            "text2video",
            {"model": "vidu2.0", "prompt": "rain"},
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "vidu2.0",
                "prompt": "rain",
                "duration": 4,
                "resolution": "360p",
            },
        ),
        (
            "text2video",
            {"model": "vidu1.5", "prompt": "rain", "duration": 8},
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "vidu1.5",
                "prompt": "rain",
                "duration": 8,
                "resolution": "720p",
            },
        ),
        (
            "img2video",
            {**IMAGE_BODY, "images": [TINY], "off_peak": True, "provider": "second"},
            {
                "kind": Kind.IMG2VIDEO,
                "model": "viduq2-pro",
                "prompt": "a paper boat",
                "images": (TINY,),
                "payload": "job-1",
                "off_peak": True,
                "provider": "second",
                "duration": 5,
                "resolution": "720p",
            },
        ),
        (
            "img2video",
            {"model": "viduq1-classic", "images": [BOAT]},
            {
                "kind": Kind.IMG2VIDEO,
                "model": "viduq1-classic",
                "images": (BOAT,),
                "duration": 5,
                "resolution": "1080p",
            },
        ),
        (
            "reference2video",
            {"model": "viduq2", "prompt": "@1 walks", "subjects": [{"id": "1", "images": [BOAT]}]},
            {
                "kind": Kind.REFERENCE2VIDEO,
                "model": "viduq2",
                "prompt": "@1 walks",
                "duration": 5,
                "resolution": "720p",
                "unexpressed": ("subjects",),
            },
        ),
        (
            "start-end2video",
            {"model": "viduq2-turbo", "images": [BOAT, TINY], "duration": 8, "resolution": "1080p"},
            {
                "kind": Kind.START_END2VIDEO,
                "model": "viduq2-turbo",
                "images": (BOAT, TINY),
                "duration": 8,
                "resolution": "1080p",
            },
        ),
        (
            "template2video",
            {"template": "hugging", "images": [BOAT], "area": "auto", "seed": 0},
            {
                "kind": Kind.TEMPLATE2VIDEO,
                "template": "hugging",
                "images": (BOAT,),
                "unexpressed": ("area",),
            },
        ),
        (
            "extend",
            {"model": "viduq2-pro", "video_creation_id": "885000000000000777", "images": [BOAT]},
            {
                "kind": Kind.EXTEND,
                "model": "viduq2-pro",
                "creation_id": "885000000000000777",
                "images": (BOAT,),
                "duration": 5,
                "resolution": "720p",
            },
        ),
        (
            "upscale-new",
            {"video_url": "https://ex.test/v.mp4", "upscale_resolution": "4K"},
            {"kind": Kind.UPSCALE, "video_url": "https://ex.test/v.mp4", "resolution": "4K"},
        ),
        (
            "lip-sync",
            {"video_url": "https://ex.test/v.mp4", "text": "Good morning", "speed": 1, "volume": 2},
            {
                "kind": Kind.LIP_SYNC,
                "video_url": "https://ex.test/v.mp4",
                "unexpressed": ("text", "volume"),
            },
        ),
        (
            "multiframe",
            {
                "model": "viduq2-turbo",
                "start_image": BOAT,
                "image_settings": [{"key_image": TINY, "duration": 3}, {"key_image": BOAT, "prompt": "on"}],
            },
            {
                "kind": Kind.MULTIFRAME,
                "model": "viduq2-turbo",
                "images": (BOAT, TINY, BOAT),
                "resolution": "720p",
                "unexpressed": ("image_settings",),
            },
        ),
        (
            "text2video",  # a model, a resolution and a field of next year
            {
                "model": "viduq9-ultra",
                "prompt": "rain",
                "duration": 60,
                "resolution": "16K",
                "hologram": {"on": 1},
            },
            {
                "kind": Kind.TEXT2VIDEO,
                "model": "viduq9-ultra",
                "prompt": "rain",
                "duration": 60,
                "resolution": "16K",
                "unexpressed": ("hologram",),
            },
        ),
        (
            "img2video",  # what clients send for what they leave out
            {
                **IMAGE_BODY,
                "style": "",
                "seed": None,
                "callback_url": "",
                "audio": None,
                "movement_amplitude": "",
            },
            {
                "kind": Kind.IMG2VIDEO,
                "model": "viduq2-pro",
                "prompt": "a paper boat",
                "images": (BOAT,),
                "payload": "job-1",
                "duration": 5,
                "resolution": "720p",
            },
        ),
    ],
)
def test_a_submission_is_understood_and_kept_word_for_word(segment: str, body: Json, understood: Json) -> None:
    assert submit(segment, body) == Request(dialect="vidu_ent_v2", body=body, **understood)


@pytest.mark.parametrize(
    ("segment", "body", "unexpressed"),
    [
        (
            "text2video",
            {
                "model": "q",
                "prompt": "rain",
                "style": "anime",
                "movement_amplitude": "large",
                "bgm": True,
                "is_rec": True,
                "meta_data": "{}",
                "wm_position": 1,
                "cus_priority": 3,
            },
            ("style", "movement_amplitude", "bgm", "is_rec", "meta_data", "wm_position", "cus_priority"),
        ),
        (  # what is done anyway, what is ours, and what a Request has words for
            "text2video",
            {
                "model": "q",
                "prompt": "rain",
                "style": "general",
                "movement_amplitude": "auto",
                "bgm": False,
                "cus_priority": 0,
                "hologram": None,
                "auto_subjects": False,
                "payload": "job-1",
                "callback_url": "https://me.test/cb",
                "provider": "second",
                "seed": 7,
                "audio": True,
                "watermark": True,
                "off_peak": True,
            },
            (),
        ),
        ("upscale-new", {"video_creation_id": "885", "upscale_resolution": "4K"}, ()),
        ("multiframe", {"model": "q", "start_image": BOAT, "image_settings": FRAMES}, ()),
    ],
)
def test_what_a_request_has_no_words_for_is_named(segment: str, body: Json, unexpressed: tuple[str, ...]) -> None:
    assert submit(segment, body).unexpressed == unexpressed


@pytest.mark.parametrize("wanted", [True, False, None])
def test_a_wish_for_a_watermark_is_understood_and_repeated(wanted: bool | None) -> None:
    request = submit("img2video", {**IMAGE_BODY, "watermark": wanted})
    assert request.watermark is wanted
    assert submitted(task_of(request))["watermark"] is bool(wanted)
    foreign = replace(request, dialect="volc_ark", body={})
    assert submitted(task_of(foreign))["watermark"] is bool(wanted)


MANY = "FieldItemCountOutOfRange"


@pytest.mark.parametrize(
    ("segment", "body", "field", "reason"),
    [
        ("text2video", {"prompt": "rain"}, "model", "FieldLacking"),
        ("text2video", {"model": "", "prompt": "rain"}, "model", "FieldLacking"),
        ("text2video", {"model": 7, "prompt": "rain"}, "model", "FieldInvalid"),
        ("text2video", {"model": "q" * 257, "prompt": "rain"}, "model", "FieldInvalid"),
        ("text2video", {"model": "q"}, "prompt", "FieldLacking"),
        ("text2video", {"model": "q", "prompt": "é" * 5001}, "prompt", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "duration": 0}, "duration", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "duration": "5"}, "duration", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "duration": True}, "duration", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "duration": 10**30}, "duration", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "seed": 1.5}, "seed", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "seed": 2**63}, "seed", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "style": "noir"}, "style", "FieldInvalid"),
        (
            "text2video",
            {"model": "q", "prompt": "rain", "aspect_ratio": "wide"},
            "aspect_ratio",
            "FieldInvalid",
        ),
        ("text2video", {"model": "q", "prompt": "rain", "off_peak": "yes"}, "off_peak", "FieldInvalid"),
        ("text2video", {"model": "q", "prompt": "rain", "wm_position": 5}, "wm_position", "FieldInvalid"),
        (
            "text2video",
            {"model": "q", "prompt": "rain", "callback_url": "me"},
            "callback_url",
            "FieldInvalid",
        ),
        (
            "text2video",
            {"model": "q", "prompt": "rain", "payload": "x" * 1_048_577},
            "payload",
            "FieldInvalid",
        ),
        ("text2video", {"model": "q", "prompt": "rain", "payload": {"a": 1}}, "payload", "FieldInvalid"),
        ("img2video", {"model": "q"}, "images", "FieldLacking"),
        ("img2video", {"model": "q", "images": []}, "images", MANY),
        ("img2video", {"model": "q", "images": [BOAT, BOAT]}, "images", MANY),
        ("img2video", {"model": "q", "images": BOAT}, "images", "FieldInvalid"),
        ("img2video", {"model": "q", "images": ["iVBORw0KGgo="]}, "images[0]", "FieldInvalid"),
        ("img2video", {"model": "q", "images": ["data:text/html;base64,PGI+"]}, "images[0]", "FieldInvalid"),
        ("img2video", {"model": "q", "images": ["file:///etc/passwd"]}, "images[0]", "FieldInvalid"),
        ("img2video", {"model": "q", "images": [None]}, "images[0]", "FieldInvalid"),
        ("reference2video", {"model": "q", "prompt": "rain"}, "images", "FieldLacking"),
        ("reference2video", {"model": "q", "prompt": "rain", "images": [BOAT] * 8}, "images", MANY),
        ("reference2video", {"model": "q", "prompt": "rain", "subjects": [{}] * 8}, "subjects", MANY),
        (
            "reference2video",
            {"model": "q", "prompt": "rain", "subjects": [{"id": "1", "images": [BOAT] * 4}]},
            "subjects[0].images",
            MANY,
        ),
        ("start-end2video", {"model": "q", "images": [BOAT]}, "images", MANY),
        ("start-end2video", {"model": "q", "images": [BOAT, 1]}, "images[1]", "FieldInvalid"),
        ("template2video", {"images": [BOAT]}, "template", "FieldLacking"),
        ("template2video", {"template": "hugging", "images": []}, "images", MANY),
        ("extend", {"model": "q"}, "video_url", "FieldLacking"),
        ("extend", {"model": "q", **VIDEO, "duration": 8}, "duration", "FieldInvalid"),
        ("extend", {"model": "q", **VIDEO, "images": [BOAT, BOAT]}, "images", MANY),
        ("upscale-new", {}, "video_url", "FieldLacking"),
        ("upscale-new", {"video_url": "v.mp4"}, "video_url", "FieldInvalid"),
        ("upscale-new", {**VIDEO, "upscale_resolution": "3K"}, "upscale_resolution", "FieldInvalid"),
        ("lip-sync", {"text": "hello"}, "video_url", "FieldLacking"),
        ("lip-sync", VIDEO, "audio_url", "FieldLacking"),
        ("lip-sync", {**VIDEO, "text": "hello", "speed": 3}, "speed", "FieldInvalid"),
        ("lip-sync", {**VIDEO, "text": "hello", "volume": "loud"}, "volume", "FieldInvalid"),
        ("multiframe", {"model": "q", "image_settings": FRAMES}, "start_image", "FieldLacking"),
        (
            "multiframe",
            {"model": "q", "start_image": BOAT, "image_settings": FRAMES[:1]},
            "image_settings",
            MANY,
        ),
        (
            "multiframe",
            {"model": "q", "start_image": BOAT, "image_settings": FRAMES * 5},
            "image_settings",
            MANY,
        ),
        (
            "multiframe",
            {"model": "q", "start_image": BOAT, "image_settings": [*FRAMES, {"prompt": "on"}]},
            "image_settings[2].key_image",
            "FieldLacking",
        ),
        (
            "multiframe",
            {
                "model": "q",
                "start_image": BOAT,
                "image_settings": [*FRAMES, {"key_image": BOAT, "duration": 9}],
            },
            "image_settings[2].duration",
            "FieldInvalid",
        ),
    ],
)
def test_a_bad_field_is_refused_by_name(segment: str, body: Json, field: str, reason: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        submit(segment, body)
    status, said = refusal(refused.value, posted(body))
    assert (refused.value.field, status, said["reason"]) == (field, 400, reason)
    assert field in said["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"model"', b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    route = next(route for route in dialect.routes if isinstance(route, Submit))
    with pytest.raises(errors.InvalidRequest) as refused:
        route.parse(Http(method="POST", path="/ent/v2/text2video", body=body))
    assert refusal(refused.value, posted({}))[1]["reason"] == "BadRequest"


def test_a_body_that_no_function_could_be_given_is_too_large() -> None:
    with pytest.raises(errors.BodyTooLarge):
        submit("img2video", {**IMAGE_BODY, "images": ["data:image/png;base64," + "A" * 6 * 1024 * 1024]})


def test_a_refusal_never_repeats_what_was_sent() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        submit("text2video", {"model": "q", "prompt": "a secret", "style": "a secret", "duration": "a secret"})
    assert "a secret" not in refused.value.message


def test_the_answer_to_a_submission_is_the_documented_one() -> None:
    task = task_of(submit("img2video", IMAGE_BODY), state=State.QUEUEING, credits=20, seed=123456)
    assert submitted(task) == golden("served-submitted")


def test_the_answer_has_every_field_of_the_documented_one() -> None:
    ours = submitted(task_of(submit("img2video", IMAGE_BODY)))
    documented = golden("provider-submitted")
    assert {name: type(value) for name, value in ours.items()} == {
        name: type(value) for name, value in documented.items()
    }


@pytest.mark.parametrize(
    ("segment", "body", "name"),
    [
        (
            "template2video",
            {"template": "hugging", "images": [TINY], "prompt": "they meet", "seed": 9, "bgm": True},
            "served-submitted-template",
        ),
        (
            "multiframe",
            {
                "model": "viduq2-turbo",
                "start_image": TINY,
                "image_settings": FRAMES,
                "wm_position": "top_left",
            },
            "served-submitted-multiframe",
        ),
        ("lip-sync", {**VIDEO, "text": "Good morning", "speed": 1.5}, "served-submitted-lip-sync"),
        (
            "reference2video",
            {
                "model": "viduq2",
                "prompt": "@1 walks",
                "subjects": [{"id": "1", "images": [TINY]}],
                "wm_position": 2,
            },
            "served-submitted-reference",
        ),
    ],
)
def test_an_answer_repeats_what_belongs_to_its_kind_without_the_images_bytes(
    segment: str, body: Json, name: str
) -> None:
    assert submitted(task_of(submit(segment, body))) == golden(name)


def test_a_field_of_a_wrong_type_that_we_do_not_know_is_not_repeated() -> None:
    body = {**IMAGE_BODY, "style": ["noir"], "cus_priority": {"a": 1}}
    answer = submitted(task_of(submit("img2video", body)))
    assert (answer["style"], answer["cus_priority"]) == ("general", 0)


# --- reading ---


def test_a_finished_task_shows_permanent_links_and_what_was_measured() -> None:
    assert shown(finished(submit("img2video", IMAGE_BODY))) == golden("served-success")


@pytest.mark.parametrize(
    ("state", "failure", "name"),
    [
        (State.CREATED, None, "served-created"),
        (State.ARCHIVING, None, "served-archiving"),
        (State.FAILED, Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation"), "served-failed"),
        (State.CANCELLED, Failure(reason=FailureClass.CANCELLED, message="by its owner"), "served-cancelled"),
        (State.EXPIRED, Failure(reason=FailureClass.DEADLINE, message="too late"), "served-expired"),
    ],
)
def test_an_unfinished_or_failed_task_shows_every_field_too(state: State, failure: Failure | None, name: str) -> None:
    task = replace(finished(submit("img2video", IMAGE_BODY)), state=state, failure=failure, credits=None)
    assert shown(task) == golden(name)


def test_trouble_with_our_account_at_the_provider_does_not_look_like_the_clients() -> None:
    failure = Failure(reason=FailureClass.PROVIDER, code="Unauthorized", message="the provider refused the key")
    task = task_of(submit("img2video", IMAGE_BODY), state=State.FAILED, failure=failure)
    assert shown(task)["err_code"] == "ModelUnavailable"


def test_a_task_of_another_dialect_can_be_read() -> None:
    request = Request(
        dialect="volc_ark",
        kind=Kind.TEXT2VIDEO,
        model="doubao-seedance-1-5-pro",
        body={"bgm": "?", "style": 7},
    )
    task = finished(request)
    assert shown(task) == golden("served-success") | {"payload": ""}
    assert submitted(task) == golden("served-submitted-foreign")
    assert listed(task)["tasks"][0]["model"] == "doubao-seedance-1-5-pro"


def test_a_creation_without_a_cover_or_facts_has_every_field() -> None:
    bare = replace(KEPT, duration=None, fps=None, width=None, height=None)
    creation = Creation(id="1", assets=(Asset(name="video", kept=bare),), duration=4.0)
    task = task_of(submit("img2video", IMAGE_BODY), state=State.SUCCESS, creations=(creation,))
    assert shown(task)["creations"] == [
        {
            "id": "1",
            "url": "https://reelkeep.example.com/files/1-video.mp4",
            "cover_url": "",
            "watermarked_url": "",
            "moderation_url": [],
            "video": {"duration": 4.0, "fps": 0, "resolution": {"width": 0, "height": 0}},
        }
    ]


# --- listing ---


def test_a_listing_shows_what_the_seed_page_shows() -> None:
    image = finished(submit("img2video", IMAGE_BODY))
    template = task_of(submit("template2video", {"template": "hugging", "images": [TINY]}))
    assert listed(image, template, next_cursor=TASK_ID) == golden("served-list")


def test_a_listing_has_exactly_the_fields_of_the_seed_page() -> None:
    def shape(value: Json) -> Json:
        if isinstance(value, dict):
            return {name: shape(item) for name, item in value.items()}
        return [shape(value[0])] if isinstance(value, list) else type(value).__name__.replace("float", "int")

    body = {"template": "hugging", "images": [BOAT]}
    ours = listed(finished(submit("template2video", body)), next_cursor=TASK_ID)
    assert shape(ours) == shape(golden("seed-list"))


def test_an_empty_listing_is_empty() -> None:
    assert listed() == {"next_page_token": "", "tasks": []}


def test_without_parameters_it_is_the_first_ten_of_the_last_seven_days() -> None:
    assert listing() == Listing(size=10)
    assert list_route().window == timedelta(days=7)


def test_every_filter_of_the_seed_page_is_understood() -> None:
    asked = listing(
        ("created_at.from", "2026-01-01T00:00:00Z"),
        ("created_at.to", "2026-01-06T09:00:00+01:00"),
        ("task_ids", TASK_ID),
        ("templates", "hugging"),
        ("templates", "kissing"),
        ("model_versions", "2.0,q1,q2-pro,viduq3-pro,doubao-seedance"),
        ("resolutions[]", "720p"),
        ("states", "processing"),
        ("states", "failed"),
        ("pager.page", "3"),
        ("pager.pagesz", "100"),
        ("something_else", "1"),
    )
    assert asked == Listing(
        filter=Filter(
            created_from=datetime(2026, 1, 1, tzinfo=UTC),
            created_to=datetime(2026, 1, 6, 8, tzinfo=UTC),
            task_ids=(TASK_ID,),
            templates=("hugging", "kissing"),
            models=("vidu2.0", "viduq1", "viduq2-pro", "viduq3-pro", "doubao-seedance"),
            resolutions=("720p",),
            states=(State.PROCESSING, State.ARCHIVING, State.FAILED, State.CANCELLED, State.EXPIRED),
        ),
        size=100,
        skip=300,
    )


def test_pager_may_be_spelled_as_on_the_seed_page() -> None:
    assert listing(("paper.page", "2"), ("paper.pagesz", "5")) == Listing(size=5, skip=10)


def test_an_end_without_a_beginning_reaches_seven_days_back_from_it() -> None:
    asked = listing(("created_at.to", "2020-01-08T00:00:00Z")).filter
    assert (asked.created_from, asked.created_to) == (
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 8, tzinfo=UTC),
    )
    assert listing(("created_at.to", "0001-01-02T00:00:00Z")).filter.created_from == datetime(1, 1, 1, tzinfo=UTC)


def test_a_page_token_leads_on_from_where_the_page_ended_and_wins_over_a_number() -> None:
    token = listed(next_cursor=TASK_ID)["next_page_token"]
    assert listing(("pager.page_token", token), ("pager.page", "7")) == Listing(size=10, cursor=TASK_ID)


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        (("pager.pagesz", "101"), "pager.pagesz", "PageSizeOutOfRange"),
        (("paper.pagesz", "0"), "pager.pagesz", "PageSizeOutOfRange"),
        (("pager.pagesz", "-3"), "pager.pagesz", "PageSizeOutOfRange"),
        (("pager.pagesz", "ten"), "pager.pagesz", "FieldInvalid"),
        (("pager.page", "-1"), "pager.page", "FieldInvalid"),
        (("pager.page", "1.5"), "pager.page", "FieldInvalid"),
        (("pager.page_token", "string"), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", TASK_ID), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", "AQGbkfjU-wARIjNEVWZ3iJ_"), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", "AQGbkfjU+wARIjNEVWZ3iJk"), "pager.page_token", "FieldInvalid"),
        (("pager.page_token", "ŝtring"), "pager.page_token", "FieldInvalid"),
        (("states", "done"), "states", "FieldInvalid"),
        (("states", "archiving"), "states", "FieldInvalid"),
        (("created_at.from", "yesterday"), "created_at.from", "FieldInvalid"),
        (("created_at.to", "2026-02-30"), "created_at.to", "FieldInvalid"),
        (("model_versions", "q" * 300), "model_versions", "FieldInvalid"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(query: tuple[str, str], field: str, reason: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        listing(query)
    _, body = refusal(refused.value, Http(method="GET", path="/ent/v2/tasks"))
    assert (refused.value.field, body["reason"]) == (field, reason)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(errors.InvalidRequest, match=r"created_at\.to"):
        listing(("created_at.from", "2026-01-02"), ("created_at.to", "2026-01-01"))


@given(st.binary(min_size=16, max_size=16))
def test_every_token_given_out_is_taken_back(cursor: bytes) -> None:
    token = listed(next_cursor=cursor.hex())["next_page_token"]
    assert listing(("pager.page_token", token)).cursor == cursor.hex()
    assert token.replace("-", "").replace("_", "").isalnum()


# --- cancelling, errors, the document ---


def test_a_cancelled_task_is_answered_with_an_empty_object() -> None:
    route = next(route for route in dialect.routes if isinstance(route, Cancel))
    reply = route.render(task_of(submit("img2video", IMAGE_BODY)))
    assert (route.path, reply.status, reply.body) == ("/ent/v2/tasks/{task_id}/cancel", 200, {})


ERRORS: dict[str, errors.ClientError] = {
    "bad request": errors.InvalidRequest("the body is not valid JSON"),
    "field lacking": errors.InvalidRequest("it is required", field="model", missing=True),
    "field invalid": errors.InvalidRequest("images cannot be said at this provider", field="images"),
    "page size": errors.PageSizeOutOfRange("pager.pagesz must be from 1 to 100", field="pager.pagesz"),
    "unauthorized": errors.Unauthorized("this API key is not known, or was revoked"),
    "no such task": errors.NotFound("there is no task 7", field="task_id"),
    "no such path": errors.NotFound("there is nothing at /ent/v2/text2song"),
    "method": errors.NotAllowed("PUT is not allowed here, POST is"),
    "too late": errors.CannotCancel(State.ARCHIVING),
    "too large": errors.BodyTooLarge("the body has 7 bytes, the limit is 6"),
    "key reused": errors.KeyReused("this Idempotency-Key was sent before", field="Idempotency-Key"),
    "policy": errors.Refused(
        Failure(reason=FailureClass.POLICY, code="TaskPromptPolicyViolation", message="the prompt is not allowed")
    ),
    "credit": errors.Refused(Failure(reason=FailureClass.CREDIT, message="the account is empty")),
    "no such creation": errors.Refused(
        Failure(reason=FailureClass.INPUT, code="CreationNotFound", message="creation not found")
    ),
    "throttled": errors.Refused(Failure(reason=FailureClass.THROTTLED, message="too much to do")),
    "our key": errors.Refused(
        Failure(reason=FailureClass.PROVIDER, code="Forbidden", message="the provider refused the key")
    ),
    "out of reach": errors.Refused(Failure(reason=FailureClass.PROVIDER, message="provider vidu: blocked")),
}


def test_every_error_is_in_vidus_envelope() -> None:
    http = Http(method="GET", path="/ent/v2/tasks", headers={"x-amzn-trace-id": "Root=1-695c8f00-0a1b2c3d4e5f"})
    replies = {name: dialect.render_error(error, http) for name, error in ERRORS.items()}
    assert {name: reply.body for name, reply in replies.items()} == golden("served-errors")
    for error in ERRORS.values():
        status, body = refusal(error, http)
        assert status == body["code"]
    assert replies["unauthorized"].headers == {"www-authenticate": "Token"}


def test_no_client_error_is_left_without_a_reason() -> None:
    def leaves(error: type[errors.ClientError]) -> set[type[errors.ClientError]]:
        known = {kind for kind in error.__subclasses__() if kind.__module__ == errors.__name__}
        return known.union(*(leaves(kind) for kind in known))

    elsewhere = {errors.Conflict, errors.LimitReached}  # of subscriptions, which only the native API has
    assert leaves(errors.ClientError) - elsewhere == {type(error) for error in ERRORS.values()}


def test_a_fault_of_ours_says_nothing_of_what_it_was() -> None:
    reply = dialect.render_fault()
    body: Json = reply.body
    assert (reply.status, body["reason"]) == (500, "InternalServiceFailure")


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("Submitted", "served-submitted"),
        ("Submitted", "served-submitted-template"),
        ("Submitted", "served-submitted-reference"),
        ("Submitted", "served-submitted-foreign"),
        ("TaskCreations", "served-success"),
        ("TaskCreations", "served-failed"),
        ("TaskList", "served-list"),
        ("TaskList", "seed-list"),
        ("Error", "provider-error"),
    ],
)
def test_what_is_served_fits_its_published_schema(schema: str, name: str) -> None:
    document = {"$ref": f"#/components/schemas/ViduEntV2{schema}", "components": {"schemas": dialect.schemas}}
    jsonschema.validate(golden(name), document, cls=jsonschema.Draft202012Validator)


def test_every_route_is_described_with_schemas_that_exist_and_examples_that_fit() -> None:
    schemas = dialect.schemas
    for route in dialect.routes:
        description: Any = route.description
        contents = [answer["content"] for answer in description["responses"].values()]
        if "requestBody" in description:
            contents.append(description["requestBody"]["content"])
        for content in contents:
            name = content["application/json"]["schema"]["$ref"].removeprefix("#/components/schemas/")
            examples = schemas[name].get("examples", [])
            if route.method == "GET" and "example" in content["application/json"]:
                examples = [*examples, content["application/json"]["example"]]
            for example in examples:
                document = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
                jsonschema.validate(example, document, cls=jsonschema.Draft202012Validator)
        assert description["summary"]


def test_the_examples_of_the_document_can_be_submitted() -> None:
    schemas = dialect.schemas
    for route in dialect.routes:
        if isinstance(route, Submit):
            reference = route.description["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            for example in schemas[reference.rsplit("/", 1)[-1]]["examples"]:
                assert route.parse(posted(example)).body == example


FILLED = {
    "model": "viduq2-pro",
    "prompt": "rain",
    "images": [BOAT],
    **VIDEO,
    "text": "Good morning",
    "template": "hugging",
    "start_image": BOAT,
    "image_settings": FRAMES,
}


def accepted(route: Submit, body: Any) -> Request | None:
    try:
        return route.parse(posted(body))
    except errors.InvalidRequest:
        return None


@settings(deadline=None)
@given(st.sampled_from([route for route in dialect.routes if isinstance(route, Submit)]), VALUES)
def test_nothing_a_client_sends_is_a_fault(route: Submit, said: Any) -> None:
    body = {**FILLED, **said} if isinstance(said, dict) else said
    request = accepted(route, body)
    if request is not None:
        assert upstream.place(task_of(request)).path == route.path
        json.dumps(route.render(task_of(request)).body)
