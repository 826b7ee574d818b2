"""A file that is packed for the way is archived unpacked."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from reelkeep.ports.archive import SourceBad, SourceBusy, SourceTooLarge
from tests.samples import lengthened, video
from tests.servers import Server, reply

if TYPE_CHECKING:
    pass
from tests.unit.adapters.copy_harness import LONG, MEDIUM, Archive, File


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress, "gzip"),
        (lambda content: gzip.compress(content[:999]) + gzip.compress(content[999:]), "gzip"),
        (zlib.compress, "deflate"),
        (bytes, "GZIP"),
    ],
)
@pytest.mark.parametrize("content", [video(), MEDIUM])
def test_a_file_that_was_compressed_unasked_or_says_so_is_archived_as_it_was(
    packed: Callable[[bytes], bytes], encoding: str, content: bytes, archive: Archive
) -> None:
    sent = File(packed(content), encoding=encoding)
    with Server(sent) as source:
        archived = archive.copy(source.url())

    assert archive.objects == {"v.mp4": content}
    assert (archived.bytes, archived.sha256) == (len(content), sha256(content).hexdigest())
    assert source.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "wrong", [lambda packed: packed[:-9], lambda packed: packed + b"more", lambda packed: b"\x1f\x8b" + packed]
)
def test_a_packed_file_that_is_not_whole_is_not_archived(wrong: Callable[[bytes], bytes], archive: Archive) -> None:
    sent = wrong(gzip.compress(video()))
    with (
        Server(lambda _: reply(200, sent, content_encoding="gzip")) as source,
        pytest.raises(SourceBusy, match="packed"),
    ):
        archive.copy(source.url())

    assert archive.objects == {}


def test_a_packed_file_that_is_cut_on_its_way_is_read_again_from_its_beginning(archive: Archive) -> None:
    with Server(File(gzip.compress(LONG), encoding="gzip", cuts=[2000, 2000])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}


def test_a_file_that_unpacks_to_more_than_is_archived_is_refused(archive: Archive) -> None:
    bomb = gzip.compress(lengthened(video(), 8 << 20))
    assert len(bomb) < 1 << 20
    with (
        Server(lambda _: reply(200, bomb, content_encoding="gzip")) as source,
        pytest.raises(SourceTooLarge, match="larger"),
    ):
        archive.copy(source.url(), limit_bytes=6 << 20)

    assert archive.objects == {}


@pytest.mark.parametrize("coding", ["aws-chunked", "none", "utf-8", "identity", "br", "gzip", "x, y"])
@pytest.mark.parametrize("cuts", [[], [1, 150_000]])
def test_a_coding_that_a_file_does_not_have_is_ignored(archive: Archive, coding: str, cuts: list[int]) -> None:
    with Server(File(MEDIUM, encoding=coding, cuts=[*cuts])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": MEDIUM}
    assert archive.bucket.calls == ["PutObject"]


def test_what_is_packed_in_a_way_that_nobody_asked_for_is_no_video(archive: Archive) -> None:
    with (
        Server(lambda _: reply(200, b"\x8b\x02\x80" + bytes(5000), content_encoding="br")) as source,
        pytest.raises(SourceBad, match="no known kind"),
    ):
        archive.copy(source.url())
