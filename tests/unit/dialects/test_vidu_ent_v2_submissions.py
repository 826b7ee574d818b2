from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reelkeep.dialects.dialect import Http, Submit
from reelkeep.dialects.vidu_ent_v2.client import upstream
from reelkeep.dialects.vidu_ent_v2.server import dialect
from reelkeep.domain import errors
from reelkeep.domain.task import Kind, Request, State
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, TINY, task_of
from tests.unit.dialects.vidu_ent_v2_harness import (
    FRAMES,
    IMAGE_BODY,
    VIDEO,
    golden,
    posted,
    refusal,
    submit,
    submitted,
)


@for_each(
    "segment, body, understood",
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
                "unexpressed": ("image_settings[0].duration", "image_settings[1].prompt"),
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
def test_a_submission_is_understood_and_copied_word_for_word(segment: str, body: Json, understood: Json) -> None:
    said = {name.removeprefix("upscale_") for name, value in body.items() if value}
    presumed = tuple(name for name in ("duration", "resolution") if name in understood and name not in said)
    assert submit(segment, body) == Request(dialect="vidu_ent_v2", body=body, presumed=presumed, **understood)


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
            ("movement_amplitude", "bgm", "is_rec", "wm_position", "meta_data", "style", "cus_priority"),
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


@for_each(
    "segment, body, field, reason",
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
        ("reference2video", {"model": "q", "prompt": "rain", "subjects": []}, "images", "FieldLacking"),
        ("reference2video", {"model": "q", "prompt": "rain", "images": [BOAT] * 101}, "images", MANY),
        ("reference2video", {"model": "q", "prompt": "rain", "subjects": [{}] * 101}, "subjects", MANY),
        ("reference2video", {"model": "q", "prompt": "rain", "subjects": [7]}, "subjects[0]", "FieldInvalid"),
        ("start-end2video", {"model": "q", "images": [BOAT]}, "images", MANY),
        ("start-end2video", {"model": "q", "images": [BOAT, 1]}, "images[1]", "FieldInvalid"),
        ("template2video", {"images": [BOAT]}, "template", "FieldLacking"),
        ("template2video", {"template": "hugging", "images": []}, "images", MANY),
        ("extend", {"model": "q"}, "video_url", "FieldLacking"),
        ("extend", {"model": "q", **VIDEO, "duration": 0}, "duration", "FieldInvalid"),
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
            {"model": "q", "start_image": BOAT, "image_settings": FRAMES * 51},
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
                "image_settings": [*FRAMES, {"key_image": BOAT, "duration": "9"}],
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


@pytest.mark.parametrize(
    ("segment", "body", "message"),
    [
        (
            "img2video",
            {"images": [], "duration": "5", "style": 7},
            "model is required; duration must be a whole number from 1 to 86400; images must not be empty",
        ),
        ("reference2video", {"model": "q"}, "prompt is required; images or subjects is required"),
        ("extend", {"duration": 1.5}, "model is required; video_url or video_creation_id is required; duration must"),
        (
            "upscale-new",
            {"upscale_resolution": "3K"},
            "video_url or video_creation_id is required; upscale_resolution",
        ),
        ("lip-sync", {"speed": 3}, "video_url is required; audio_url or text is required; speed must be 2.0 or less"),
    ],
)
def test_everything_that_is_wrong_is_said_at_once_in_our_words(segment: str, body: Json, message: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        submit(segment, body)
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    ("segment", "body"),
    [
        ("reference2video", {"prompt": "rain", "images": [BOAT] * 15, "duration": 16, "resolution": "4K"}),
        ("reference2video", {"prompt": "rain", "subjects": [{"id": "1", "images": [BOAT] * 5}] * 9}),
        ("img2video", {"images": [BOAT], "duration": 60, "resolution": "2K"}),
        ("extend", {**VIDEO, "duration": 16}),
        ("multiframe", {"start_image": BOAT, "image_settings": [{"key_image": BOAT, "duration": 12}] * 12}),
    ],
)
def test_what_a_model_takes_is_for_its_provider_to_say(segment: str, body: Json) -> None:
    sent = {**body, "model": "viduq4-preview"}
    call = upstream.dispatch(task_of(submit(segment, sent)))
    assert call.body is not None
    assert {name: call.body[name] for name in sent} == sent


def test_a_field_of_a_request_is_named_as_clients_of_its_kind_write_it() -> None:
    error = errors.InvalidRequest("resolution must be one of 1080p at this provider", field="resolution")
    _, said = refusal(error, posted({}, "/ent/v2/upscale-new"))
    assert said["message"] == "upscale_resolution must be one of 1080p at this provider"
    error = errors.InvalidRequest("there is no creation 0", field="creation_id")
    _, said = refusal(error, posted({}, "/ent/v2/extend"))
    assert said["message"] == "video_creation_id: there is no creation 0"


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


def accepted(route: Submit, body: Any) -> Request | None:
    try:
        return route.parse(posted(body))
    except errors.InvalidRequest:
        return None
