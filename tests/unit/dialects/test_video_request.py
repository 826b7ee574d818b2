from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.dialects import translate
from reelkeep.dialects.dialect import Http
from reelkeep.dialects.families.openai import sent
from reelkeep.dialects.families.resolution import pixels, shape
from reelkeep.dialects.video_generations.client import upstream
from reelkeep.dialects.video_generations.wire import BODIES, Submission
from reelkeep.domain import errors
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import TINY, task_of
from tests.unit.dialects.videos_harness import (
    BODY,
    FIRST,
    LAST,
    OTHER,
    PNG,
    PNG_URI,
    form,
    posted,
    request_of,
)

PLAIN = {"prompt": "a paper boat"}

# --- what a client asks for ---


def asked(dialect: str, http: Http) -> Request:
    return translate.asked(Submission, dialect, sent(http))


def written(request: Request) -> dict[str, Json]:
    return translate.write(request, BODIES)


def understood(body: Json) -> dict[str, Any]:
    """What a body says beyond `PLAIN`."""
    request = asked("d", posted({**PLAIN, **body}))
    assert request.body == {**PLAIN, **body}
    assert (request.dialect, request.prompt) == ("d", "a paper boat")
    usual = Request(dialect="d", kind=Kind.TEXT2VIDEO, prompt="a paper boat", body=request.body)
    fields = Request.__dataclass_fields__
    return {name: getattr(request, name) for name in fields if getattr(request, name) != getattr(usual, name)}


IMAGE = {"kind": Kind.IMG2VIDEO, "images": (FIRST,)}


@for_each(
    "body, says",
    [
        ({"model": "viduq3-pro", "provider": "second"}, {"model": "viduq3-pro", "provider": "second"}),
        ({"duration": 5}, {"duration": 5}),
        ({"duration": 5.0}, {"duration": 5}),
        ({"duration": "5"}, {"duration": 5}),
        ({"seconds": "8"}, {"duration": 8}),
        ({"seconds": 8, "duration": "8"}, {"duration": 8}),
        ({"duration": 0, "seconds": "8"}, {"duration": 8}),
        ({"metadata": {"duration": 4}}, {"duration": 4}),
        ({"size": "1280x720"}, {"resolution": "720p", "aspect_ratio": "16:9"}),
        ({"size": "720*1280"}, {"resolution": "720p", "aspect_ratio": "9:16"}),
        ({"size": "720P"}, {"resolution": "720p"}),
        ({"size": "9:16"}, {"aspect_ratio": "9:16"}),
        ({"width": 854, "height": 480}, {"resolution": "480p", "aspect_ratio": "16:9"}),
        ({"width": 0, "height": 0}, {}),
        ({"size": "1280x720", "width": 1280, "height": 720}, {"resolution": "720p", "aspect_ratio": "16:9"}),
        ({"size": "1280x720", "metadata": {"resolution": "1080p"}}, {"resolution": "1080p", "aspect_ratio": "16:9"}),
        ({"metadata": {"ratio": "adaptive"}}, {"aspect_ratio": "adaptive"}),
        # A resolution of its own: the price of a request that names none does not hold for it.
        ({"size": "1024x1792"}, {"unexpressed": ("size",), "resolution": "1024x1792"}),
        ({"width": 640}, {"unexpressed": ("width",), "resolution": "640x0"}),
        ({"metadata": {"size": "large"}}, {"unexpressed": ("metadata.size",), "resolution": "large"}),
        ({"seed": 7}, {"seed": 7}),
        ({"seed": 7, "metadata": {"seed": 8}}, {"seed": 8}),
        ({"metadata": '{"seed": 8}'}, {"seed": 8}),
        ({"metadata": {"generate_audio": False, "watermark": True}}, {"audio": False, "watermark": True}),
        ({"metadata": {"service_tier": "flex", "return_last_frame": True}}, {"off_peak": True, "last_frame": True}),
        ({"metadata": {"off_peak": True, "payload": "job-1"}}, {"off_peak": True, "payload": "job-1"}),
        ({"n": 1, "response_format": "url", "user": "u-1"}, {}),
        ({"callback_url": "https://me.test"}, {"callback_url": "https://me.test"}),
        ({"metadata": {"callback_url": "https://me.test"}}, {"callback_url": "https://me.test"}),
        ({"model": None, "image": "", "images": [], "metadata": {}, "mode": "std"}, {}),
        ({"image": FIRST}, IMAGE),
        ({"images": FIRST}, IMAGE),
        ({"images": [FIRST], "image": FIRST}, IMAGE),
        ({"input_reference": FIRST}, IMAGE),
        ({"input_reference": {"image_url": FIRST}}, IMAGE),
        ({"image": TINY}, {"kind": Kind.IMG2VIDEO, "images": (TINY,)}),
        ({"image": "iVBORw0KGgo="}, {"kind": Kind.IMG2VIDEO, "images": (TINY,)}),
        ({"images": [FIRST, LAST]}, {"kind": Kind.START_END2VIDEO, "images": (FIRST, LAST)}),
        ({"images": [FIRST, FIRST]}, {"kind": Kind.START_END2VIDEO, "images": (FIRST, FIRST)}),
        ({"input_reference": FIRST, "image": FIRST}, IMAGE),
        ({"images": [FIRST], "image": LAST}, {"kind": Kind.START_END2VIDEO, "images": (FIRST, LAST)}),
        ({"images": [FIRST, LAST, OTHER]}, {"kind": Kind.REFERENCE2VIDEO, "images": (FIRST, LAST, OTHER)}),
        (
            {"images": [FIRST], "metadata": {"action": "referenceGenerate"}},
            {"kind": Kind.REFERENCE2VIDEO, "images": (FIRST,)},
        ),
        (
            {"input_reference": {"file_id": "file-1"}},
            {"kind": Kind.IMG2VIDEO, "unexpressed": ("input_reference.file_id",)},
        ),
        (
            {"fps": 30, "mode": "pro", "metadata": {"negative_prompt": "blurry", "bgm": False, "cfg_scale": 0.5}},
            {"unexpressed": ("fps", "mode", "metadata.negative_prompt", "metadata.cfg_scale")},
        ),
    ],
)
def test_a_body_is_understood_in_any_of_its_spellings(body: Json, says: dict[str, Any]) -> None:
    assert understood(body) == says


