"""The archive: files, requests, manifests, links."""

from __future__ import annotations

from typing import Protocol

from reelkeep.domain.task import ArchivedFile, Request, Task
from reelkeep.ports.providers import Source


class SourceGone(Exception):
    """The link is dead (403, 404, 410): only a fresh one can help."""


class SourceBusy(Exception):
    """The file cannot be fetched right now."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SourceBad(Exception):
    """What the link leads to is not the media it claims to be, too large, or where we must not go."""


class SourceTooLarge(SourceBad):
    """Nothing that waits makes it smaller."""


class SourceNotMedia(SourceBad):
    """The bytes are not recognised as the media that they should be."""

    def __init__(self, message: str, size: int = 0, quarantined: ArchivedFile | None = None) -> None:
        super().__init__(message)
        self.size = size  # in bytes, as far as they were read
        self.quarantined = quarantined  # where they were set aside, if they were


class Requests(Protocol):
    """Whole requests that are too big for the table, beside the assets in the archive. They expire."""

    def store_request(self, task: Task) -> str:
        """Stores the task's request and returns its key."""

    def request(self, key: str) -> Request:
        """Raises LookupError if it has expired."""


class Manifests(Protocol):
    def write_manifest(self, task: Task) -> None:
        """Writes everything that is known of the task beside its assets."""


class Erasure(Protocol):
    def erase_files(self, task_id: str) -> None:
        """Every version of every file of the task but its manifest, and all but the last version of that.

        A second time finishes what the first one began.
        """


class Archive(Manifests, Protocol):
    def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        """Copies the file of this name of the task's creation with this number (from 1), and verifies it.

        It takes so many seconds at most, and is busy then. Raises SourceGone, SourceBusy, SourceBad; nothing is
        visible in the archive then. Bytes that are not media are set aside (SourceNotMedia), unless as many or more
        were set aside before.
        """


class Sign(Protocol):
    def __call__(self, task_id: str, file: str, method: str, name: str = "", /, *, attachment: bool = False) -> str:
        """A link to that file, valid for an hour. Browsers save it under this name, and at once as an attachment."""
