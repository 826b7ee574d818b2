"""The native API: what is submitted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from docs.generate import operations
from reelkeep.dialects.dialect import Http
from reelkeep.dialects.reelkeep.server import dialect
from reelkeep.domain.errors import (
    InvalidRequest,
)
from reelkeep.domain.task import Kind, Request
from tests.for_each import for_each
from tests.unit.dialects.reelkeep_harness import BOAT, INLINE, SUBMIT, wrong_fields

FILM = "https://example.com/boat.mp4"
SCHEMAS = operations.schemas(dialect)


def submitted(body: Any) -> Request:
    request: Request = SUBMIT.parse(Http(method="POST", path="/tasks", body=json.dumps(body).encode()))
    return request


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