def test_a_form_says_the_same_as_json() -> None:
    request = asked(
        "d",
        form(
            [
                ("model", "viduq3-pro"),
                ("prompt", "a paper boat"),
                ("seconds", "5"),
                ("size", "1280x720"),
                ("input_reference", PNG),
                ("metadata[seed]", "7"),
                ("metadata[audio]", "true"),
                ("metadata[payload]", "0042"),
                ("n", "1"),
                ("negative_prompt", "blurry"),
                ("cfg_scale", "0.5"),
                ("provider", "second"),
            ]
        ),
    )
    body = {
        "model": "viduq3-pro",
        "prompt": "a paper boat",
        "seconds": "5",
        "size": "1280x720",
        "input_reference": PNG_URI,
        "provider": "second",
        "metadata": {
            "n": 1,
            "negative_prompt": "blurry",
            "cfg_scale": 0.5,
            "seed": 7,
            "audio": True,
            "payload": "0042",
        },
    }
    assert request == Request(
        dialect="d",
        kind=Kind.IMG2VIDEO,
        model="viduq3-pro",
        prompt="a paper boat",
        images=(PNG_URI,),
        duration=5,
        resolution="720p",
        aspect_ratio="16:9",
        seed=7,
        audio=True,
        payload="0042",
        provider="second",
        body=body,
        unexpressed=("metadata.negative_prompt", "metadata.cfg_scale"),
    )
    assert asked("d", posted(body)) == request


def test_metadata_in_a_form_may_be_one_field_of_json() -> None:
    request = asked("d", form([("prompt", "x"), ("metadata", '{"seed": 7, "tag": "1"}'), ("width", "1280")]))
    assert request.body == {"prompt": "x", "metadata": {"width": 1280, "seed": 7, "tag": "1"}}
    assert request.seed == 7


