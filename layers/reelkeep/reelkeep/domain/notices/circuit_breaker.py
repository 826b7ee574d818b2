"""A circuit breaker for each receiver: one that does not answer, or only refuses, gets one message at a time. Pure.

Such a receiver would keep the few workers that deliver busy, while messages of others wait. Its own messages wait as
data, in the order of their tasks, until it takes the one that probes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reelkeep.domain.notices.webhooks import Attempt

FORGOTTEN_AFTER = timedelta(days=1)  # then the receiver counts as new
PROBE_TIME = timedelta(seconds=12)  # a time-out, and some
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=16)
_SLOW_MILLISECONDS = 3000  # a receiver that fails sooner occupies a worker for less time
_STRIKES_TO_OPEN, _STRIKES_OF_A_TIMEOUT = 10, 4  # three time-outs in a row, or ten failures


class Admission(StrEnum):
    """What a message that is due may do."""

    SEND = "send"
    PROBE = "probe"  # send, as the only one: it is not known whether the receiver answers
    WAIT = "wait"  # for the probe of another message, or until it is time for one


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """How one receiver of an owner has answered lately. A new one is half open: the first message is a probe."""

    id: str  # a webhook's, or where callbacks lead
    owner: str
    closed: bool = False  # messages are sent: the receiver takes them
    strikes: int = 0  # for failures in a row, while it is closed
    times_opened: int = 0  # in a row
    open_until: datetime | None = None  # nothing is sent until then
    probing_until: datetime | None = None  # when the probe of a function that died is over
    release_at: datetime | None = None  # when the messages that wait are looked through next
    release_after: str = ""  # the place up to which this was done
    version: int = 0  # of the record; every write names the one that it builds on

    def admission(self, now: datetime) -> Admission:
        if self.closed:
            return Admission.SEND
        return Admission.WAIT if now < self.waits_until(now) else Admission.PROBE

    def waits_until(self, now: datetime) -> datetime:
        """When messages that may not be sent now can be."""
        return now if self.closed else max(now, self.open_until or now, self.probing_until or now)

    def probing(self, now: datetime, jitter: float) -> CircuitBreaker:
        """Open until the probe has an answer, since the function may die while it waits for one."""
        return replace(self._opened(now, jitter), probing_until=now + PROBE_TIME)

    def after(self, attempt: Attempt, admission: Admission, jitter: float) -> CircuitBreaker:
        """After an attempt that was made on this admission. The pause is multiplied by the jitter, so that receivers
        that failed together are not probed together."""
        is_new = admission is Admission.PROBE and self.times_opened == 1
        if attempt.succeeded or (is_new and not _timed_out(attempt)):
            strikes = 0 if attempt.succeeded else 1
            return replace(self, closed=True, strikes=strikes, times_opened=0, open_until=None, probing_until=None)
        if admission is Admission.PROBE:
            return replace(self, probing_until=None)
        if not self.closed:  # another attempt has opened it
            return self
        strikes = self.strikes + (_STRIKES_OF_A_TIMEOUT if _timed_out(attempt) else 1)
        return self._opened(attempt.at, jitter) if strikes >= _STRIKES_TO_OPEN else replace(self, strikes=strikes)

    def _opened(self, now: datetime, jitter: float) -> CircuitBreaker:
        pause = jitter * min(_FIRST_PAUSE * 2 ** min(self.times_opened, 10), _LONGEST_PAUSE)
        return replace(self, closed=False, strikes=0, times_opened=self.times_opened + 1, open_until=now + pause)


def not_tried(now: datetime) -> Attempt:
    return Attempt(at=now, error="not tried: the receiver has taken nothing for a day", milliseconds=0)


def _timed_out(attempt: Attempt) -> bool:
    return attempt.status is None and attempt.milliseconds >= _SLOW_MILLISECONDS
