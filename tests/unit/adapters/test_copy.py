from __future__ import annotations

import gzip
import ssl
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from reelkeep.adapters.copying.copy import Source, copy
from reelkeep.adapters.copying.incoming import BIT, incoming
from reelkeep.adapters.copying.source import RANGE
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.domain.task import ArchivedFile
from reelkeep.ports import SourceBad, SourceBusy, SourceGone
from tests.samples import lengthened, picture, video
from tests.servers import Answering, Bucket, Cut, Request, Server, reply

LONG = lengthened(video(), 2 * RANGE + 12_345)
PAGE = b"<!doctype html><title>Sorry</title>"


@dataclass
class FakeClient:
    """The few calls of boto3's S3 client that a copy makes."""

    endpoint: str
    objects: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)
    fault: ClientError | None = None  # of the second part
    meta = SimpleNamespace(region_name="us-east-1")

    def generate_presigned_url(self, operation: str, Params: dict[str, str]) -> str:
        assert operation == "put_object"
        return f"{self.endpoint}/{Params['Bucket']}/{Params['Key']}?X-Amz-Signature=none"

    def put_object(self, **given: Any) -> None:
        self.calls.append("put_object")
        assert given["ChecksumSHA256"] == b64encode(sha256(given["Body"]).digest()).decode()
        self.objects[given["Key"]] = bytes(given.pop("Body"))
        self.stored[given["Key"]] = given

    def create_multipart_upload(self, **given: Any) -> dict[str, str]:
        self.calls.append("create_multipart_upload")
        self.stored[given["Key"]] = given
        return {"UploadId": "upload"}

    def upload_part(self, **given: Any) -> dict[str, str]:
        self.calls.append("upload_part")
        if self.fault is not None and given["PartNumber"] == 2:
            raise self.fault
        assert given["ChecksumCRC32"] == b64encode(crc32(given["Body"]).to_bytes(4, "big")).decode()
        self.parts[given["PartNumber"]] = bytes(given["Body"])
        return {"ETag": f"part {given['PartNumber']}"}

    def complete_multipart_upload(self, **given: Any) -> None:
        self.calls.append("complete_multipart_upload")
        parts = given["MultipartUpload"]["Parts"]
        assert [part["ETag"] for part in parts] == [f"part {part['PartNumber']}" for part in parts]
        self.objects[given["Key"]] = b"".join(self.parts[part["PartNumber"]] for part in parts)

    def abort_multipart_upload(self, **given: Any) -> None:
        self.calls.append("abort_multipart_upload")
        self.parts.clear()


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
    client: FakeClient
    paused: list[float] = field(default_factory=list)

    def keep(self, url: str, **more: Any) -> ArchivedFile:
        given: dict[str, Any] = {
            "expected": "video",
            "limit_bytes": 1 << 40,
            "seconds": 20,
            "metadata": {"task-id": "t"},
        }
        given |= {"key": "v.mp4", "credentials": Credentials("id", "secret"), "pause": self.paused.append}
        given |= {"s3": self.client, "outbound": self.outbound}
        return copy(Source(url, allow_private=True), bucket="bucket", **given | more)

    @property
    def objects(self) -> dict[str, bytes]:
        return self.bucket.objects | self.client.objects


@pytest.fixture
def archive() -> Iterator[Archive]:
    bucket = Bucket()
    no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the default one loads all the world's certificates
    with closing(Outbound(no_tls)) as outbound, Server(bucket) as server:
        yield Archive(outbound, bucket, FakeClient(server.url("")))