@for_each(
    "body, field",
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"model": 5}, "model"),
        ({"model": "x" * 257}, "model"),
        ({"duration": 5.5}, "duration"),
        ({"duration": "soon"}, "duration"),
        ({"duration": True}, "duration"),
        ({"duration": -5}, "duration"),
        ({"seconds": "99999999"}, "seconds"),
        ({"duration": 5, "seconds": "8"}, "seconds"),
        ({"duration": 5, "metadata": {"duration": 8}}, "metadata.duration"),
        ({"size": 5}, "size"),
        ({"size": "x" * 33}, "size"),
        ({"size": "1280x720", "width": 720, "height": 1280}, "width"),
        ({"size": "1280x720", "width": 720}, "width"),
        ({"width": "wide"}, "width"),
        ({"height": 1.5}, "height"),
        ({"fps": 99_999}, "fps"),
        ({"metadata": {"fps": "many"}}, "metadata.fps"),
        ({"seed": -2}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"metadata": {"seed": "x"}}, "metadata.seed"),
        ({"n": 2}, "n"),
        ({"response_format": "b64_json"}, "response_format"),
        ({"metadata": {"service_tier": "priority"}}, "metadata.service_tier"),
        ({"metadata": {"audio": "yes"}}, "metadata.audio"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": "not json"}, "metadata"),
        ({"metadata": "[]"}, "metadata"),
        ({"metadata": {"action": "remix"}}, "metadata.action"),
        ({"metadata": {"action": "firstTailGenerate"}, "image": FIRST}, "metadata.action"),
        ({"image": "not a picture"}, "image"),
        ({"image": [FIRST]}, "image"),
        ({"images": [FIRST, 5]}, "images[1]"),
        ({"images": [FIRST] * 101}, "images"),
        ({"input_reference": 5}, "input_reference"),
        ({"input_reference": {"image_url": "ftp://ex.test"}}, "input_reference.image_url"),
        ({"image": "data:video/mp4;base64,AAAA"}, "image"),
        ({"user": 5}, "user"),
        ({"provider": 5}, "provider"),
    ],
)
def test_what_is_wrong_is_refused_by_the_name_that_the_client_gave_it(body: Json, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        asked("d", posted({**PLAIN, **body}))
    assert (refused.value.field, field in refused.value.message) == (field, True)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        asked("d", posted({**PLAIN, "seconds": "soon", "input_reference": 5, "metadata": {"seed": "x"}}))
    assert [field for field, _ in refused.value.wrong] == ["seconds", "input_reference", "metadata.seed"]


def test_a_prompt_is_not_needed_beside_an_image() -> None:
    assert asked("d", posted({"image": FIRST})).prompt == ""


def test_a_form_s_file_that_is_no_picture_is_refused_by_name() -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        asked("d", form([("prompt", "x"), ("input_reference", b"ftypmp42")]))
    assert refused.value.field == "input_reference"


@given(st.lists(st.tuples(st.sampled_from(["prompt", "metadata", "metadata[seed]", "images[]", "size"]), st.text())))
def test_any_form_is_understood_or_refused(fields: list[tuple[str, str]]) -> None:
    said = [(name, value.encode(errors="replace").decode()) for name, value in fields]
    with suppress(errors.ClientError):
        asked("d", form([("prompt", "x"), *said], "boundary"))


# --- sizes ---


@for_each(
    "size, said",
    [
        ("1920x1080", ("1080p", "16:9")),
        ("864x480", ("480p", "16:9")),
        ("2520x1080", ("1080p", "21:9")),
        ("960x720", ("720p", "4:3")),
        ("3840X2160", ("4K", "16:9")),
        ("2K", ("2K", "")),
        ("1792x1024", ("", "")),
        ("720x500", ("", "")),
        ("0x720", ("", "")),
        ("", ("", "")),
        ("large", ("", "")),
    ],
)
def test_a_size_is_a_resolution_and_a_ratio(size: str, said: tuple[str, str]) -> None:
    assert shape(size) == said


@for_each("resolution", ["360p", "480p", "540p", "720p", "1080p", "2K", "4K"])
@for_each("ratio", ["16:9", "9:16", "4:3", "3:4", "1:1", "21:9", "3:2", "2:3"])
def test_every_resolution_and_ratio_has_a_size_that_says_the_same(resolution: str, ratio: str) -> None:
    assert shape(pixels(resolution, ratio)) == (resolution, ratio)


def test_an_unknown_word_has_no_size() -> None:
    assert (pixels("8K", "16:9"), pixels("720p", "adaptive"), pixels("", "")) == ("", "", "")


@given(st.text() | st.from_regex(r"[0-9]{1,6}[xX*×][0-9]{1,6}", fullmatch=True) | st.from_regex(r"[0-9]{1,5}[pPkK:]"))
def test_whatever_a_size_says_it_is_known_or_none(size: str) -> None:
    resolution, ratio = shape(size)
    if resolution and ratio:
        assert shape(pixels(resolution, ratio)) == (resolution, ratio)


# --- what a provider is asked for ---


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        (
            {},
            {
                "model": "viduq3-pro",
                "prompt": "a paper boat",
                "duration": 5,
                "size": "1280x720",
                "metadata": {"resolution": "720p", "aspect_ratio": "16:9", "ratio": "16:9"},
            },
        ),
        (
            {"kind": Kind.IMG2VIDEO, "images": (FIRST,), "aspect_ratio": "", "seed": -1, "duration": None},
            {
                "model": "viduq3-pro",
                "prompt": "a paper boat",
                "image": FIRST,
                "size": "720p",
                "metadata": {"resolution": "720p"},
            },
        ),
        (
            {"kind": Kind.REFERENCE2VIDEO, "images": (FIRST, LAST), "seed": 0, "audio": False, "watermark": True},
            {
                "model": "viduq3-pro",
                "prompt": "a paper boat",
                "images": [FIRST, LAST],
                "duration": 5,
                "size": "1280x720",
                "metadata": {
                    "action": "referenceGenerate",
                    "resolution": "720p",
                    "aspect_ratio": "16:9",
                    "ratio": "16:9",
                    "seed": 0,
                    "audio": False,
                    "generate_audio": False,
                    "watermark": True,
                },
            },
        ),
        ({"model": "", "duration": None, "resolution": "", "aspect_ratio": ""}, {"prompt": "a paper boat"}),
    ],
)
def test_a_request_of_another_dialect_is_written(changes: dict[str, Any], body: Json) -> None:
    assert written(request_of("volc_ark", **changes)) == body


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unexpressed": ("camera_fixed", "frames")}, "camera_fixed"),
        ({"kind": Kind.UPSCALE, "video_url": "https://ex.test/v.mp4"}, "kind"),
        ({"off_peak": True}, "off_peak"),
        ({"last_frame": True}, "last_frame"),
        ({"template": "hugging"}, "template"),
        ({"prompt": "", "kind": Kind.IMG2VIDEO, "images": (FIRST,)}, "prompt"),
        ({"aspect_ratio": "adaptive"}, "aspect_ratio"),
        ({"kind": Kind.REFERENCE2VIDEO, "images": (FIRST,) * 101}, "images"),
    ],
)
def test_what_a_gateway_cannot_say_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        written(request_of("volc_ark", **changes))
    assert refused.value.field == field


