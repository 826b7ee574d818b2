"""Every kind of task of Vidu's, with the fields that Vidu documents for it."""

from __future__ import annotations

import base64
from typing import Any, Final

import pytest

from tests.e2e.archive import Archive, decoded
from tests.e2e.client import Client
from tests.e2e.conftest import NewClient, Prompt
from tests.e2e.simulator import Simulator

PICTURE: Final = "https://example.com/bird.png"
FILM: Final = "https://example.com/bird.mp4"
LARGE_PICTURE: Final = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 1200).decode()

# By the last part of its path: what is sent beside the prompt, and the type that it is answered with.
KINDS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "text2video": ({"model": "vidu1.5", "style": "anime", "resolution": "360p", "seed": 7}, "text2video"),
    "img2video": (
        {"model": "viduq2-turbo", "images": [LARGE_PICTURE], "duration": 1, "resolution": "540p"},
        "img2video",
    ),
    "reference2video": (
        {"model": "vidu2.0", "images": [PICTURE] * 3, "aspect_ratio": "1:1", "resolution": "360p"},
        "character2video",
    ),
    "start-end2video": (
        {"model": "viduq2-pro", "images": [PICTURE, PICTURE], "duration": 1, "resolution": "540p"},
        "headtailimg2video",
    ),
    "template2video": ({"template": "hugging", "images": [PICTURE], "seed": 0, "bgm": False}, "template"),
    "extend": (
        {"model": "viduq2-pro", "video_url": FILM, "images": [PICTURE], "duration": 1, "resolution": "540p"},
        "extend",
    ),
    "upscale-new": ({"video_url": FILM, "upscale_resolution": "1080p"}, "upscale"),
    "lip-sync": ({"video_url": FILM, "text": "good morning", "speed": 1.5, "volume": 2}, "lip-sync"),
    "multiframe": (
        {
            "model": "viduq2-turbo",
            "start_image": PICTURE,
            "image_settings": [{"key_image": PICTURE, "duration": 3}, {"key_image": PICTURE}],
            "resolution": "540p",
        },
        "multiframe",
    ),
}


@pytest.fixture(scope="module")
def dave(new_client: NewClient) -> Client:
    """Someone who tries everything."""
    return new_client("dave")


@pytest.fixture(scope="module")
def submitted(dave: Client, prompt: Prompt, simulator: Simulator) -> dict[str, dict[str, Any]]:
    found = {}
    for kind, (fields, _) in KINDS.items():
        text = {} if kind in ("upscale-new", "lip-sync", "multiframe") else {"prompt": prompt(f"by {kind}")}
        found[kind] = dave.vidu_submitted(kind, **fields, **text, payload=f"the {kind} one")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_of_every_kind_goes_the_whole_way(
    kind: str, submitted: dict[str, dict[str, Any]], dave: Client, archive: Archive
) -> None:
    answer = submitted[kind]
    assert (answer["type"], answer["payload"]) == (KINDS[kind][1], f"the {kind} one")
    task = dave.succeeded(answer["task_id"])
    assert decoded(archive.verified(task)["video"]).frames >= 24
    shown = dave.vidu_task(answer["task_id"])
    assert (shown["state"], shown["payload"]) == ("success", f"the {kind} one")
