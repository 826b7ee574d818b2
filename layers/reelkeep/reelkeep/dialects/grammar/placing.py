"""What an answer to the billable call says by its status alone, in every format."""

from __future__ import annotations

from reelkeep.domain.observation import NotYet, Placement, Refused, Unknown
from reelkeep.domain.task import Failure, FailureClass
from reelkeep.domain.wire import Answer

_MOVED = frozenset({301, 302, 307, 308})
_TOO_EARLY = 425  # refused since it might be a repeat (RFC 8470)
# A time-out, a client that seemed to be gone, and a conflict: with what a proxy on the way sent before, maybe.
_UNCLEAR = frozenset({408, 409, 499})


def by_status(answer: Answer) -> Placement | None:
    """None if its body must be read: it was accepted, or refused in the provider's own words."""
    if answer.status in _MOVED:
        message = f"the provider answered {answer.status}: an operator must mend its address"
        return Refused(Failure(reason=FailureClass.PROVIDER, message=message))
    if answer.status == _TOO_EARLY:
        return NotYet(answer.retry_after)
    if answer.status in _UNCLEAR or not (200 <= answer.status < 300 or 400 <= answer.status < 500):
        return Unknown(f"the provider answered the submission with {answer.status}")  # it may have gone on without us
    return None
