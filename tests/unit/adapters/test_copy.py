from __future__ import annotations

import gzip
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import count
from threading import Event
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.copying.source import RANGE_BYTES, in_order
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.task import ArchivedFile
from reelkeep.ports import Source, SourceBad, SourceBusy, SourceGone, SourceTooLarge
from tests.samples import lengthened, picture, video
from tests.servers import Answering, Bucket, Cut, Request, Server, reply
from tests.unit.adapters.conftest import Store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MEDIUM = lengthened(video(), 400_000)
LONG = lengthened(video(), 2 * RANGE_BYTES + 12_345)
PAGE = b"<!doctype html><title>Sorry</title>"


@dataclass
class File:
    """A file as an object store serves it, with what may go wrong on the way."""

    content: bytes
    tag: str = '"one"'
    ranges: bool = True
    encoding: str = ""
    cuts: list[int] = field(default_factory=list)  # how many bytes the next answers send before they are cut
    faults: list[list[bytes]] = field(default_factory=list)  # the next answers

    def __call__(self, request: Request) -> Iterator[bytes]:
        if self.faults:
            yield from self.faults.pop(0)
            return
        length, part = len(self.content), request.range if self.ranges else None
        if part and request.headers.get("if-range", self.tag) == self.tag:
            first, last = part[0], min(part[1], length - 1)
            headers = {"content_range": f"bytes {first}-{last}/{length}"}
            answer = reply(
                206, self.content[first : last + 1], etag=self.tag, content_encoding=self.encoding, **headers
            )
        else:
            answer = reply(200, self.content, etag=self.tag, content_encoding=self.encoding)
        yield answer[0]
        if self.cuts:
            yield answer[1][: self.cuts.pop(0)]
            raise Cut
        yield answer[1]


@dataclass
class Archive:
    """What a copy needs besides its source."""

    outbound: Outbound
    bucket: Bucket
    s3: S3Client
    paused: list[float] = field(default_factory=list)

    def copy(self, url: str, **more: Any) -> ArchivedFile:
        given: dict[str, Any] = {
            "expected": "video",
            "limit_bytes": 1 << 40,
            "seconds": 20,
            "metadata": {"task-id": "t"},
        }
        given |= {"key": "v.mp4", "pause": self.paused.append, "s3": self.s3, "outbound": self.outbound}
        given["ticks"] = lambda: 0.0  # nothing takes any time
        return copy(Source(url, allow_private=True), bucket="bucket", **given | more)

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bucket.objects


@pytest.fixture
def archive(store: Store) -> Iterator[Archive]:
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one loads all the world's certificates
    with closing(Outbound(no_tls)) as outbound:
        yield Archive(outbound, store.bucket, store.s3)


def test_a_video_is_kept_whole_with_all_that_was_learned_of_it(archive: Archive) -> None:
    content = video()
    with Server(File(content)) as source:
        archived = archive.copy(source.url("/v.mp4?signature=x"))

    assert archive.objects == {"v.mp4": content}
    assert archived == ArchivedFile(
        key="v.mp4",
        bytes=len(content),
        sha256=sha256(content).hexdigest(),
        content_type="video/mp4",
        duration=1.0,
        fps=24.0,
        width=64,
        height=48,
    )
    headers = archive.bucket.stored["v.mp4"]
    assert (headers["content-type"], headers["x-amz-meta-task-id"]) == ("video/mp4", "t")
    assert len(source.requests) == 1
    assert archive.bucket.calls == ["PutObject"]


def test_a_file_is_asked_for_as_a_browser_would(archive: Archive) -> None:
    with Server(File(LONG)) as source:
        archived = archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert archived.sha256 == sha256(LONG).hexdigest()
    (request,) = source.requests
    assert "range" not in request.headers
    assert request.headers["user-agent"].startswith("Mozilla/5.0")


def test_the_key_may_follow_from_what_the_file_is(archive: Archive) -> None:
    with Server(File(picture("WEBP"))) as source:
        archived = archive.copy(source.url(), key=lambda extension: f"tasks/1-cover.{extension}", expected="image")

    assert archived.key == "tasks/1-cover.webp"
    assert list(archive.objects) == ["tasks/1-cover.webp"]


@pytest.mark.parametrize("tells", [True, False])
def test_of_a_very_large_file_only_the_crc_is_taken(archive: Archive, tells: bool) -> None:
    archive.bucket.tells_checksums = tells
    with Server(File(LONG)) as source:
        archived = archive.copy(source.url(), part_bytes=1 << 20)

    assert archived.sha256 == ""
    assert archived.crc32 == f"{crc32(LONG):08x}"
    assert archive.objects == {"v.mp4": LONG}


