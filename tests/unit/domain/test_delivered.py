"""What was delivered is compared with what was ordered, and with what the provider claims."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reelkeep.domain.delivered import Difference, differences
from reelkeep.domain.task import Adoption, ArchivedFile, Asset, Creation, Kind
from tests.unit.services.harness import NOON, request
from tests.unit.services.webhook_harness import task

FILE = ArchivedFile(
    key="k", bytes=1, sha256="ab", content_type="video/mp4",
    duration=5.04, fps=24.0, width=1280, height=720, codec="h264", sound=False,
)  # fmt: skip
NOTHING_SAID: dict[str, Any] = {"duration": None, "resolution": "", "aspect_ratio": "", "audio": None}


def found(file: dict[str, Any], claimed: dict[str, Any] | None = None, **ordered: Any) -> list[tuple[str, str, str]]:
    """What differs, as it was ordered (or else claimed) and delivered."""
    assets = (Asset(name="video", archived=replace(FILE, **file)), Asset(name="cover"))
    made = Creation(id="c1", assets=assets, **claimed or {})
    done = replace(task(), request=request(**{**NOTHING_SAID, **ordered}), creations=(made,))
    return [(each.what, each.ordered or each.claimed, each.delivered) for each in differences(done)]


@pytest.mark.parametrize(
    ("ordered", "file"),
    [
        ({}, {"duration": 3.0, "width": 100, "height": 100}),
        ({"duration": 5}, {}),
        ({"duration": 4}, {"duration": 3.85}),
        ({"duration": 5}, {"duration": None}),
        ({"duration": -1}, {}),
        ({"duration": 10, "presumed": ("duration",)}, {}),
        ({"duration": 5, "kind": Kind.EXTEND}, {"duration": 10.0}),
        ({"duration": 5, "kind": Kind.UPSCALE}, {"duration": 8.0}),
        ({"resolution": "720p"}, {}),
        ({"resolution": "720P"}, {"width": 720, "height": 1280}),
        ({"resolution": "720p"}, {"width": 960, "height": 960}),
        ({"resolution": "720p"}, {"width": 720, "height": 720}),
        ({"resolution": "720p"}, {"width": 1470, "height": 630}),
        ({"resolution": "720p"}, {"width": 1112, "height": 834}),
        ({"resolution": "720p", "kind": Kind.IMG2VIDEO}, {"width": 1280, "height": 320}),
        ({"resolution": "480p"}, {"width": 864, "height": 480}),
        ({"resolution": "480p"}, {"width": 640, "height": 640}),
        ({"resolution": "360p"}, {"width": 688, "height": 384}),
        ({"resolution": "1080p"}, {"width": 1920, "height": 1088}),
        ({"resolution": "1080p"}, {"width": 2206, "height": 946}),
        ({"resolution": "2K"}, {"width": 2048, "height": 1080}),
        ({"resolution": "2K"}, {"width": 1440, "height": 2560}),
        ({"resolution": "4K"}, {"width": 4096, "height": 2160}),
        ({"resolution": "1280x720"}, {"width": 720, "height": 1280}),
        ({"resolution": "512"}, {}),
        ({"resolution": "cinema"}, {}),
        ({"resolution": "1080p"}, {"width": None}),
        ({"resolution": "1080p", "presumed": ("resolution",)}, {}),
        ({"aspect_ratio": "16:9"}, {"width": 832, "height": 480}),
        ({"aspect_ratio": "21:9"}, {"width": 992, "height": 432}),
        ({"aspect_ratio": "adaptive"}, {"width": 480, "height": 864}),
        ({"aspect_ratio": "9:16", "kind": Kind.IMG2VIDEO}, {}),
        ({"audio": True}, {"sound": True}),
        ({"audio": True}, {"sound": None}),
        ({"audio": False}, {"sound": True}),
        ({"codec": "h265"}, {"codec": "hevc"}),
        ({"codec": "h265"}, {"codec": ""}),
    ],
)
def test_what_fits_or_was_not_said_is_no_difference(ordered: dict[str, Any], file: dict[str, Any]) -> None:
    assert found(file, **ordered) == []


@pytest.mark.parametrize(
    ("ordered", "file", "difference"),
    [
        ({"duration": 5}, {"duration": 4.2}, ("duration", "5", "4.2")),
        ({"duration": 5}, {"duration": 8.0}, ("duration", "5", "8")),
        ({"resolution": "1080p"}, {}, ("resolution", "1080p", "1280x720")),
        ({"resolution": "540p"}, {"width": 864, "height": 480}, ("resolution", "540p", "864x480")),
        ({"resolution": "720p"}, {"width": 640, "height": 640}, ("resolution", "720p", "640x640")),
        ({"resolution": "2K"}, {"width": 1920, "height": 1080}, ("resolution", "2K", "1920x1080")),
        ({"resolution": "4K", "kind": Kind.UPSCALE}, {}, ("resolution", "4K", "1280x720")),
        ({"resolution": "1920x1080"}, {}, ("resolution", "1920x1080", "1280x720")),
        ({"resolution": "000p"}, {}, ("resolution", "000p", "1280x720")),
        ({"resolution": "00x00"}, {}, ("resolution", "00x00", "1280x720")),
        ({"aspect_ratio": "9:16"}, {}, ("aspect_ratio", "9:16", "1280x720")),
        ({"aspect_ratio": "3:2"}, {}, ("aspect_ratio", "3:2", "1280x720")),
        ({"audio": True}, {}, ("audio", "true", "false")),
        ({"codec": "h265"}, {}, ("codec", "h265", "h264")),
    ],
)
def test_what_does_not_fit_is_named(
    ordered: dict[str, Any], file: dict[str, Any], difference: tuple[str, str, str]
) -> None:
    assert found(file, **ordered) == [difference]


@pytest.mark.parametrize(
    ("claimed", "differing"),
    [
        ({"duration": 5.0, "width": 1280, "height": 720}, []),
        ({"width": 720, "height": 1280}, []),  # one of the two tells how it is coded, not how it is shown
        ({"width": 1280, "height": 728}, []),
        ({"duration": 8.0}, [("duration", "8", "5.04")]),
        ({"width": 1920, "height": 1080}, [("size", "1920x1080", "1280x720")]),
    ],
)
def test_a_claim_that_the_file_does_not_bear_out_is_named(claimed: dict[str, Any], differing: list[Any]) -> None:
    assert found({}, claimed) == differing


def test_one_difference_names_both_the_order_and_the_claim() -> None:
    video = Asset(name="video", archived=replace(FILE, duration=2.0))
    made = Creation(id="c1", assets=(video,), duration=5.0)
    done = replace(task(), request=request(**NOTHING_SAID | {"duration": 5}), creations=(made,))
    named = Difference(creation="c1", what="duration", ordered="5", claimed="5", delivered="2")
    assert differences(done) == [named]
    nobody_ordered_it = replace(done, adopted=Adoption(at=NOON))
    assert differences(nobody_ordered_it) == [replace(named, ordered="")]
    waiting = replace(made, assets=(Asset(name="video", source="https://p.example/1.mp4"),))
    assert differences(replace(done, creations=(waiting,))) == []
