"""Two ways into the bucket. Neither shows anything under the key before the last byte was found to be good."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.adapters.copying.checksums import Checksum, Crc32
from reelkeep.adapters.copying.incoming import BIT
from reelkeep.adapters.copying.source import BeginAgain
from reelkeep.adapters.http.outbound import AnswerLost, NotSent, Outbound

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

_PART = 16 << 20
MOST = 10_000 * _PART  # an upload has at most that many parts: 160 GB
MOST_AT_ONCE = 5 << 30  # of one PutObject
_PASSING = frozenset(["RequestTimeout", "BadDigest", "IncompleteBody"])  # a source that paused, a bad line


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file goes."""

    s3: S3Client
    bucket: str
    key: str
    content_type: str
    metadata: dict[str, str]


def stream_up(
    target: Target,
    bits: Iterable[memoryview],
    length: int,
    checksum: Checksum,
    check: Callable[[], None],
    *,
    credentials: Credentials,
    outbound: Outbound,
    seconds: float,
) -> None:
    """One PutObject while the bits come in; costs one request, and memory for a few bits.

    The checksum follows the last byte, as all AWS SDKs send it (the client itself would cut the body into bits of
    16 KB, and needs to read it twice where there is no TLS). S3 shows nothing unless length and checksum are right,
    so `check`, called after the last bit, may still stop it all by raising. Raises BeginAgain, ClientError.
    """
    trailer = f"x-amz-checksum-{checksum.name}"
    link = target.s3.generate_presigned_url("put_object", Params={"Bucket": target.bucket, "Key": target.key})
    headers = {
        "content-type": target.content_type,
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(length),
        "x-amz-trailer": trailer,
    } | {f"x-amz-meta-{name}": value for name, value in target.metadata.items()}
    url = link.partition("?")[0]
    request = AWSRequest("PUT", url, headers)
    SigV4Auth(credentials, "s3", target.s3.meta.region_name).add_auth(request)
    try:
        answer = outbound.request(
            "PUT",
            url,
            headers={**request.headers, "content-length": str(_framed_length(length, trailer, checksum))},
            body=_framed(bits, trailer, checksum, check),
            seconds=seconds,
            allow_private=True,  # our own bucket
        )
    except (NotSent, AnswerLost) as error:
        raise BeginAgain(f"the archive: {error}") from error
    if answer.status != 200:
        fault = _fault(answer.status, answer.body)
        # A redirect is for the client to follow.
        if answer.status >= 500 or answer.status < 400 or fault.response["Error"]["Code"] in _PASSING:
            raise BeginAgain(f"the archive answered {answer.status}") from fault
        raise fault


def _framed(
    bits: Iterable[memoryview], trailer: str, checksum: Checksum, check: Callable[[], None]
) -> Iterator[bytes | memoryview]:
    for bit in bits:
        yield b"%x\r\n" % len(bit)
        yield bit
        yield b"\r\n"
    check()
    yield _end(trailer, checksum)


def _framed_length(length: int, trailer: str, checksum: Checksum) -> int:
    bits, rest = divmod(length, BIT)
    frames = bits * len(b"%x\r\n\r\n" % BIT) + (len(b"%x\r\n\r\n" % rest) if rest else 0)
    return frames + length + len(_end(trailer, checksum))


def _end(trailer: str, checksum: Checksum) -> bytes:
    return b"0\r\n%b:%b\r\n\r\n" % (trailer.encode(), b64encode(checksum.digest()))


def _fault(status: int, body: bytes) -> ClientError:
    code, message = (
        found[1].decode() if (found := re.search(rb"<%b>(.*?)</%b>" % (name, name), body, re.S)) else ""
        for name in (b"Code", b"Message")
    )
    details = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(details, "PutObject")  # type: ignore[arg-type]  # only those two are ever read


def buffer_up(
    target: Callable[[], Target], bits: Iterable[memoryview], checksum: Checksum, check: Callable[[], None]
) -> None:
    """For a length that is not known, or a source too slow for S3's patience. Leaves no parts behind to be paid for.

    `target` is called after the first bit has passed, `check` after the last. Raises what the client raises.
    """
    buffer = bytearray()
    upload: _Parts | None = None
    try:
        for bit in bits:
            buffer += bit
            if len(buffer) >= _PART:
                upload = upload or _Parts(target())
                upload.add(buffer)
                buffer.clear()
        check()
        if upload is None:
            _put(target(), buffer, checksum)
            return
        if buffer:
            upload.add(buffer)
        upload.complete()
    except BaseException:
        if upload is not None:
            upload.abort()
        raise


def _put(target: Target, content: bytearray, checksum: Checksum) -> None:
    target.s3.put_object(
        Bucket=target.bucket,
        Key=target.key,
        Body=content,  # type: ignore[arg-type]  # the client takes it
        ContentType=target.content_type,
        Metadata=target.metadata,
        # Its name is known here only.
        **{f"Checksum{checksum.name.upper()}": b64encode(checksum.digest()).decode()},  # type: ignore[arg-type]
    )


class _Parts:
    """A multipart upload, each part of which S3 checks on arrival."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._parts: list[CompletedPartTypeDef] = []
        self._id = target.s3.create_multipart_upload(
            Bucket=target.bucket,
            Key=target.key,
            ContentType=target.content_type,
            Metadata=target.metadata,
            ChecksumAlgorithm="CRC32",
            ChecksumType="FULL_OBJECT",
        )["UploadId"]

    def add(self, content: bytearray) -> None:
        number = len(self._parts) + 1
        crc32 = Crc32()
        crc32.update(content)
        checksum = b64encode(crc32.digest()).decode()
        answer = self._target.s3.upload_part(
            Bucket=self._target.bucket,
            Key=self._target.key,
            UploadId=self._id,
            PartNumber=number,
            Body=content,  # type: ignore[arg-type]  # the client takes it
            ChecksumCRC32=checksum,
        )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum})

    def complete(self) -> None:
        self._target.s3.complete_multipart_upload(
            Bucket=self._target.bucket,
            Key=self._target.key,
            UploadId=self._id,
            MultipartUpload={"Parts": self._parts},
            ChecksumType="FULL_OBJECT",
        )

    def abort(self) -> None:
        with suppress(BotoCoreError, ClientError):  # the bucket's own rule removes what stays behind
            self._target.s3.abort_multipart_upload(
                Bucket=self._target.bucket, Key=self._target.key, UploadId=self._id
            )
