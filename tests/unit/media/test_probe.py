from __future__ import annotations

import io
import math
import struct
import tracemalloc
from contextlib import suppress
from itertools import pairwise
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reelkeep.media.probe import Expected, Media, MediaProbe, NotMedia, Truncated
from tests.media_files import Film
from tests.samples import lengthened, picture, sound, video

PAGE = b"<!DOCTYPE html>\n<html><body>Access denied</body></html>"
WHOLE = {
    "mp4": lambda: video(sound=True),
    "mp4, index first": lambda: video(movflags="faststart"),
    "mp4 in fragments": lambda: video(movflags="frag_keyframe+empty_moov"),
    "mov": lambda: video("mov"),
    "webm": lambda: video("webm", "libvpx"),
    "webm of unknown size": lambda: Film("webm", "libvpx", (("live", "1"),), audio="libopus").make(),
    "avi": lambda: video("avi"),
    "png": lambda: picture("PNG"),
    "jpeg": lambda: picture("JPEG"),
    "jpeg, progressive": lambda: picture("JPEG", progressive=True),
    "gif": lambda: picture("GIF"),
    "webp": lambda: picture("WEBP"),
    "wav": lambda: sound("wav", "pcm_s16le"),
}


def probe(content: bytes, expected: Expected = "media", cuts: list[int] | None = None) -> Media:
    found = MediaProbe(expected)
    for begin, end in pairwise([0, *sorted(cuts or []), len(content)]):
        found.feed(memoryview(content)[begin:end])
    return found.finish()


