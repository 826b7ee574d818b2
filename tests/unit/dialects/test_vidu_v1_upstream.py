from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reelkeep.dialects.vidu_v1.client import upstream
from reelkeep.domain import errors
from reelkeep.domain.observation import (
    Accepted,
    Pending,
    Succeeded,
)
from reelkeep.domain.task import Asset, Creation, Kind, Request, State
from reelkeep.domain.wire import Json, ProviderRequest
from tests.for_each import for_each
from tests.unit.dialects.harness import BOAT, TASK_ID, TINY, answer, task_of
from tests.unit.dialects.vidu_v1_harness import IMAGE, SUBMISSION, TEXT, asked, v1


def test_a_clients_body_travels_untouched_but_for_what_is_ours_and_nulls() -> None:
    sent = {
        **asked("img2video", IMAGE, seed=None, hologram=[1]),
        "provider": "p",
        "callback_url": "https://me.test/cb",
    }
    call = upstream.dispatch(task_of(v1.parse(sent)))
    assert call == ProviderRequest(method="POST", path="/vidu/v1/tasks", body=asked("img2video", IMAGE, hologram=[1]))


def test_a_creation_of_ours_travels_under_its_providers_id() -> None:
    body = v1.golden("seed-request")
    own = replace(task_of(v1.parse(body)), source_creation="885")
    foreign = Request(dialect="reelkeep", kind=Kind.UPSCALE, creation_id=f"{TASK_ID}-1", resolution="1080p")
    for task in (own, task_of(foreign, source_creation="885")):
        assert upstream.dispatch(task).body == {**body, "input": {"creation_id": "885"}}
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
    call = upstream.dispatch(task_of(Request(dialect="volc_ark", **request_)))
    assert call == ProviderRequest(method="POST", path="/vidu/v1/tasks", body=body)


RAIN: dict[str, Json] = {"kind": Kind.TEXT2VIDEO, "model": "m", "prompt": "rain"}


@for_each(
    "request_, field",
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
        upstream.dispatch(task_of(Request(dialect="volc_ark", **request_)))
    assert refused.value.field == field


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


def test_the_answer_to_a_submission_is_a_task_in_the_queue() -> None:
    submitted = answer(200, v1.golden("seed-task"))
    assert upstream.read_dispatched(submitted) == Accepted("2369218477629212")
    assert upstream.read_observed(submitted) == Pending(State.QUEUEING)


def test_a_task_is_asked_for_by_the_providers_id_and_neither_cancelled_nor_searched_for() -> None:
    task = task_of(v1.parse(SUBMISSION), provider_task_id="2369218477629212")
    assert upstream.observe(task) == ProviderRequest(method="GET", path="/vidu/v1/tasks/2369218477629212")
    assert (upstream.cancel(task), upstream.find(task, lambda _: None)) == (None, None)
