"""A file is copied from a provider's link into the archive: whole, checked, and visible only then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from reelkeep.adapters.copying.copy import copy
from reelkeep.adapters.copying.source import RANGE_BYTES
from reelkeep.domain.task import ArchivedFile
from reelkeep.ports.archive import SourceBad, SourceBusy, SourceGone, SourceTooLarge
from reelkeep.ports.providers import Source
from tests.samples import lengthened, picture, video
from tests.servers import Request, Server, reply
from tests.unit.adapters.copy_harness import LONG, MEDIUM, PAGE, Archive, File, _until_close, answering


def test_a_video_is_archived_whole_with_all_that_was_learned_of_it(archive: Archive) -> None:
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
        codec="mp4v",
        sound=False,
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


def test_a_file_in_chunks_is_archived_whole_though_its_length_is_not_said(archive: Archive) -> None:
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


def test_time_that_runs_out_makes_a_source_busy(archive: Archive) -> None:
    with Server(File(video())) as source, pytest.raises(SourceBusy, match="no time left"):
        archive.copy(source.url(), seconds=0)


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


def test_a_picture_without_its_end_mark_is_archived_if_its_length_shows_that_it_came_whole(archive: Archive) -> None:
    content = picture("JPEG")[:-2]
    with Server(lambda _: reply(200, content)) as source:
        assert archive.copy(source.url(), expected="image").bytes == len(content)
    with Server(lambda _: _until_close(content)) as source, pytest.raises(SourceBusy, match="end mark"):
        archive.copy(source.url(), expected="image")


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


@pytest.mark.parametrize("disliked", ["Mozilla", "reelkeep", "curl"])
def test_a_server_that_dislikes_an_agent_is_asked_as_another(archive: Archive, disliked: str) -> None:
    file = File(MEDIUM, cuts=[150_000])

    def answering(request: Request) -> Iterable[bytes]:
        return reply(403, PAGE) if disliked in request.headers["user-agent"] else file(request)

    with Server(answering) as source:
        archive.copy(source.url())

    assert archive.objects == {"v.mp4": MEDIUM}


def test_a_file_with_hundreds_of_headers_after_a_hint_is_archived(archive: Archive) -> None:
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
