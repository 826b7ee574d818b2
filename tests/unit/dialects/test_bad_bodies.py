"""What every format takes or refuses alike, whatever the fields are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reelkeep.dialects import all_dialects, dialect_of
from reelkeep.dialects.dialect import Dialect, Http, Submit
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.task import Request
from tests.submissions import MODELS, submission
from tests.unit.dialects.harness import TINY

everywhere = pytest.mark.parametrize("spoken", all_dialects(), ids=lambda dialect: dialect.name)
BROKEN = "data:image/png;base64,iVBO\r\nRw0K\r\nGgo="
IN_PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "kling": ("/kling/v1/videos/image2video", {"image": BROKEN}),
    "openai_videos": ("/v1/videos", {"prompt": "a boat", "input_reference": BROKEN}),
    "reelkeep": ("/tasks", {"kind": "img2video", "model": "m", "images": [BROKEN]}),
    "video_generations": ("/v1/video/generations", {"prompt": "a boat", "image": BROKEN}),
    "vidu_ent_v2": ("/ent/v2/img2video", {"model": "m", "images": [BROKEN]}),
    "vidu_native": ("/vidu-native/video/generations", {"model": "m", "prompt": "a boat", "images": [BROKEN]}),
    "vidu_v1": (
        "/vidu/v1/tasks",
        {
            "type": "img2video",
            "input": {"prompts": [{"type": "image", "content": BROKEN}]},
            "settings": {"model": "m", "duration": 4},
        },
    ),
    "volc_ark": (
        "/api/v3/contents/generations/tasks",
        {"model": "m", "content": [{"type": "image_url", "image_url": {"url": BROKEN}}]},
    ),
}


def parse(dialect: Dialect, path: str, body: bytes) -> Request:
    route = next(route for route in dialect.routes if isinstance(route, Submit) and route.path == path)
    return route.parse(Http(method="POST", path=path, body=body))


def usual(dialect: Dialect) -> tuple[str, bytes]:
    path, body = submission(dialect.name, next(iter(MODELS.values())), "a b\u00f6at")
    return path, json.dumps(body, ensure_ascii=False).encode()


@everywhere
def test_base64_with_line_breaks_is_a_picture(spoken: Dialect) -> None:
    path, body = IN_PICTURES[spoken.name]
    (image,) = parse(spoken, path, json.dumps(body).encode()).images
    assert "".join(image.split()) == TINY


@everywhere
def test_a_body_that_is_not_utf_8_is_refused(spoken: Dialect) -> None:
    path, body = usual(spoken)
    latin = body.decode().encode("latin-1")
    for sent in (latin, latin.decode(errors="replace").encode()):  # as it is, and as a gateway hands it on
        with pytest.raises(InvalidRequest, match=r"^the body is not valid UTF-8"):
            parse(spoken, path, sent)


@everywhere
def test_what_is_not_valid_json_is_said_to_be_so_where_it_is(spoken: Dialect) -> None:
    path, _ = usual(spoken)
    with pytest.raises(InvalidRequest, match=r"^the body is not valid JSON: .* at line 2 column 13$"):
        parse(spoken, path, b'{\n  "prompt": a}')


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (b"NaN", "a number in it is NaN, infinite or too long"),
        (b"1e999", "a number in it is NaN, infinite or too long"),
        (b"9" * 5000, "a number in it is NaN, infinite or too long"),
        (rb'"\ud800"', "it has one half of a character that takes two"),
        (b"[" * 100_000 + b"]" * 100_000, "it is nested too deeply"),
        (b"[" * 100 + b"]" * 100, "it is nested too deeply"),  # which could be read, and not be worked with
    ],
)
def test_what_json_cannot_say_is_named(value: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^the body is not valid JSON: {why}$"):
        Http(method="POST", path="/tasks", body=b'{"prompt": ' + value + b"}").json()


@everywhere
def test_a_field_in_other_letters_is_refused_as_some_providers_would_take_it(spoken: Dialect) -> None:
    path, body = submission(spoken.name, next(iter(MODELS.values())), "a boat")
    name = next(iter(body)).upper()
    with pytest.raises(InvalidRequest) as refused:
        parse(spoken, path, json.dumps(body | {name: "dearer"}).encode())
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/video/generations", {"metadata": {"model": "dearer"}}, "metadata.model"),
        ("/v1/videos", {"metadata": {"model_name": "dearer"}}, "metadata.model_name"),
        ("/v1/videos", {"metadata": {"Duration": 60}}, "Duration"),
        ("/kling/v1/videos/text2video", {"model": "dearer"}, "model"),
        ("/kling/v1/videos/text2video", {"model": 7}, "model"),
        (
            "/vidu/v1/tasks",
            {"settings": {"model": "cheap", "model_version": "dearer", "duration": 4}},
            "settings.model_version",
        ),
    ],
)
def test_limits_and_prices_hold_for_every_model_and_length_that_a_body_names(
    path: str, body: dict[str, Any], field: str
) -> None:
    spoken = dialect_of(path)
    known = submission(spoken.name, "cheap", "a boat")[1]
    with pytest.raises(InvalidRequest) as refused:
        parse(spoken, path, json.dumps(known | body).encode())
    assert refused.value.field == field
    same = json.dumps(known | body).replace("dearer", "cheap").replace('"Duration": 60', '"duration": 4')
    assert parse(spoken, path, same.replace("7}", '"cheap"}').encode()).model == "cheap"