@pytest.mark.parametrize(("parts", "requests"), [(1, 1), (2, 1), (3, 5), (4, 6)])
def test_a_small_file_costs_one_request_and_a_larger_one_is_sent_in_parts(
    archive: Archive, parts: int, requests: int
) -> None:
    content = LONG[: parts << 20]
    with Server(File(content)) as source:
        archived = archive.copy(source.url(), part_bytes=1 << 20, expected=None)

    assert archive.objects == {"v.mp4": content}
    assert archived.sha256 == sha256(content).hexdigest()
    assert len(archive.bucket.calls) == requests


def test_a_server_without_ranges_is_read_in_one_go(archive: Archive) -> None:
    with Server(File(LONG, ranges=False)) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert len(source.requests) == 1


def test_a_file_in_chunks_is_kept_whole_though_its_length_is_not_said(archive: Archive) -> None:
    content = lengthened(video(), (2 << 20) + 5)

    def answering(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        for at in range(0, len(content), 100_000):
            yield b"%x\r\n%b\r\n" % (len(content[at : at + 100_000]), content[at : at + 100_000])
        yield b"0\r\n\r\n"

    with Server(answering) as source:
        archived = archive.copy(source.url())

    assert archive.objects == {"v.mp4": content}
    assert archived.sha256 == sha256(content).hexdigest()
    assert archive.bucket.calls == ["PutObject"]


def test_a_long_file_of_unknown_length_goes_up_in_parts(archive: Archive) -> None:
    content = lengthened(video(), 17 << 20)
    with Server(lambda _: _until_close(content)) as source:
        archived = archive.copy(source.url())

    assert archive.objects == {"v.mp4": content}
    assert (archived.bytes, archived.sha256) == (17 << 20, sha256(content).hexdigest())
    assert archive.bucket.calls == ["CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"]
    assert archive.bucket.stored["v.mp4"]["content-type"] == "video/mp4"


@pytest.mark.parametrize("ending", [-1, 0, 1])
def test_a_file_of_unknown_length_may_end_where_a_part_does(archive: Archive, ending: int) -> None:
    content = lengthened(video(), (2 << 20) + ending)
    with Server(lambda _: _until_close(content)) as source:
        archive.copy(source.url(), part_bytes=1 << 20)

    assert archive.objects == {"v.mp4": content}


# A source that is cut ---------------------------------------------------------------------------------------


def test_a_cut_connection_is_resumed_where_it_was_cut(archive: Archive) -> None:
    with Server(File(LONG, cuts=[3_000_000, 2_000_007])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert "range" not in source.requests[0].headers
    last = len(LONG) - 1
    assert [request.range for request in source.requests[1:]] == [(3_000_000, last), (5_000_007, last)]
    assert {request.headers.get("if-range") for request in source.requests[1:]} == {'"one"'}


@pytest.mark.parametrize("status", [200, 400, 403, 404, 416, 501])
def test_a_server_that_refuses_ranges_is_asked_for_the_whole_file_again(archive: Archive, status: int) -> None:
    file = File(MEDIUM, cuts=[150_000])

    def answering(request: Request) -> Iterable[bytes]:
        refused = request.range is not None and status != 200
        return reply(status, PAGE) if refused else file(replace(request, headers={}))

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": MEDIUM}


def test_a_file_that_changed_meanwhile_is_read_from_its_beginning(archive: Archive) -> None:
    file = File(LONG, cuts=[3_000_000])
    other = lengthened(video(frames=48), len(LONG) + 1)

    def answering(request: Request) -> Iterator[bytes]:
        if not file.cuts:
            file.content, file.tag = other, '"two"'
        yield from file(request)

    with Server(answering) as source:
        archived = archive.copy(source.url())

    assert archive.objects == {"v.mp4": other}
    assert archived.duration == 2.0


def test_a_file_with_a_weak_tag_only_is_never_put_together_from_pieces(archive: Archive) -> None:
    with Server(File(LONG, tag='W/"one"', cuts=[RANGE_BYTES, 5_000_000])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert not any("if-range" in request.headers for request in source.requests)


def test_a_server_without_ranges_that_is_cut_is_asked_again_for_all(archive: Archive) -> None:
    with Server(File(LONG, ranges=False, cuts=[1_000_000, 5_000_000])) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert sum(request.range is None for request in source.requests) == 2


def test_a_source_that_is_always_cut_is_busy(archive: Archive) -> None:
    with Server(File(LONG, ranges=False, cuts=[1_000_000] * 9)) as source, pytest.raises(SourceBusy, match="cut"):
        archive.copy(source.url())

    assert archive.objects == {}
    assert sum(request.range is None for request in source.requests) == 3


def test_a_server_that_answers_ranges_with_nonsense_is_read_in_one_go(archive: Archive) -> None:
    def answering(request: Request) -> list[bytes]:
        if request.range is None:
            return reply(200, LONG)
        first, last = request.range
        tag = '"one"' if first == 0 else '"another"'  # as behind two machines that number for themselves
        content_range = f"bytes {first}-{min(last, len(LONG) - 1)}/{len(LONG)}"
        return reply(206, LONG[first : last + 1], etag=tag, content_range=content_range)

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": LONG}


def test_a_file_whose_end_nobody_announced_is_not_kept_if_its_end_is_missing(archive: Archive) -> None:
    content = video()[:-50]
    with (
        Server(lambda _: _until_close(content)) as source,
        pytest.raises(SourceBusy, match="not whole"),
    ):
        archive.copy(source.url())

    assert archive.objects == {}
    assert len(source.requests) == 3


def test_time_that_runs_out_makes_a_source_busy(archive: Archive) -> None:
    with Server(File(video())) as source, pytest.raises(SourceBusy, match="no time left"):
        archive.copy(source.url(), seconds=0)


# What is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_dead_link_is_gone(archive: Archive, status: int) -> None:
    with Server(lambda _: reply(status, PAGE)) as source, pytest.raises(SourceGone, match=str(status)):
        archive.copy(source.url())

    assert len(source.requests) == (2 if status == 403 else 1)


@pytest.mark.parametrize("status", [400, 404, 409])
@pytest.mark.parametrize("words", ["video_not_ready", "Video is not ready yet, use GET /v1/videos/{id}"])
def test_a_refusal_that_says_not_yet_is_no_dead_link(archive: Archive, status: int, words: str) -> None:
    body = f'{{"error": {{"code": "{words}"}}}}'.encode()
    with Server(lambda _: reply(status, body)) as source, pytest.raises(SourceBusy, match="not ready"):
        archive.copy(source.url())


@pytest.mark.parametrize("status", [202, 408, 429, 500, 502, 503, 504])
def test_a_source_that_asks_for_patience_is_busy_for_as_long_as_it_says(archive: Archive, status: int) -> None:
    with Server(lambda _: reply(status, retry_after="40")) as source, pytest.raises(SourceBusy) as caught:
        archive.copy(source.url())

    assert caught.value.retry_after == 40.0
    assert len(source.requests) == 1


def test_a_source_that_cannot_be_reached_is_busy(archive: Archive) -> None:
    with Server(File(video())) as source:
        url = source.url()

    with pytest.raises(SourceBusy, match="connection refused"):
        archive.copy(url)


def test_a_page_is_not_a_video_though_its_status_is_200(archive: Archive) -> None:
    with Server(File(PAGE)) as source, pytest.raises(SourceBad, match="an HTML page where a video was expected"):
        archive.copy(source.url())

    assert archive.objects == {}


def test_a_page_as_long_as_a_video_is_not_read_to_its_end(archive: Archive) -> None:
    with Server(File(PAGE + bytes(5 * RANGE_BYTES))) as source, pytest.raises(SourceBad, match="HTML"):
        archive.copy(source.url())

    assert archive.objects == {}
    assert len(source.requests) <= 2


def test_an_empty_file_is_not_a_video(archive: Archive) -> None:
    with Server(lambda _: reply(200)) as source, pytest.raises(SourceBad, match="an empty file"):
        archive.copy(source.url())


def test_a_video_that_is_broken_at_the_provider_is_refused(archive: Archive) -> None:
    with Server(File(video()[:-50])) as source, pytest.raises(SourceBad, match="not whole"):
        archive.copy(source.url())

    assert archive.objects == {}


def test_a_long_video_that_is_broken_at_the_provider_is_refused_at_its_last_byte(archive: Archive) -> None:
    with Server(File(LONG[:-1])) as source, pytest.raises(SourceBad, match="not whole"):
        archive.copy(source.url())

    assert archive.objects == {}


def test_a_file_that_is_too_large_is_refused_before_it_is_read(archive: Archive) -> None:
    with Server(File(LONG)) as source, pytest.raises(SourceTooLarge, match="larger"):
        archive.copy(source.url(), limit_bytes=len(LONG) - 1)

    assert len(source.requests) == 1


def test_an_endless_file_ends_at_the_limit(archive: Archive) -> None:
    def answering(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n" + video() + b"\0\0\0\0free"
        while True:
            yield bytes(1 << 20)

    with Server(answering) as source, pytest.raises(SourceTooLarge, match="larger"):
        archive.copy(source.url(), limit_bytes=18 << 20)

    assert archive.objects == {}
    assert archive.bucket.calls[-1] == "AbortMultipartUpload"
    assert archive.bucket.parts == {}


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
def test_a_file_that_was_packed_against_our_wish_or_says_so_is_kept_as_it_was(
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
def test_a_packed_file_that_is_not_whole_is_not_kept(wrong: Callable[[bytes], bytes], archive: Archive) -> None:
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


def test_a_file_that_unpacks_to_more_than_is_kept_is_refused(archive: Archive) -> None:
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


def test_a_range_that_nobody_asked_for_is_the_file_if_it_is_all_of_it(archive: Archive) -> None:
    content = video()
    whole = reply(206, content, content_range=f"bytes 0-{len(content) - 1}/{len(content)}")
    half = reply(206, content[:900], content_range=f"bytes 0-899/{len(content)}")
    with Server(answering(whole)) as source:
        archive.copy(source.url())
    with Server(answering(half)) as source, pytest.raises(SourceBusy, match="206"):
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": content}


@pytest.mark.parametrize("disliked", ["Mozilla", "reelkeep", "curl"])
def test_a_server_that_dislikes_an_agent_is_asked_as_another(archive: Archive, disliked: str) -> None:
    file = File(MEDIUM, cuts=[150_000])

    def answering(request: Request) -> Iterable[bytes]:
        return reply(403, PAGE) if disliked in request.headers["user-agent"] else file(request)

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": MEDIUM}


def test_a_file_with_hundreds_of_headers_after_a_hint_is_kept(archive: Archive) -> None:
    many: Any = {f"x_{number}": "y" for number in range(300)}

    def answering(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"
        yield from reply(200, video(), **many)

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": video()}


def test_a_redirect_to_a_name_in_any_script_is_followed(archive: Archive) -> None:
    def answering(request: Request) -> Iterable[bytes]:
        if request.target.startswith("/%E5%BD%B1"):
            return reply(200, video())
        return [b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: %b\r\n\r\n" % "/影片.mp4?s=é".encode()]

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": video()}


def test_a_link_to_the_inside_is_refused(archive: Archive) -> None:
    with Server(File(video())) as source, pytest.raises(SourceBad, match="public internet"):
        copy(
            Source(source.url()),
            bucket="bucket",
            key="v.mp4",
            expected="video",
            s3=archive.s3,
            outbound=archive.outbound,
            limit_bytes=1 << 30,
            seconds=5,
        )

    assert source.requests == []


def answering(answer: Iterable[bytes]) -> Answering:
    return lambda _: answer


def test_no_error_shows_the_signature_of_a_link(archive: Archive) -> None:
    for answer in (reply(403), reply(503), reply(200, PAGE), reply(302, location="http://[broken/?signature=secret")):
        with Server(answering(answer)) as source, pytest.raises(Exception, match=r".") as caught:
            archive.copy(source.url("/v.mp4?signature=secret"))
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("part_bytes", [16 << 20, 1 << 20])
def test_what_is_archived_already_is_not_written_again(archive: Archive, part_bytes: int) -> None:
    with Server(File(LONG)) as source:
        first = archive.copy(source.url(), part_bytes=part_bytes)
        archive.bucket.calls.clear()
        assert archive.copy(source.url(), part_bytes=part_bytes) == first

    whole = ["PutObject", "HeadObject"]
    assert archive.bucket.calls[-2:] == (whole if part_bytes > len(LONG) else ["HeadObject", "AbortMultipartUpload"])
    assert archive.objects == {"v.mp4": LONG}


@pytest.mark.parametrize("part_bytes", [16 << 20, 1 << 20])
def test_what_came_before_and_is_other_than_what_comes_now_gives_way(archive: Archive, part_bytes: int) -> None:
    other = LONG[:-1] + bytes([LONG[-1] ^ 1])
    with Server(File(other)) as before, Server(File(LONG)) as now:
        archive.copy(before.url(), part_bytes=part_bytes)
        archived = archive.copy(now.url(), part_bytes=part_bytes)

    assert archive.objects == {"v.mp4": LONG}
    assert archived.sha256 in ("", sha256(LONG).hexdigest())


@pytest.mark.parametrize("call", ["PutObject", "CompleteMultipartUpload"])
def test_a_file_that_somebody_else_writes_at_this_moment_is_busy(archive: Archive, call: str) -> None:
    archive.bucket.faults[call] = [(409, "ConditionalRequestConflict")]
    with Server(File(LONG)) as source, pytest.raises(SourceBusy, match="being written"):
        archive.copy(source.url(), part_bytes=16 << 20 if call == "PutObject" else 1 << 20)


# The archive's own troubles ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        ("PutObject", (503, "SlowDown")),
        ("UploadPart", (400, "RequestTimeout")),
        ("CompleteMultipartUpload", (500, "InternalError")),
    ],
)
def test_the_client_repeats_what_the_archive_refuses_for_a_moment(
    archive: Archive, call: str, fault: tuple[int, str]
) -> None:
    archive.bucket.faults[call] = [fault]
    with Server(File(LONG)) as source:
        archive.copy(source.url(), part_bytes=16 << 20 if call == "PutObject" else 1 << 20)

    assert archive.objects == {"v.mp4": LONG}
    assert archive.bucket.faults == {call: []}
    assert len(source.requests) == 1


def test_a_lasting_fault_of_the_archive_is_the_clients_error(archive: Archive) -> None:
    archive.bucket.faults["PutObject"] = [(403, "AccessDenied")]
    with Server(File(video())) as source, pytest.raises(ClientError, match="AccessDenied"):
        archive.copy(source.url())


def test_parts_are_not_left_behind_when_one_fails(archive: Archive) -> None:
    archive.bucket.faults["CompleteMultipartUpload"] = [(403, "AccessDenied")]
    content = lengthened(video(), 17 << 20)
    with Server(lambda _: _until_close(content)) as source, pytest.raises(ClientError):
        archive.copy(source.url())

    assert archive.objects == {}
    assert archive.bucket.calls[-1] == "AbortMultipartUpload"


# A slow source ----------------------------------------------------------------------------------------------


def slowly() -> Callable[[], float]:
    """A clock by which everything takes a while."""
    ticks = count(0, 0.5)
    return lambda: next(ticks)


LONGER = lengthened(video(), 6 * RANGE_BYTES + 3)


@pytest.mark.parametrize("cuts", [[], [6_000_000, 1_000_000, 7]])
def test_a_source_that_is_slow_on_one_connection_is_read_on_several(archive: Archive, cuts: list[int]) -> None:
    with Server(File(LONGER, cuts=cuts)) as source:
        archive.copy(source.url(), ticks=slowly(), seconds=10_000)

    assert archive.objects == {"v.mp4": LONGER}
    assert "range" not in source.requests[0].headers
    firsts = sorted(request.range[0] for request in source.requests[1:] if request.range)
    assert len(firsts) >= 5
    assert firsts[0] >= RANGE_BYTES


def test_a_source_that_is_quick_is_read_on_one(archive: Archive) -> None:
    with Server(File(LONGER)) as source:
        archive.copy(source.url(), ticks=lambda: 0.0)

    assert archive.objects == {"v.mp4": LONGER}
    assert len(source.requests) == 1


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_slow_source_that_refuses_ranges_is_read_on_as_it_was_begun(archive: Archive, status: int) -> None:
    file = File(LONGER)

    def answering(request: Request) -> Iterable[bytes]:
        refused = request.range is not None and status != 200
        return reply(status, PAGE) if refused else file(replace(request, headers={}))

    with Server(answering) as source:
        archive.copy(source.url(), ticks=slowly(), seconds=10_000)

    assert archive.objects == {"v.mp4": LONGER}
    assert sum(request.range is None for request in source.requests) == 1


def test_a_file_that_changes_while_it_is_read_in_ranges_is_read_from_its_beginning(archive: Archive) -> None:
    file = File(LONGER)
    other = lengthened(video(frames=48), len(LONGER) + 1)
    answered = Event()  # the first range; without any, the file would be read on as it was begun

    def answering(request: Request) -> Iterator[bytes]:
        if request.range and request.range[0] > 3 * RANGE_BYTES:
            answered.wait()
            file.content, file.tag = other, '"two"'
        yield from file(request)
        if request.range and request.range[0] < 2 * RANGE_BYTES:
            answered.set()

    with Server(answering) as source:
        archive.copy(source.url(), ticks=slowly(), seconds=10_000)

    assert archive.objects == {"v.mp4": other}


def test_the_results_of_calls_come_in_order_and_an_error_in_its_turn() -> None:
    def call(number: int) -> bytes:
        if number == 7:
            raise SourceGone("dead")
        return bytes([number])

    results = in_order((partial(call, number) for number in range(20)), at_once=4, ahead=6)

    assert [next(results) for _ in range(7)] == [bytes([number]) for number in range(7)]
    with pytest.raises(SourceGone):
        next(results)


def _until_close(content: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n" + content
    raise Cut