REQUESTS = st.builds(
    request_of,
    st.just("d"),
    prompt=st.text(min_size=1, max_size=9).filter(str.strip),
    duration=st.none() | st.integers(1, 60),
    resolution=st.sampled_from(["", "720p", "1080p", "8K"]),
    aspect_ratio=st.sampled_from(["", "16:9", "1:1"]),
    seed=st.none() | st.integers(0, 2**32),
    audio=st.none() | st.booleans(),
    watermark=st.none() | st.booleans(),
)
PICTURED = st.sampled_from(
    [(kind, images) for kind, images in (
        (Kind.TEXT2VIDEO, ()), (Kind.IMG2VIDEO, (FIRST,)), (Kind.START_END2VIDEO, (FIRST, LAST)),
        (Kind.START_END2VIDEO, (LAST, LAST)),
        (Kind.REFERENCE2VIDEO, (FIRST,)), (Kind.REFERENCE2VIDEO, (FIRST, LAST)),
        (Kind.REFERENCE2VIDEO, (FIRST, LAST, OTHER)),
    )]
)  # fmt: skip


@given(REQUESTS, PICTURED)
def test_what_is_written_is_understood_as_what_was_asked_for(
    request_: Request, pictured: tuple[Kind, tuple[str, ...]]
) -> None:
    kind, images = pictured
    request_ = replace(request_, kind=kind, images=images)
    body = written(request_)
    assert asked("d", posted(body)) == replace(request_, body=body)


def test_a_clients_own_body_travels_without_what_is_ours_and_without_nulls() -> None:
    ours = {"provider": "second", "callback_url": "https://me.test"}
    body = {**BODY, **ours, "seed": None, "metadata": {"style": "noir", "callback_url": "https://me.test"}}
    assert _travelled(body) == {**BODY, "metadata": {"style": "noir"}}
    assert _travelled({**BODY, "metadata": "{}"}) == {**BODY, "metadata": "{}"}


def _travelled(body: dict[str, Json]) -> Json:
    return upstream.dispatch(task_of(request_of("video_generations", body=body))).body
