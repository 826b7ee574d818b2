"""Errors, grouped by what the caller must do.

ReelkeepError
├── ClientError            the client must change something; every dialect has words for each of these
│   ├── InvalidRequest       400  a field is missing, wrong, or cannot be expressed at the provider
│   │   └── Missing, ItemCountOutOfRange, PageSizeOutOfRange: some formats have names of their own for these
│   ├── Unauthorized         401  no key, or one that is not known or was revoked
│   ├── Forbidden            403  the key lacks the scope that this needs, or its owner may not do it
│   ├── OverBudget           402  a limit of money would be passed
│   ├── OverLimit            429  a limit of tasks would be passed
│   ├── Stopped              503  an operator stopped the provider
│   ├── NotFound             404  no such thing, or another owner's
│   ├── NotAllowed           405  the path exists, the method does not
│   ├── CannotCancel         409  too late
│   ├── Conflict             409  something else is there already, or not any more
│   ├── LimitReached         403  there are as many as there may be
│   ├── BodyTooLarge         413
│   ├── KeyReused            422  an Idempotency-Key that was sent with another request before
│   └── Refused              4xx  the provider said no; nothing was generated, nothing paid
├── TryLater               the same request may succeed later
│   └── Stale                somebody else changed the record: read it again
└── Misconfigured          an operator must correct the configuration
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Failure, State, Task


class ReelkeepError(Exception):
    """Everything that Reelkeep raises on purpose."""


class ClientError(ReelkeepError):
    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field  # as the client's dialect spells it


class InvalidRequest(ClientError):
    def __init__(self, message: str, *, field: str = "", wrong: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message, field=field)
        self.wrong = wrong  # every field that is wrong, and what is wrong with it


def wrong(field: str, message: str) -> InvalidRequest:
    """One field is wrong; `message` goes on where its name ends."""
    return InvalidRequest(f"{field} {message}", field=field, wrong=((field, message),))


class Missing(InvalidRequest):
    """A field that is required is not there."""


class ItemCountOutOfRange(InvalidRequest):
    """Too many or too few of something."""


class PageSizeOutOfRange(InvalidRequest):
    pass


class Unauthorized(ClientError):
    pass


class Forbidden(ClientError):
    pass


class Later(ClientError):
    """The same request may be let in later."""

    def __init__(self, message: str, limit: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.limit = limit  # the name of the one that would be passed
        self.retry_after = max(math.ceil(retry_after.total_seconds()), 1) if retry_after else None  # seconds


class OverBudget(Later):
    pass


class OverLimit(Later):
    pass


class Stopped(Later):
    pass


def lacking(scope: Scope) -> Forbidden:
    return Forbidden(f"this API key lacks the scope {scope}, which this needs")


class NotFound(ClientError):
    pass


class NotAllowed(ClientError):
    def __init__(self, message: str, *, allowed: Iterable[str] = ("GET",)) -> None:
        super().__init__(message)
        self.allowed = sorted(set(allowed))  # methods


class CannotCancel(ClientError):
    def __init__(self, state: State) -> None:
        super().__init__(f"task state is {state}, can not cancel")
        self.state = state


class Conflict(ClientError):
    pass


class LimitReached(ClientError):
    pass


class BodyTooLarge(ClientError):
    pass


class KeyReused(ClientError):
    pass


class Refused(ClientError):
    """`task` is the one that was refused, if it was recorded."""

    def __init__(self, failure: Failure, task: Task | None = None) -> None:
        super().__init__(failure.message or failure.code)
        self.failure = failure
        self.task = task


class TryLater(ReelkeepError):
    pass


class Stale(TryLater):
    """The record was changed by somebody else since it was read."""


class Misconfigured(ReelkeepError):
    pass
