"""A circuit breaker for each receiver: one that lets requests time out gets one message at a time, and seldom. Pure.

Such a receiver occupies one of the few workers that deliver for the whole time-out, while messages of others wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from reelkeep.domain.notices.webhooks import CALLBACKS, Attempt, Delivery

FORGOTTEN_AFTER = timedelta(days=1)  # then the receiver counts as new
WAIT_SECONDS = 3.0  # while another message probes
_PROBE_TIME = timedelta(seconds=12)  # a time-out, and some
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=16)
_SLOW_MILLISECONDS = 3000  # a receiver that fails sooner occupies nobody
_TIMEOUTS_TO_OPEN = 3  # in a row


class Admission(StrEnum):
    """What a message that is due may do."""

    SEND = "send"
    PROBE = "probe"  # send, as the only one: nobody knows whether the receiver answers
    WAIT = "wait"  # for the probe of another message
    SKIP = "skip"  # this attempt would fail


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """How one receiver of an owner has answered lately. A new one is half open: the first message is a probe."""

    id: str  # a webhook's, or where callbacks lead
    owner: str
    closed: bool = False  # messages are sent: the receiver answers in time
    consecutive_timeouts: int = 0  # while it is closed
    times_opened: int = 0  # in a row
    open_until: datetime | None = None  # nothing is sent until then
    probing_until: datetime | None = None  # when the probe of a function that died is over
    version: int = 0  # of the record; every write names the one that it builds on

    def admission(self, now: datetime) -> Admission:
        if self.closed:
            return Admission.SEND
        if self.probing_until and now < self.probing_until:
            return Admission.WAIT
        return Admission.SKIP if self.open_until and now < self.open_until else Admission.PROBE

    def probing(self, now: datetime) -> CircuitBreaker:
        """Open until the probe has an answer, since the function may die while it waits for one."""
        return replace(self._opened(now), probing_until=now + _PROBE_TIME)

    def after(self, attempt: Attempt, admission: Admission) -> CircuitBreaker:
        """After an attempt that was made on this admission."""
        if admission is Admission.SKIP:
            return self
        if not _timed_out(attempt):
            return CircuitBreaker(id=self.id, owner=self.owner, closed=True, version=self.version)
        if admission is Admission.PROBE:
            return replace(self, probing_until=None)
        if not self.closed:  # another attempt has opened it
            return self
        timeouts = self.consecutive_timeouts + 1
        if timeouts >= _TIMEOUTS_TO_OPEN:
            return self._opened(attempt.at)
        return replace(self, consecutive_timeouts=timeouts)

    def _opened(self, now: datetime) -> CircuitBreaker:
        pause = min(_FIRST_PAUSE * 2 ** min(self.times_opened, 10), _LONGEST_PAUSE)
        return replace(
            self, closed=False, consecutive_timeouts=0, times_opened=self.times_opened + 1, open_until=now + pause
        )


def receiver_of(delivery: Delivery) -> str:
    """A webhook, or the scheme and host of a callback, whatever its path is."""
    if delivery.webhook_id != CALLBACKS:
        return delivery.webhook_id
    parts = urlsplit(delivery.url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def not_tried(now: datetime) -> Attempt:
    return Attempt(at=now, error="not tried: the receiver has let requests time out", milliseconds=0)


def _timed_out(attempt: Attempt) -> bool:
    return attempt.status is None and attempt.milliseconds >= _SLOW_MILLISECONDS