def test_a_video_is_kept_whole_with_all_that_was_learned_of_it(archive: Archive) -> None:
    content = video()
    with Server(File(content)) as source:
        kept = archive.keep(source.url("/v.mp4?signature=x"))

    assert archive.objects == {"v.mp4": content}
    assert kept == ArchivedFile(
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
    assert archive.client.calls == []


def test_a_long_video_is_read_on_where_the_first_range_ends(archive: Archive) -> None:
    with Server(File(LONG)) as source:
        kept = archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert kept.sha256 == sha256(LONG).hexdigest()
    assert [request.range for request in source.requests] == [(0, RANGE - 1), (RANGE, len(LONG) - 1)]


def test_the_key_may_follow_from_what_the_file_is(archive: Archive) -> None:
    with Server(File(picture("WEBP"))) as source:
        kept = archive.keep(source.url(), key=lambda extension: f"tasks/1-cover.{extension}", expected="image")

    assert kept.key == "tasks/1-cover.webp"
    assert list(archive.objects) == ["tasks/1-cover.webp"]


def test_of_a_very_large_file_only_the_crc_is_taken(archive: Archive) -> None:
    with Server(File(LONG)) as source:
        kept = archive.keep(source.url(), sha256_up_to=RANGE)

    assert kept.sha256 == ""
    assert archive.objects == {"v.mp4": LONG}
    assert archive.bucket.stored["v.mp4"]["x-amz-trailer"] == "x-amz-checksum-crc32"


def test_a_server_without_ranges_is_read_in_one_go(archive: Archive) -> None:
    with Server(File(LONG, ranges=False)) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert len(source.requests) == 1


def test_a_file_in_chunks_is_kept_whole_though_its_length_is_not_said(archive: Archive) -> None:
    content = lengthened(video(), 2 * BIT + 5)

    def answering(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        for at in range(0, len(content), 100_000):
            yield b"%x\r\n%b\r\n" % (len(content[at : at + 100_000]), content[at : at + 100_000])
        yield b"0\r\n\r\n"

    with Server(answering) as source:
        kept = archive.keep(source.url())

    assert archive.objects == {"v.mp4": content}
    assert kept.sha256 == sha256(content).hexdigest()
    assert archive.client.calls == ["put_object"]


def test_a_long_file_of_unknown_length_goes_up_in_parts(archive: Archive) -> None:
    content = lengthened(video(), 17 * BIT)
    with Server(lambda _: _until_close(content)) as source:
        kept = archive.keep(source.url())

    assert archive.objects == {"v.mp4": content}
    assert kept.bytes == 17 * BIT
    assert archive.client.calls == [
        "create_multipart_upload",
        "upload_part",
        "upload_part",
        "complete_multipart_upload",
    ]
    assert archive.client.stored["v.mp4"]["ContentType"] == "video/mp4"


def test_without_credentials_all_goes_through_the_client(archive: Archive) -> None:
    with Server(File(LONG)) as source:
        archive.keep(source.url(), credentials=None)

    assert archive.client.objects == {"v.mp4": LONG}


# A source that is cut ---------------------------------------------------------------------------------------


def test_a_cut_connection_is_gone_on_with_where_it_was_cut(archive: Archive) -> None:
    with Server(File(LONG, cuts=[3 * BIT, 2 * BIT + 7])) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}
    begins = [request.range[0] for request in source.requests if request.range]
    assert begins == [0, 3 * BIT, 5 * BIT]
    assert {request.headers.get("if-range") for request in source.requests[1:]} == {'"one"'}


def test_a_file_that_changed_meanwhile_is_read_from_its_beginning(archive: Archive) -> None:
    file = File(LONG, cuts=[3 * BIT])
    other = lengthened(video(frames=48), len(LONG) + 1)

    def answering(request: Request) -> Iterator[bytes]:
        if not file.cuts:
            file.content, file.tag = other, '"two"'
        yield from file(request)

    with Server(answering) as source:
        kept = archive.keep(source.url())

    assert archive.objects == {"v.mp4": other}
    assert kept.duration == 2.0


def test_a_file_with_a_weak_tag_only_is_never_put_together_from_pieces(archive: Archive) -> None:
    with Server(File(LONG, tag='W/"one"', cuts=[RANGE, 5 * BIT])) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert not any("if-range" in request.headers for request in source.requests)


def test_a_server_without_ranges_that_is_cut_is_asked_again_for_all(archive: Archive) -> None:
    with Server(File(LONG, ranges=False, cuts=[BIT, 5 * BIT])) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}
    assert len(source.requests) == 3


def test_a_source_that_is_always_cut_is_busy(archive: Archive) -> None:
    with Server(File(LONG, ranges=False, cuts=[BIT] * 9)) as source, pytest.raises(SourceBusy, match="cut"):
        archive.keep(source.url())

    assert archive.objects == {}
    assert len(source.requests) == 3


def test_a_server_that_answers_ranges_with_nonsense_is_read_in_one_go(archive: Archive) -> None:
    def answering(request: Request) -> list[bytes]:
        if request.range is None:
            return reply(200, LONG)
        first, last = request.range
        tag = '"one"' if first == 0 else '"another"'  # as behind two machines that number for themselves
        content_range = f"bytes {first}-{min(last, len(LONG) - 1)}/{len(LONG)}"
        return reply(206, LONG[first : last + 1], etag=tag, content_range=content_range)

    with Server(answering) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}


def test_a_file_whose_end_nobody_announced_is_not_kept_if_its_end_is_missing(archive: Archive) -> None:
    content = video()[:-50]
    with (
        Server(lambda _: _until_close(content)) as source,
        pytest.raises(SourceBusy, match="not whole"),
    ):
        archive.keep(source.url())

    assert archive.objects == {}
    assert len(source.requests) == 3


def test_time_that_runs_out_makes_a_source_busy(archive: Archive) -> None:
    with Server(File(video())) as source, pytest.raises(SourceBusy, match="no time left"):
        archive.keep(source.url(), seconds=0)


