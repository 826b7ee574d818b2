"""One file at a time from a permanent link to a folder: by parts, checked, and never half written under its name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final
from zlib import crc32

import httpx

from cli.errors import CommandError, Unreachable
from cli.output import size

_CHUNK: Final = 1 << 20  # bytes
_WAITS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt


@dataclass(frozen=True, slots=True)
class Wanted:
    url: str
    path: Path
    bytes: int
    sha256: str = ""
    crc32: str = ""  # instead of sha256, of a large file

    @property
    def part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")


class Stopped(Exception):
    """Somebody else's failure ends this download, too; it goes on another time."""


@dataclass
class _Digest:
    wanted: Wanted
    _sha256: hashlib._Hash = field(default_factory=hashlib.sha256)
    _crc32: int = 0

    def update(self, chunk: bytes) -> None:
        if self.wanted.sha256:
            self._sha256.update(chunk)
        else:
            self._crc32 = crc32(chunk, self._crc32)

    def reset(self) -> None:
        self._sha256, self._crc32 = hashlib.sha256(), 0

    def fits(self) -> bool:
        if self.wanted.sha256:
            return self._sha256.hexdigest() == self.wanted.sha256
        return f"{self._crc32:08x}" == (self.wanted.crc32 or f"{self._crc32:08x}")


@dataclass(frozen=True)
class Downloads:
    http: httpx.Client
    sleep: Callable[[float], None]
    stop: Event = field(default_factory=Event)

    def save(self, wanted: Wanted, arrived: Callable[[int], None] = lambda _: None) -> bool:
        """Whether anything had to be fetched. `arrived` hears how many bytes are there in addition, or fewer.

        Raises CommandError, and Stopped. What has its own name already was checked before it got it.
        """
        if self._is_there(wanted, arrived):
            return False
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(wanted.part) as file:
            if self._is_there(wanted, arrived):  # another `pull` finished it meanwhile
                wanted.part.unlink(missing_ok=True)
                return False
            fetched = self._complete(file, wanted, arrived)
            file.flush()
            os.fsync(file.fileno())
            wanted.part.replace(wanted.path)
            return fetched

    def _is_there(self, wanted: Wanted, arrived: Callable[[int], None]) -> bool:
        if not wanted.path.exists():
            return False
        there = wanted.path.stat().st_size
        if there != wanted.bytes:
            raise CommandError(
                f"{wanted.path} is another file ({size(there)} instead of {size(wanted.bytes)}): move it away"
            )
        arrived(there)
        return True

    def _complete(self, file: BinaryIO, wanted: Wanted, arrived: Callable[[int], None]) -> bool:
        fetched = False
        for last in (False, True):  # what lay here of an earlier run may be damaged: then once from the beginning
            digest = _Digest(wanted)
            have = self._read_again(file, digest)
            arrived(have)
            if have < wanted.bytes:
                fetched = True
                have = self._fetch(file, wanted, digest, have, arrived)
            if have == wanted.bytes and digest.fits():
                file.truncate(have)
                return fetched
            arrived(-have)
            file.truncate(0)
            if last:
                break
        raise CommandError(f"{wanted.url} does not give the file that was archived: its checksum differs")

    def _read_again(self, file: BinaryIO, digest: _Digest) -> int:
        file.seek(0)
        have = 0
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            have += len(chunk)
        return have

    def _fetch(
        self, file: BinaryIO, wanted: Wanted, digest: _Digest, have: int, arrived: Callable[[int], None]
    ) -> int:
        waits = iter(_WAITS)
        while True:
            before = have
            try:
                with self.http.stream("GET", wanted.url, headers={"range": f"bytes={have}-"}) as answer:
                    if answer.status_code not in (200, 206):
                        raise _refused(wanted, answer)
                    if answer.status_code == 200 and have:  # it knows no ranges, and sends everything
                        arrived(-have)
                        have = 0
                        digest.reset()
                        file.truncate(0)
                    file.seek(have)
                    for chunk in answer.iter_bytes(_CHUNK):
                        if self.stop.is_set():
                            raise Stopped
                        file.write(chunk)
                        digest.update(chunk)
                        have += len(chunk)
                        arrived(len(chunk))
                if have >= wanted.bytes:
                    return have
                reason = "the connection ended too early"
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            except _Busy as error:
                reason = str(error)
            if have > before:
                waits = iter(_WAITS)
            if (wait := next(waits, None)) is None:
                raise Unreachable(f"{wanted.url} does not answer: {reason}")
            self.sleep(wait)


class _Busy(Exception):
    """Not now, but maybe in a moment."""


def _refused(wanted: Wanted, answer: httpx.Response) -> Exception:
    if answer.status_code in (429, 500, 502, 503, 504):
        return _Busy(f"it answered {answer.status_code}")
    return CommandError(f"{wanted.url} answered {answer.status_code} {answer.reason_phrase}")


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The file, to read and write; nobody else does meanwhile. Raises CommandError if somebody does."""
    part.touch()
    with part.open("r+b") as file:
        with suppress(ImportError):
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError(f"another `reelkeep pull` is at work on {part}") from error
        yield file
