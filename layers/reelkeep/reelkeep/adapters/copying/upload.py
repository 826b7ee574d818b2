"""The way into the bucket. S3 shows nothing under the key before all of it is there and its checksums are right.

What is there already is not written again: the bucket would keep the same bytes as an old version.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict
from zlib import crc32

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.ports.archive import SourceBusy

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef


class Part(NamedTuple):
    content: bytearray
    is_last: bool


class Target(TypedDict):
    Bucket: str
    Key: str
    ContentType: str
    Metadata: dict[str, str]


class Checksum(NamedTuple):
    """One of both, in hexadecimal."""

    sha256: str = ""
    crc32: str = ""


def upload(s3: S3Client, target: Target, parts: Iterable[Part], length: int | None, sha256_up_to: int) -> Checksum:
    """One PutObject if there is one part, else a multipart upload, which leaves no parts behind to be paid for.

    `length` is the file's, if it is known. Raises what the parts raise, and what the client raises.
    """
    multipart: _Multipart | None = None
    sha256, size = hashlib.sha256(), 0
    is_large = length is not None and length > sha256_up_to
    try:
        for content, is_last in parts:
            size += len(content)
            is_large = is_large or size > sha256_up_to
            if not is_large:
                sha256.update(content)
            if multipart is None and is_last:
                return _put(s3, target, content)
            multipart = multipart or _Multipart(s3, target)
            multipart.add(content)
        assert multipart is not None  # noqa: S101 - there is a last part
        whole_crc32 = multipart.complete()
    except BaseException:
        if multipart is not None:
            multipart.abort()
        raise
    return Checksum(crc32=whole_crc32) if is_large else Checksum(sha256=sha256.hexdigest())


def _put(s3: S3Client, target: Target, content: bytearray) -> Checksum:
    digest = hashlib.sha256(content).digest()
    checksum = b64encode(digest).decode()
    body: Any = content  # the client takes it
    put = partial(s3.put_object, **target, Body=body, ChecksumSHA256=checksum)
    _write_once(put, lambda: _stored(s3, target).get("ChecksumSHA256") == checksum)
    return Checksum(sha256=digest.hex())


def _write_once(write: Callable[..., Any], is_there: Callable[[], bool]) -> Any:
    """The answer of S3; None if the same bytes are there already. Raises SourceBusy, and what the client raises."""
    try:
        return write(IfNoneMatch="*")
    except ClientError as error:
        match error.response["Error"]["Code"]:
            case "ConditionalRequestConflict":
                raise SourceBusy("the same file is being written at this moment") from error
            case "PreconditionFailed":
                return None if is_there() else write()
        raise


def _stored(s3: S3Client, target: Any) -> Any:
    return s3.head_object(Bucket=target["Bucket"], Key=target["Key"], ChecksumMode="ENABLED")


class _Multipart:
    def __init__(self, s3: S3Client, target: Target) -> None:
        created = s3.create_multipart_upload(**target, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        self._s3 = s3
        self._object: Any = {"Bucket": target["Bucket"], "Key": target["Key"]}
        self._upload: Any = {**self._object, "UploadId": created["UploadId"]}
        self._parts: list[CompletedPartTypeDef] = []
        self._crc32 = self._size = 0  # of all parts together

    def add(self, content: bytearray) -> None:
        self._crc32, self._size = crc32(content, self._crc32), self._size + len(content)
        number, checksum = len(self._parts) + 1, _base64(crc32(content))
        body: Any = content  # the client takes it
        answer = self._s3.upload_part(**self._upload, PartNumber=number, Body=body, ChecksumCRC32=checksum)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": checksum})

    def complete(self) -> str:
        """The CRC-32 of the whole file, in hexadecimal, as S3 puts it together from those of the parts."""
        complete: Any = partial(
            self._s3.complete_multipart_upload,
            **self._upload,
            MultipartUpload={"Parts": self._parts},
            ChecksumType="FULL_OBJECT",
        )
        answer = _write_once(complete, self._is_there)
        if answer is None:
            self.abort()
            return self._crc32.to_bytes(4, "big").hex()
        if "ChecksumCRC32" not in answer:  # from an archive that is not S3 itself
            answer = _stored(self._s3, self._object)
        return b64decode(answer["ChecksumCRC32"]).hex()

    def _is_there(self) -> bool:
        stored = _stored(self._s3, self._object)
        return (stored.get("ChecksumCRC32"), stored["ContentLength"]) == (_base64(self._crc32), self._size)

    def abort(self) -> None:
        with suppress(BotoCoreError, ClientError):  # the bucket's own rule removes what stays behind
            self._s3.abort_multipart_upload(**self._upload)


def _base64(checksum: int) -> str:
    return b64encode(checksum.to_bytes(4, "big")).decode()
