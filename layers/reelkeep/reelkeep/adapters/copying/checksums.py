"""The checksums that S3 compares with its own before a file appears, and keeps with it."""

from __future__ import annotations

import hashlib
from typing import Protocol

try:  # a third of the time, where it is installed
    from zlib_ng.zlib_ng import crc32  # type: ignore[import-not-found,unused-ignore]  # or not
except ImportError:
    from zlib import crc32


class Checksum(Protocol):
    name: str  # as S3's headers spell it

    def update(self, data: memoryview) -> None: ...

    def digest(self) -> bytes: ...


class Sha256:
    """What `sha256sum` prints. Takes as long as sending the same bytes over TLS."""

    name = "sha256"

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def update(self, data: memoryview) -> None:
        self._sha256.update(data)

    def digest(self) -> bytes:
        return self._sha256.digest()


class Crc32:
    name = "crc32"

    def __init__(self) -> None:
        self._crc32 = 0

    def update(self, data: memoryview | bytearray) -> None:
        self._crc32 = crc32(data, self._crc32)

    def digest(self) -> bytes:
        return self._crc32.to_bytes(4, "big")