# What is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_dead_link_is_gone(archive: Archive, status: int) -> None:
    with Server(lambda _: reply(status, PAGE)) as source, pytest.raises(SourceGone, match=str(status)):
        archive.keep(source.url())

    assert len(source.requests) == 1


@pytest.mark.parametrize("status", [202, 408, 429, 500, 502, 503, 504])
def test_a_source_that_asks_for_patience_is_busy_for_as_long_as_it_says(archive: Archive, status: int) -> None:
    with Server(lambda _: reply(status, retry_after="40")) as source, pytest.raises(SourceBusy) as caught:
        archive.keep(source.url())

    assert caught.value.retry_after == 40.0
    assert len(source.requests) == 1


def test_a_source_that_cannot_be_reached_is_busy(archive: Archive) -> None:
    with Server(File(video())) as source:
        url = source.url()

    with pytest.raises(SourceBusy, match="connection refused"):
        archive.keep(url)


def test_a_page_is_not_a_video_though_its_status_is_200(archive: Archive) -> None:
    with Server(File(PAGE)) as source, pytest.raises(SourceBad, match="an HTML page where a video was expected"):
        archive.keep(source.url())

    assert archive.objects == {}


def test_a_page_as_long_as_a_video_is_not_read_to_its_end(archive: Archive) -> None:
    with Server(File(PAGE + bytes(5 * RANGE))) as source, pytest.raises(SourceBad, match="HTML"):
        archive.keep(source.url())

    assert archive.objects == {}
    assert len(source.requests) <= 2


def test_an_empty_file_is_not_a_video(archive: Archive) -> None:
    answers: list[Callable[[Request], Iterable[bytes]]] = [
        lambda _: reply(200),
        lambda request: reply(416, content_range="bytes */0") if request.range else reply(200),
    ]
    for answering in answers:
        with Server(answering) as source, pytest.raises(SourceBad, match="an empty file"):
            archive.keep(source.url())


def test_a_video_that_is_broken_at_the_provider_is_refused(archive: Archive) -> None:
    with Server(File(video()[:-50])) as source, pytest.raises(SourceBad, match="not whole"):
        archive.keep(source.url())

    assert archive.objects == {}


def test_a_long_video_that_is_broken_at_the_provider_is_refused_at_its_last_byte(archive: Archive) -> None:
    with Server(File(LONG[:-1])) as source, pytest.raises(SourceBad, match="not whole"):
        archive.keep(source.url())

    assert archive.objects == {}


def test_a_file_that_is_too_large_is_refused_before_it_is_read(archive: Archive) -> None:
    with Server(File(LONG)) as source, pytest.raises(SourceBad, match="larger"):
        archive.keep(source.url(), limit_bytes=len(LONG) - 1)

    assert len(source.requests) == 1


@pytest.mark.parametrize("credentials", [Credentials("id", "secret"), None])
def test_an_endless_file_ends_at_the_limit(archive: Archive, credentials: Credentials | None) -> None:
    def answering(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n" + video() + b"\0\0\0\0free"
        while True:
            yield bytes(BIT)

    with Server(answering) as source, pytest.raises(SourceBad, match="larger"):
        archive.keep(source.url(), limit_bytes=18 * BIT, credentials=credentials)

    assert archive.objects == {}
    assert archive.client.calls[-1] == "abort_multipart_upload"
    assert archive.client.parts == {}


@pytest.mark.parametrize(
    ("packed", "encoding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate"), (bytes, "GZIP")]
)
@pytest.mark.parametrize("content", [video(), LONG])
def test_a_file_that_was_packed_against_our_wish_or_says_so_is_kept_as_it_was(
    packed: Callable[[bytes], bytes], encoding: str, content: bytes, archive: Archive
) -> None:
    sent = File(packed(content), encoding=encoding)
    with Server(sent) as source:
        kept = archive.keep(source.url())

    assert archive.objects == {"v.mp4": content}
    assert (kept.bytes, kept.sha256) == (len(content), sha256(content).hexdigest())
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
        archive.keep(source.url())

    assert archive.objects == {}


def test_a_packed_file_that_is_cut_on_its_way_is_read_again_from_its_beginning(archive: Archive) -> None:
    with Server(File(gzip.compress(LONG), encoding="gzip", cuts=[2000, 2000])) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}


def test_a_file_that_unpacks_to_more_than_is_kept_is_refused(archive: Archive) -> None:
    bomb = gzip.compress(lengthened(video(), 8 * BIT))
    assert len(bomb) < BIT
    with (
        Server(lambda _: reply(200, bomb, content_encoding="gzip")) as source,
        pytest.raises(SourceBad, match="larger"),
    ):
        archive.keep(source.url(), limit_bytes=6 * BIT)

    assert archive.objects == {}