def about(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize("movflags", ["", "faststart", "frag_keyframe+empty_moov", "frag_keyframe", "dash"])
@pytest.mark.parametrize("heard", [False, True])
def test_an_mp4_says_how_long_how_fast_and_how_large_it_is_wherever_its_index_stands(
    movflags: str, heard: bool
) -> None:
    media = probe(video(movflags=movflags, frames=48, sound=heard), "video")

    assert media == Media("video/mp4", "mp4", about(2.0), 24.0, 64, 48, "mp4v", has_sound=heard)


@pytest.mark.parametrize("fps", [16, 24, 25, 30, 60])
def test_the_frame_rate_is_the_one_that_a_decoder_finds(fps: int) -> None:
    content = video(fps=fps, frames=2 * fps)
    with av.open(io.BytesIO(content)) as decoded:
        assert probe(content).fps == float(decoded.streams.video[0].average_rate or 0)


def test_frames_out_of_order_change_neither_duration_nor_rate() -> None:
    media = probe(video(codec="libx264", frames=48))

    assert (media.duration_seconds, media.fps) == (2.0, 24.0)


def test_a_video_shown_turned_by_a_quarter_is_as_wide_as_it_looks() -> None:
    media = probe(video(turned=True))

    assert (media.width, media.height) == (48, 64)


def test_a_box_with_a_64_bit_size_is_stepped_over() -> None:
    assert probe(lengthened(video(), 100_000)) == probe(video())


def test_an_old_quicktime_file_without_a_brand_is_recognised() -> None:
    content = video("mov")
    brand = int.from_bytes(content[:4], "big")
    unbranded = brand.to_bytes(4, "big") + b"wide" + content[8:]

    assert probe(unbranded, "video") == probe(content, "video")


def test_a_picture_of_a_brand_for_all_pictures_is_what_it_says_to_be_compatible_with() -> None:
    content = picture("AVIF")

    assert probe(content[:8] + b"mif1" + content[12:], "image") == probe(content, "image")


def test_zeros_after_the_last_box_do_no_harm() -> None:
    assert probe(video() + bytes(700)) == probe(video())


def test_a_webm_says_how_long_how_fast_and_how_large_it_is() -> None:
    whole = Media("video/webm", "webm", about(1.0), 24.0, 64, 48, "vp8", has_sound=False)
    assert probe(WHOLE["webm"](), "video") == whole


def test_a_matroska_file_is_not_taken_for_a_webm() -> None:
    assert probe(video("matroska"), "video").content_type == "video/x-matroska"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_says_how_large_it_is(kind: str) -> None:
    media = probe(picture(kind, (321, 123)), "image")

    assert media == Media(f"image/{kind.lower()}", kind.lower(), None, None, 321, 123)


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0II*\0"}])
def test_all_three_kinds_of_webp_say_how_large_they_are(options: dict[str, object]) -> None:
    media = probe(picture("WEBP", (200, 100), **options))

    assert (media.width, media.height) == (200, 100)


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_a_picture_that_moves_is_archived_whole_only(kind: str) -> None:
    file = io.BytesIO()
    first, *more = [Image.effect_noise((64, 48), spread) for spread in (20, 40, 60)]
    first.save(file, kind, save_all=True, append_images=more, duration=40)
    content = file.getvalue()

    assert (probe(content, "image").width, probe(content, "image").height) == (64, 48)
    with pytest.raises(Truncated):
        probe(content[: len(content) * 9 // 10], "image")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_without_its_end_mark_is_archived_if_the_transfer_shows_that_no_byte_is_missing(kind: str) -> None:
    found = MediaProbe("image")
    found.feed(picture(kind, (200, 100))[:-12])

    assert found.finish(framed=True).width == 200
    with pytest.raises(Truncated, match="end mark"):
        found.finish()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0II*\0" + b"\xff\xd9" * 500}])
def test_a_jpeg_that_stops_before_its_first_scan_is_cut_however_it_came(
    options: dict[str, object],
) -> None:
    content = picture("JPEG", (200, 100), **options)
    found = MediaProbe("image")
    found.feed(content[: content.index(b"\xff\xda")])

    assert probe(content, "image").width == 200
    with pytest.raises(Truncated, match="breaks off"):
        found.finish(framed=True)


@pytest.mark.parametrize(
    ("container", "codec", "content_type"),
    [
        ("ipod", "aac", "audio/mp4"),
        ("wav", "pcm_s16le", "audio/wav"),
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("flac", "flac", "audio/flac"),
        ("ogg", "libopus", "audio/ogg"),
    ],
)
def test_a_sound_file_is_recognised(container: str, codec: str, content_type: str) -> None:
    assert probe(sound(container, codec), "audio").content_type == content_type


def test_a_wav_file_says_how_long_it_is() -> None:
    assert probe(WHOLE["wav"](), "audio").duration_seconds == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PAGE, "an HTML page where a video was expected"),
        (b"\xef\xbb\xbf \n<!-- gone --><HTML>", "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b'{"error": {"code": "expired"}}', "a JSON document"),
        (b"no such file\n", "a text"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "a playlist"),
        (b"PK\3\4\x14\0\0\0", "a zip file"),
        (b"\x1f\x8b\x08\0\0", "a gzip file"),
        (b"", "an empty file"),
        (bytes(range(256)), "something of no known kind"),
    ],
)
def test_what_is_not_a_video_is_refused_in_words_that_a_person_understands(content: bytes, words: str) -> None:
    with pytest.raises(NotMedia, match=words):
        probe(content, "video")


def test_other_media_than_expected_are_refused() -> None:
    with pytest.raises(NotMedia, match="a JPEG picture where a video was expected"):
        probe(picture("JPEG"), "video")
    with pytest.raises(NotMedia, match="an M4A sound file where a video was expected"):
        probe(sound(), "video")
    with pytest.raises(NotMedia, match="an MP4 file where a picture was expected"):
        probe(video(), "image")


def test_an_mp4_without_a_picture_in_it_is_no_video() -> None:
    content = sound("mp4")

    assert probe(content, "audio").content_type == "video/mp4"
    with pytest.raises(NotMedia, match="without a picture"):
        probe(content, "video")


def test_a_page_is_refused_before_all_of_it_has_come() -> None:
    with pytest.raises(NotMedia, match="HTML"):
        MediaProbe("video").feed(PAGE + bytes(1000))


@pytest.mark.parametrize("name", ["mp4", "mp4, index first", "mov", "webm", "png", "jpeg", "webp", "wav"])
@given(data=st.data())
def test_a_file_cut_anywhere_is_not_taken_for_a_whole_one(name: str, data: st.DataObject) -> None:
    content = WHOLE[name]()
    says_nothing = {"png": 4}  # bytes at its end: the checksum of the mark
    length = data.draw(st.integers(0, len(content) - says_nothing.get(name, 0) - 1))

    with pytest.raises(NotMedia):
        probe(content[:length])


def test_an_index_without_all_that_it_points_to_is_truncated() -> None:
    content = WHOLE["mp4, index first"]()

    with pytest.raises(Truncated, match="index"):
        probe(content[: content.index(b"mdat") - 4])


def test_pictures_without_an_index_are_truncated() -> None:
    content = WHOLE["mp4"]()

    with pytest.raises(Truncated, match="index is missing"):
        probe(content[: content.index(b"moov") - 4])


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
def test_how_a_file_is_cut_into_chunks_changes_nothing(name: str, data: st.DataObject) -> None:
    content = WHOLE[name]()
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=20))

    assert probe(content, cuts=cuts) == probe(content)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_may_come_one_byte_at_a_time(name: str) -> None:
    content = WHOLE[name]()

    assert probe(content, cuts=list(range(len(content)))) == probe(content)


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
def test_damage_is_refused_or_overlooked_but_never_an_accident(name: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[name]())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[at] = data.draw(st.integers(0, 255))

    with suppress(NotMedia):
        probe(bytes(content))


@given(content=st.binary(max_size=600))
def test_any_bytes_are_media_or_refused(content: bytes) -> None:
    with suppress(NotMedia):
        probe(content)


