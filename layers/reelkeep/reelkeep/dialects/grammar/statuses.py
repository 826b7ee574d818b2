"""What the status of an answer says, in every format."""

from __future__ import annotations

from reelkeep.domain.observation import Busy, NotYet, Placement, Refused, Unknown, Unreadable
from reelkeep.domain.task import Failure, FailureClass
from reelkeep.domain.wire import Answer

_MOVED = frozenset({301, 302, 307, 308})
_TOO_EARLY = 425  # refused since it might be a repeat (RFC 8470)
# A time-out, a client that seemed to be gone, and a conflict: with what a proxy on the way sent before, maybe.
_UNCLEAR = frozenset({408, 409, 499})
_KEY_REFUSED = frozenset({401, 403})
_OUR_KEY = "the provider refused the key that Reelkeep has for it"
_CLASSES = {402: FailureClass.CREDIT} | dict.fromkeys((401, 403, 404, 405), FailureClass.PROVIDER)

# --- to the billable call ---


def placed(answer: Answer) -> Placement | None:
    """None if its body must be read: it was accepted, or refused in the provider's own words."""
    if answer.status in _MOVED:
        message = f"the provider answered {answer.status}: an operator must mend its address"
        return Refused(Failure(reason=FailureClass.PROVIDER, message=message))
    if answer.status == _TOO_EARLY:
        return NotYet(answer.retry_after)
    if answer.status in _UNCLEAR or not (200 <= answer.status < 300 or 400 <= answer.status < 500):
        return Unknown(f"the provider answered the submission with {answer.status}")  # it may have gone on without us
    return None


def unnamed() -> Unknown:
    return Unknown("the provider accepted something, but named no task")


def refusal_class(answer: Answer) -> FailureClass:
    """Of a refusal whose own words say nothing."""
    return _CLASSES.get(answer.status, FailureClass.INPUT)


def refused(answer: Answer, kind: FailureClass, code: str, message: str) -> Refused:
    if answer.status in _KEY_REFUSED and kind is FailureClass.PROVIDER:
        message = f"{_OUR_KEY}; an operator must mend that"
    return Refused(Failure(reason=kind, code=code, message=message or f"the provider answered {answer.status}"))


# --- to a look at a task ---


def seen(answer: Answer, code: str) -> Busy | None:
    """None if it says something of the task."""
    if answer.status in _KEY_REFUSED:
        return Busy(_OUR_KEY, answer.retry_after)
    return busy(answer, code) if answer.status in (408, 429) or answer.status >= 500 else None


def busy(answer: Answer, code: str) -> Busy:
    return Busy(_status_and(code, answer), answer.retry_after)


def unreadable(answer: Answer, code: str) -> Unreadable:
    """Also a 404 that is not in the provider's words: a proxy's page must not make us give a paid task up."""
    return Unreadable(_status_and(code, answer), answer.body)


def _status_and(code: str, answer: Answer) -> str:
    return f"the provider answered {answer.status} {code}".rstrip()
