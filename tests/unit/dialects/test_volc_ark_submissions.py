from __future__ import annotations

from typing import Any

import pytest

from reelkeep.domain import errors
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json
from tests.for_each import for_each
from tests.unit.dialects.harness import (
    BOAT,
    TASK_ID,
    TINY,
    task_of,
)
from tests.unit.dialects.volc_ark_harness import MODEL, SUBMISSION, TEXT, ark, asked, image


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
def test_the_roles_in_the_content_decide_what_is_made(content: list[Json], kind: Kind, images: tuple[str]) -> None:
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
        (
            "a boat --frames 57 --dur 5",
            "a boat",
            {"unexpressed": ("frames",), "presumed": ("duration",), "duration": 3},  # at 24 a second: it is billed
        ),
        (
            "a boat --frames 57 --fps 600",  # at which Ark bills no less
            "a boat",
            {"unexpressed": ("frames", "framespersecond"), "presumed": ("duration",), "duration": 3},
        ),
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


@for_each(
    "body, unexpressed",
    [
        (asked(camera_fixed=True, draft=True), ("camera_fixed", "draft")),
        (asked(frames=57, duration=5), ("frames",)),
        (asked(execution_expires_after=3600, priority=3), ("priority",)),
        (asked(output_format="mov", omni_reference_task_type="edit"), ("omni_reference_task_type", "output_format")),
        (asked(tools=[{"type": "web_search"}]), ("tools",)),
        (asked(service_tier="turbo"), ("service_tier",)),
        (asked(hologram={"depth": 3}, sparkle=False), ("hologram",)),
        (asked(TEXT, image(url="asset://asset-1")), ("content[1].image_url",)),
        (
            asked(
                image("reference_image"),
                {"type": "video_url", "video_url": {"url": "https://ex.test/v.mp4"}, "role": "reference_video"},
                {"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AAAA"}, "role": "reference_audio"},
            ),
            ("content[1].video_url", "content[2].audio_url"),
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


@for_each(
    "body, field",
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


def test_a_submission_is_answered_with_the_id_alone() -> None:
    assert ark.submitted(task_of(ark.parse(SUBMISSION))) == {"id": TASK_ID}
    named = ark.parse(asked(safety_identifier="user-1"))
    assert ark.submitted(task_of(named)) == {"id": TASK_ID, "safety_identifier": "user-1"}


def test_the_submission_s_schema_admits_what_the_sdk_sends() -> None:
    for body in (SUBMISSION, ark.golden("sdk-submission")):
        ark.fits("VolcArkSubmission", body)