def test_a_box_that_claims_to_be_huge_takes_no_memory() -> None:
    found = MediaProbe("video")
    brand = video()[: int.from_bytes(video()[:4], "big")]
    found.feed(brand + (1 << 30).to_bytes(4, "big") + b"stts")
    zeros = bytes(1 << 20)

    tracemalloc.start()
    for _ in range(32):
        found.feed(zeros)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize(
    "many",
    [
        b"\xff\xc4\0\x14\0" + b"\1" + bytes(15) + b"\5",  # tables of codes
        b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0",  # frames
        b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\x55" * 100,  # scans
    ],
)
def test_a_jpeg_of_many_parts_takes_no_memory(many: bytes) -> None:
    found = MediaProbe("image")
    found.feed(b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(10))
    parts = many * 1000
    tracemalloc.start()
    for _ in range(16):
        found.feed(parts)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 * len(parts)  # one chunk and what is read of it, not all sixteen


def test_a_scan_without_an_end_takes_no_memory() -> None:
    found = MediaProbe("image")
    content = picture("JPEG")
    found.feed(content[: content.index(b"\xff\xda") + 14])
    chunk = b"\x55" * (1 << 20)
    tracemalloc.start()
    for _ in range(32):
        found.feed(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 << 20
    with pytest.raises(Truncated):
        found.finish()


@pytest.mark.parametrize("count", [(1 << 32) - 1, 1 << 20])
def test_tables_that_claim_more_than_they_hold_are_read_as_far_as_they_go(count: int) -> None:
    number = count.to_bytes(4, "big")
    content = video()
    for kind, at in ((b"stsz", 8), (b"stsc", 4), (b"stco", 4), (b"stts", 4)):
        begin = content.index(kind) + 4 + at
        claiming = content[:begin] + number + content[begin + 4 :]
        with suppress(NotMedia):
            assert probe(claiming, "video").width == 64


def webm(info: bytes = b"", track: bytes = b"") -> bytes:
    """With what is said of the whole and of its one track."""
    said = element("1549a966", info) + element("1654ae6b", element("ae", NUMBER + track))
    begun = element("1a45dfa3", element("4282", b"webm"))
    return begun + element("18538067", said + element("1f43b675", BLOCK))


def element(kind: str, content: bytes) -> bytes:
    return bytes.fromhex(kind) + (1 << 56 | len(content)).to_bytes(8, "big") + content


UNKNOWN = b"\x01" + b"\xff" * 7  # a size that its writer did not know yet
BLOCK = element("a3", b"\x81\0\0\x80a frame")  # of track 1
NUMBER = element("d7", b"\1")
VIDEO = element("e0", element("b0", b"\x40") + element("ba", b"\x30"))


def frame(milliseconds: int) -> bytes:
    return element("23e383", (milliseconds * 1_000_000).to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("of_video", "fps"),
    [(VIDEO + frame(40), 25.0), (frame(40) + VIDEO, 25.0), (VIDEO, None)],
    ids=["last", "first", "unsaid"],
)
def test_a_recording_with_sound_in_clusters_of_unknown_sizes_is_read(of_video: bytes, fps: float | None) -> None:
    scale, ticks = element("2ad7b1", (2_000_000).to_bytes(4, "big")), element("4489", struct.pack(">d", 500))
    info = element("1549a966", scale + ticks)
    tracks = element("ae", frame(20)) + element("ae", element("86", b"V_VP9") + NUMBER + of_video)
    cluster = bytes.fromhex("1f43b675") + UNKNOWN + BLOCK
    begun = element("1a45dfa3", element("4282", b"webm")) + bytes.fromhex("18538067") + UNKNOWN
    content = begun + info + element("1654ae6b", tracks) + cluster + cluster

    assert probe(content, "video") == Media("video/webm", "webm", 1.0, fps, 64, 48, "vp9", has_sound=False)
    with pytest.raises(Truncated):
        probe(content[:-3], "video")


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -5.0, 1e308])
def test_a_duration_that_cannot_be_is_none(seconds: float) -> None:
    scale = element("2ad7b1", (10**18).to_bytes(8, "big"))
    assert probe(webm(scale + element("4489", struct.pack(">d", seconds)))).duration_seconds is None


def test_a_number_of_any_length_is_no_accident() -> None:
    long = b"\xff" * 4000
    duration = element("4489", struct.pack(">d", 5000.0))
    sizes = element("e0", element("b0", long) + element("ba", b"\x02\xd0"))
    media = probe(webm(element("2ad7b1", long) + duration, element("23e383", long) + sizes))
    assert (media.duration_seconds, media.fps, media.width, media.height) == (5.0, None, None, 720)


@pytest.mark.parametrize(
    "many",
    [
        b"\0\0\0\x08trak" * 200_000,  # each a track of its own
        b"\0\0\0\x01traf\0\1\0\0\0\0\0\0" * 100_000,  # each in the one before
    ],
)
def test_many_boxes_take_no_memory(many: bytes) -> None:
    content = b"\0\0\0\x10ftypisom\0\0\0\0" + (len(many) + 8).to_bytes(4, "big") + b"moov" + many
    tracemalloc.start()
    with pytest.raises(NotMedia, match="broken inside"):
        probe(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20
