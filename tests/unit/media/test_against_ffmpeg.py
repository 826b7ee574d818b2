"""Every film that ffmpeg reads to its end is archived with the facts that ffmpeg reads, and no other film is."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import pytest

from reelkeep.media.probe import Media, MediaProbe, NotMedia, Truncated
from tests.media_files import Film, Unreadable, box, edited, read_by_ffmpeg
from tests.samples import picture


def flags(*names: str) -> tuple[tuple[str, str], ...]:
    return (("movflags", "".join(f"+{name}" for name in names)),)


LIVE = (("live", "1"),)
FILMS = {
    "mp4": Film(codec="libx264", audio="aac"),
    "index first": Film(codec="libx264", options=flags("faststart"), audio="aac"),
    "hevc": Film(codec="libx265"),
    "av1": Film(codec="libsvtav1", size=(128, 96)),
    "vp9": Film(codec="libvpx-vp9"),
    "mpeg4": Film(),
    "h263": Film("3gp", "h263", size=(176, 144)),
    "fragments": Film(options=flags("frag_keyframe", "empty_moov"), audio="aac"),
    "fragments from their own offset": Film(options=flags("frag_keyframe", "empty_moov", "default_base_moof")),
    "fragments without offsets": Film(options=flags("frag_keyframe", "empty_moov", "omit_tfhd_offset"), audio="aac"),
    "a fragment for each frame": Film(options=flags("frag_every_frame", "empty_moov")),
    "fragments after an index": Film(options=flags("frag_keyframe"), audio="aac"),
    "dash": Film(options=flags("dash"), audio="aac"),
    "cmaf": Film(options=flags("cmaf")),
    "smooth streaming": Film("ismv", "libx264", audio="aac"),
    "late": Film(codec="libx264", first_frame=24, audio="aac"),  # an edit list begins with nothing
    "cover first": Film(codec="libx264", cover="track", audio="aac"),
    "cover first, index first": Film(codec="libx264", cover="track", options=flags("faststart")),
    "cover attached": Film(codec="libx264", cover="attached"),
    "ntsc": Film(fps=Fraction(30000, 1001), frames=60),
    "varying rate": Film(skipped=(3, 4, 5, 9, 15)),
    "one frame": Film(frames=1),
    "mov": Film("mov", "libx264", options=flags("faststart"), audio="aac"),
    "prores": Film("mov", "prores_ks", audio="pcm_s16le"),
    "webm": Film("webm", "libvpx-vp9", audio="libopus"),
    "webm, vp8": Film("webm", "libvpx"),
    "webm, av1": Film("webm", "libsvtav1", size=(128, 96)),
    "webm of unknown size": Film("webm", "libvpx", options=LIVE, audio="libopus"),
    "mkv": Film("matroska", "libx264", audio="aac"),
    "mkv, hevc": Film("matroska", "libx265"),
    "mkv of unknown size": Film("matroska", "libx264", options=(*LIVE, ("cluster_time_limit", "200"))),
    "mkv, cover first": Film("matroska", "libx264", cover="track"),
    "mkv, cover attached": Film("matroska", "libx264", cover="attached"),
    "avi": Film("avi", "mpeg4", audio="libmp3lame"),
}
STREAMS = {  # of which no facts are read
    "ts": (Film("mpegts", "libx264", audio="aac"), "video/mp2t", "ts"),
    "m2ts": (Film("mpegts", "libx264", audio="aac", options=(("mpegts_m2ts_mode", "1"),)), "video/mp2t", "ts"),
    "ps": (Film("vob", "mpeg2video", audio="mp2"), "video/mpeg", "mpg"),
    "mpeg1": (Film("mpeg", "mpeg1video", size=(96, 64)), "video/mpeg", "mpg"),
    "flv": (Film("flv", "libx264", audio="aac"), "video/x-flv", "flv"),
    "asf": (Film("asf", "mpeg4", audio="libmp3lame"), "video/x-ms-asf", "asf"),
    "mxf": (Film("mxf", "mpeg2video", fps=Fraction(25)), "application/mxf", "mxf"),
}
FRAGMENTED = [name for name in FILMS if "fragment" in name or name in ("dash", "cmaf", "smooth streaming")]
OPEN = [name for name in FILMS if "unknown size" in name]
TRAILERS = {
    "a byte": b"\n",
    "zeros": bytes(700),
    "a few zeros": bytes(5),
    "a text": b"made by a studio that signs its films\r\n",
    "a tag": b"TAG" + b"a title".ljust(125, b"\0"),
    "a document": b'{"id": "cgt-2026", "prompt": "a cat"}',
    "high bytes": b"\xff\xfe\xfd" * 20,
    "a free box": box(b"free", bytes(100)),
    "a uuid box": box(b"uuid", b"0123456789abcdef" + b"<xmp/>"),
    "a box that breaks off": box(b"uuid", bytes(100))[:50],
    "a box that is too small": b"\0\0\0\3free" + bytes(90),
}


@pytest.fixture(autouse=True)
def quiet() -> None:
    av.logging.set_level(None)


def probe(content: bytes) -> Media:
    found = MediaProbe("video")
    found.feed(content)
    return found.finish()


def probe_picture(content: bytes) -> tuple[int | None, int | None]:
    found = MediaProbe("image")
    found.feed(content)
    media = found.finish()
    return media.width, media.height


_NAMES = {"mp4v": "mpeg4", "s263": "h263", "apch": "prores", "av1": "libdav1d"}  # ffmpeg's words


def assert_kept_as_ffmpeg_reads_it(content: bytes) -> Media:
    media, reading = probe(content), read_by_ffmpeg(content)
    assert (media.width, media.height) == (reading.width, reading.height)
    if media.codec:  # of an AVI neither is read
        assert _NAMES.get(media.codec, media.codec) == reading.codec
        assert media.has_sound is reading.has_sound
    assert media.fps == pytest.approx(reading.fps, rel=0.05)  # it rounds, and may count the sound of fragments in
    assert media.duration_seconds is not None
    if reading.seconds is not None:
        assert media.duration_seconds == pytest.approx(reading.seconds, abs=0.05)
    return media


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_archived_with_the_facts_that_ffmpeg_reads(name: str) -> None:
    assert_kept_as_ffmpeg_reads_it(FILMS[name].make())


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("name", ["mp4", "index first", "fragments", "mov", "webm", "mkv", "avi"])
def test_what_follows_the_end_of_a_film_changes_nothing(name: str, trailer: str) -> None:
    content = FILMS[name].make()

    assert assert_kept_as_ffmpeg_reads_it(content + TRAILERS[trailer]) == probe(content)


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_what_follows_the_end_of_a_picture_changes_nothing(kind: str, trailer: str) -> None:
    assert probe_picture(picture(kind, (64, 48)) + TRAILERS[trailer]) == (64, 48)


@pytest.mark.parametrize("name", FILMS)
def test_a_film_that_was_cut_is_refused(name: str) -> None:
    """Kept is at most what lacks nothing that is played: ffmpeg reads the same packets. Of a film that does not
    say how long it is, a cut between two fragments cannot be told from its end."""
    content = FILMS[name].make()
    whole = read_by_ffmpeg(content)
    for length in {*range(len(content) - 20, len(content)), *range(0, len(content), len(content) // 25 + 1)}:
        try:
            probe(content[:length])
        except NotMedia:
            continue
        cut = read_by_ffmpeg(content[:length])
        assert cut.packets == whole.packets or name in FRAGMENTED + OPEN, length


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_ffmpeg_reads_is_archived_without_facts(name: str) -> None:
    film, content_type, extension = STREAMS[name]
    content = film.make()
    read_by_ffmpeg(content)

    assert probe(content) == Media(content_type, extension)


@pytest.mark.parametrize("name", [name for name in FILMS if name not in [*FRAGMENTED, *OPEN]])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.9])
def test_a_film_without_its_end_is_not_archived(name: str, part: float) -> None:
    content = FILMS[name].make()

    with pytest.raises(Truncated):
        probe(content[: -int(part * len(content))])


def test_a_fragment_without_all_of_its_frames_is_truncated() -> None:
    content = FILMS["fragments"].make()

    for end in (content.rindex(b"mdat") + 100, content.rindex(b"mdat") - 4, content.rindex(b"trun") + 10):
        with pytest.raises(Truncated):
            probe(content[:end])


def test_media_data_of_which_the_size_is_not_said_goes_on_to_the_end() -> None:
    content = FILMS["index first"].make()
    at = content.index(b"mdat") - 4

    assert_kept_as_ffmpeg_reads_it(content[:at] + bytes(4) + content[at + 4 :])


def test_media_data_may_have_a_64_bit_size() -> None:
    content = FILMS["index first"].make()
    at = content.index(b"\0\0\0\x08free")
    size = int.from_bytes(content[at + 8 : at + 12], "big") + 8

    assert_kept_as_ffmpeg_reads_it(content[:at] + b"\0\0\0\1mdat" + size.to_bytes(8, "big") + content[at + 16 :])


def test_chunk_offsets_may_have_64_bits() -> None:
    def wide(table: bytes) -> bytes:
        return table[:8] + b"".join(struct.pack(">Q", offset) for (offset,) in struct.iter_unpack(">I", table[8:]))

    content = edited(edited(FILMS["mp4"].make(), b"stco", wide), b"", bytes, kinds={b"stco": b"co64"})

    assert_kept_as_ffmpeg_reads_it(content)
    far = edited(content, b"co64", lambda table: table[:8] + b"\1" + table[9:])
    with pytest.raises(Truncated, match="not all that the index points to"):
        probe(far)


def test_the_size_is_taken_from_the_track_header_if_the_sample_description_has_none() -> None:
    content = edited(FILMS["mp4"].make(), b"stsd", lambda data: data[:40] + bytes(4) + data[44:])

    assert_kept_as_ffmpeg_reads_it(content)


@pytest.mark.parametrize("kind", [b"tkhd", b"mvhd"])
@pytest.mark.parametrize("turn", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (1, 0, 0, 1)])
def test_a_film_is_as_wide_as_it_is_shown(kind: bytes, turn: tuple[int, ...]) -> None:
    a, b, c, d = (number << 16 for number in turn)
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    at = 40 if kind == b"tkhd" else 36
    content = edited(Film().make(), kind, lambda data: data[:at] + matrix + data[at + 36 :])

    assert_kept_as_ffmpeg_reads_it(content)


def test_a_movie_that_does_not_say_how_long_it_is_is_as_long_as_its_tracks() -> None:
    content = edited(FILMS["mpeg4"].make(), b"mvhd", lambda data: data[:16] + bytes(4) + data[20:])

    assert_kept_as_ffmpeg_reads_it(content)


@pytest.mark.parametrize("kinds", [[b"stts", b"stsz", b"stsc", b"stco"], [b"stco"], [b"stsz"]])
def test_a_film_track_without_samples_is_no_video(kinds: list[bytes]) -> None:
    content = Film(audio="aac").make()
    end = content.index(b"vmhd")  # the film's track comes first
    for kind in kinds:
        at = content.index(kind, end) + 8 + 4 * (kind == b"stsz")
        content = content[:at] + bytes(4) + content[at + 4 :]

    with pytest.raises(NotMedia, match="without a picture"):
        probe(content)


def test_the_beginning_of_a_film_in_fragments_is_not_whole() -> None:
    content = FILMS["fragments"].make()

    with pytest.raises(Truncated, match="nothing to play"):
        probe(content[: content.index(b"moof") - 4])


@pytest.mark.parametrize("name", ["webm of unknown size", "webm"])
def test_a_matroska_track_without_blocks_is_no_video(name: str) -> None:
    content = Film("webm", "libvpx", options=FILMS[name].options, audio="libopus").make()
    number = content.index(b"\xd7\x81\1")  # the film's track becomes one that nothing belongs to
    content = content[: number + 2] + b"\x07" + content[number + 3 :]

    with pytest.raises(NotMedia, match="without a picture"):
        probe(content)


def test_what_ffmpeg_cannot_read_is_no_whole_film_in_the_matrix_either() -> None:
    with pytest.raises(Unreadable):
        read_by_ffmpeg(FILMS["index first"].make()[:-100])