def test_a_file_that_is_packed_in_a_way_of_its_own_is_refused(archive: Archive) -> None:
    with (
        Server(lambda _: reply(200, video(), content_encoding="br")) as source,
        pytest.raises(SourceBad, match="'br'"),
    ):
        archive.keep(source.url())


def test_a_link_to_the_inside_is_refused(archive: Archive) -> None:
    with Server(File(video())) as source, pytest.raises(SourceBad, match="public internet"):
        copy(
            Source(source.url()),
            bucket="bucket",
            key="v.mp4",
            expected="video",
            s3=archive.client,  # type: ignore[arg-type]  # a fake
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
            archive.keep(source.url("/v.mp4?signature=secret"))
        assert "secret" not in str(caught.value)


# The archive's own troubles ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [(503, "SlowDown"), (500, "InternalError"), (400, "RequestTimeout"), (400, "BadDigest"), (307, "")]
)
def test_a_passing_fault_of_the_archive_begins_the_copy_again(archive: Archive, fault: tuple[int, str]) -> None:
    archive.bucket.faults.append(fault)
    with Server(File(LONG)) as source:
        archive.keep(source.url())

    assert archive.objects == {"v.mp4": LONG}


def test_the_last_attempt_needs_no_patience_of_the_archive_with_a_slow_source(archive: Archive) -> None:
    archive.bucket.faults += [(400, "RequestTimeout")] * 2
    with Server(File(LONG)) as source:
        archive.keep(source.url())

    assert archive.client.objects == {"v.mp4": LONG}


def test_a_lasting_fault_of_the_archive_is_the_clients_error(archive: Archive) -> None:
    archive.bucket.faults.append((403, "AccessDenied"))
    with Server(File(video())) as source, pytest.raises(ClientError, match="AccessDenied"):
        archive.keep(source.url())


def test_parts_are_not_left_behind_when_one_fails(archive: Archive) -> None:
    archive.client.fault = ClientError({"Error": {"Code": "AccessDenied"}}, "UploadPart")
    with Server(File(lengthened(video(), 17 * BIT))) as source, pytest.raises(ClientError):
        archive.keep(source.url(), credentials=None)

    assert archive.objects == {}
    assert archive.client.calls[-1] == "abort_multipart_upload"


# A slow source ----------------------------------------------------------------------------------------------


@dataclass
class FakeRemote:
    content: bytes
    bytes_a_second: float
    ranged: bool = True
    position: int = 0
    ranges: list[int] = field(default_factory=list)
    fault: Exception | None = None

    @property
    def total(self) -> int:
        return len(self.content)

    def read_on(self, view: memoryview) -> int:
        bit = self.content[self.position : self.position + len(view)]
        view[: len(bit)] = bit
        self.position += len(bit)
        return len(bit)

    def read_range(self, view: memoryview, offset: int) -> None:
        if self.fault is not None and offset > RANGE:
            raise self.fault
        self.ranges.append(offset)
        view[:] = self.content[offset : offset + len(view)]


def test_a_source_that_is_slow_on_one_connection_is_read_on_several(archive: Archive) -> None:
    content = bytes(range(256)) * (10 * RANGE // 256) + b"end"
    remote: Any = FakeRemote(content, bytes_a_second=1e6)

    assert b"".join(bytes(bit) for bit in incoming(remote)) == content
    assert remote.position == RANGE
    assert sorted(remote.ranges) == list(range(RANGE, len(content), RANGE))


def test_a_source_that_is_quick_is_read_on_one(archive: Archive) -> None:
    content = bytes(range(256)) * (3 * RANGE // 256) + b"end"
    remote: Any = FakeRemote(content, bytes_a_second=1e9)

    assert b"".join(bytes(bit) for bit in incoming(remote)) == content
    assert remote.ranges == []


@pytest.mark.parametrize("length", [0, 1, BIT - 1, BIT, BIT + 1, RANGE, RANGE + 1, 2 * RANGE])
@pytest.mark.parametrize("pace", [1e6, 1e9])
@pytest.mark.parametrize("ranged", [True, False])
def test_every_bit_but_the_last_has_the_same_length(length: int, pace: float, ranged: bool) -> None:
    remote: Any = FakeRemote(bytes(length), bytes_a_second=pace, ranged=ranged)

    lengths = [len(bit) for bit in incoming(remote)]

    assert lengths == [BIT] * (length // BIT) + ([length % BIT] if length % BIT else [])


def test_a_fault_of_one_of_several_connections_is_everybodys() -> None:
    remote: Any = FakeRemote(bytes(9 * RANGE), bytes_a_second=1e6, fault=SourceGone("dead"))

    with pytest.raises(SourceGone):
        list(incoming(remote))


def _until_close(content: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n" + content
    raise Cut
