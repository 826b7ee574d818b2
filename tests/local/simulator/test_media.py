"""The files: real, playable, and behind links that die."""

from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import av
import pytest
from PIL import Image

from tests.local.simulator.client import Client, Open


def _video(data: bytes) -> dict[str, Any]:
    with av.open(BytesIO(data), "r") as container:
        (video,) = container.streams.video
        return {
            "codec": video.codec_context.name,
            "pixels": video.codec_context.pix_fmt,
            "size": (video.width, video.height),
            "frames": sum(1 for _ in container.decode(video)),
            "rate": video.average_rate,
            "sound": [stream.codec_context.name for stream in container.streams.audio],
        }


def test_a_video_is_playable_and_as_long_and_large_as_asked(simulator: Client) -> None:
    task_id = simulator.made(model="viduq2", duration=1, resolution="540p", aspect_ratio="9:16")
    data = simulator.get(simulator.creation(task_id)["url"]).content
    assert _video(data) == {
        "codec": "h264",
        "pixels": "yuv420p",
        "size": (540, 960),
        "frames": 24,
        "rate": 24,
        "sound": [],
    }
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_video_has_sound_when_asked(simulator: Client) -> None:
    data = simulator.get(simulator.creation(simulator.made(audio=True))["url"]).content
    assert _video(data)["sound"] == ["aac"]
    with av.open(BytesIO(data), "r") as container:
        samples = sum(frame.samples for frame in container.decode(container.streams.audio[0]))
    assert samples / 44100 == pytest.approx(4, abs=0.05)


def test_the_picture_moves(simulator: Client) -> None:
    data = simulator.get(simulator.creation(simulator.made())["url"]).content
    with av.open(BytesIO(data), "r") as container:
        first, *_, last = (bytes(frame.planes[0]) for frame in container.decode(video=0))
    assert first != last


def test_the_other_files_are_what_they_say(simulator: Client) -> None:
    creation = simulator.creation(simulator.made(watermark=True))
    cover = Image.open(BytesIO(simulator.get(creation["cover_url"]).content))
    assert (cover.format, cover.size) == ("JPEG", (640, 360))
    plain, marked = (simulator.get(creation[name]).content for name in ("url", "watermarked_url"))
    assert _video(plain)["size"] == _video(marked)["size"] == (640, 360)
    assert plain != marked
    assert _video(simulator.get(creation["moderation_url"][0]).content)["size"] == (320, 180)


@pytest.mark.parametrize("prompt", ["一只纸船漂过雨中的街道", "Бумажный кораблик", "🚣 مركب ورقي", "x" * 5000, " "])
def test_any_prompt_can_be_drawn(simulator: Client, prompt: str) -> None:
    cover = simulator.get(simulator.creation(simulator.made(prompt))["cover_url"])
    assert (cover.status_code, cover.headers["content-type"]) == (200, "image/jpeg")


def test_a_padded_video_still_plays(simulator: Client) -> None:
    data = simulator.get(simulator.creation(simulator.made("[size:3]"))["url"]).content
    assert len(data) == 3_000_000
    assert _video(data)["frames"] == 96


def test_the_same_file_comes_at_every_download(simulator: Client) -> None:
    task_id = simulator.made()
    first, second = (simulator.get(simulator.creation(task_id)["url"]) for _ in range(2))
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["content-length"] == str(len(first.content))


def test_a_head_request_is_answered_with_all_but_the_body(simulator: Client) -> None:
    url = simulator.creation(simulator.made())["url"]
    whole, head = simulator.get(url), simulator.head(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "accept-ranges", "content-type"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("wanted", "part"),
    [("bytes=0-99", slice(0, 100)), ("bytes=100-", slice(100, None)), ("bytes=-7", slice(-7, None))],
)
def test_a_range_is_served(simulator: Client, wanted: str, part: slice) -> None:
    url = simulator.creation(simulator.made())["url"]
    whole = simulator.get(url).content
    answer = simulator.get(url, range=wanted)
    start, stop, _ = part.indices(len(whole))
    assert (answer.status_code, answer.content) == (206, whole[part])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("wanted", ["bytes=9-3", "bytes=0-1,5-6", "lines=1-2", "bytes=-"])
def test_a_range_that_makes_no_sense_is_ignored(simulator: Client, wanted: str) -> None:
    url = simulator.creation(simulator.made())["url"]
    assert simulator.get(url, range=wanted).status_code == 200


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(simulator: Client, wanted: str) -> None:
    url = simulator.creation(simulator.made())["url"]
    size = simulator.head(url).headers["content-length"]
    answer = simulator.get(url, range=wanted)
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")


def test_links_are_signed_afresh_at_each_query_and_say_when_they_die(simulator: Client) -> None:
    task_id = simulator.made()
    before = simulator.creation(task_id)
    simulator.skip(60)
    after = simulator.creation(task_id)
    assert before["url"] != after["url"]
    lifetimes = [parse_qs(urlsplit(after[name]).query)["X-Amz-Expires"] for name in ("url", "cover_url")]
    assert lifetimes == [["86400"], ["3600"]]
    assert parse_qs(urlsplit(after["url"]).query)["X-Amz-Date"] == ["20261121T120110Z"]


def test_a_link_dies_but_the_next_one_lives(simulator: Client) -> None:
    task_id = simulator.made()
    creation = simulator.creation(task_id)
    simulator.skip(3600)
    assert [simulator.get(creation[name]).status_code for name in ("url", "cover_url")] == [200, 403]
    simulator.skip(86400 - 3600)
    dead = simulator.get(creation["url"])
    assert (dead.status_code, dead.headers["content-type"]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in dead.text
    assert simulator.get(simulator.creation(task_id)["url"]).status_code == 200


def test_the_lifetime_of_links_can_be_set(open_simulator: Open) -> None:
    simulator = open_simulator(link_seconds=5)
    url = simulator.creation(simulator.made())["url"]
    simulator.skip(6)
    assert simulator.get(url).status_code == 403


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=86400", "X-Amz-Expires=999999"),
        ("video.mp4", "cover.jpeg"),
        ("Signature=", "Signature=0"),
    ],
)
def test_a_link_that_was_tampered_with_is_refused(simulator: Client, old: str, new: str) -> None:
    url = simulator.creation(simulator.made())["url"].replace(old, new)
    answer = simulator.get(url)
    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
