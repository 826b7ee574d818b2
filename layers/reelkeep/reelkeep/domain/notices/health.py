"""Whether a receiver keeps us waiting in vain: then it is asked by one message at a time, and seldom. Pure.

Who does not answer holds one of the few that deliver for the whole of its time-out, and others' messages wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from reelkeep.domain.notices.webhooks import CALLBACKS, Attempt, Delivery

KNOWN_FOR = timedelta(days=1)  # then a receiver is asked as if it were new
WAIT = 3.0  # seconds, while another message finds out
_ASKING = timedelta(seconds=12)  # a time-out, and some
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(minutes=16)  # it is left alone
_IN_VAIN = 3000  # milliseconds: whoever refuses sooner holds nobody up
_PATIENCE = 3  # attempts in a row, with a receiver that used to answer


class Turn(StrEnum):
    """What a message may do that is due."""

    GO = "go"
    ASK = "ask"  # go, once no other message does so: whether there is an answer is not known
    WAIT = "wait"  # until another message knows
    SKIP = "skip"  # this attempt would be in vain


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one receiver of an owner's has answered lately. Nobody knows at first."""

    id: str  # a webhook's, or where callbacks lead
    owner: str
    answers: bool = False  # something, and in time
    unheard: int = 0  # attempts in a row that were in vain, while it is said to answer
    closed: int = 0  # times in a row that it was found not to answer
    closed_until: datetime | None = None
    asked_until: datetime | None = None
    version: int = 0  # of the record; every write names the one it builds on

    def turn(self, now: datetime) -> Turn:
        if self.answers:
            return Turn.GO
        if self.asked_until and now < self.asked_until:
            return Turn.WAIT
        return Turn.SKIP if self.closed_until and now < self.closed_until else Turn.ASK

    def asked(self, now: datetime) -> Health:
        """Who asks may die of it: until we hear, there is no answer."""
        return replace(self._closed(now), asked_until=now + _ASKING)

    def after(self, attempt: Attempt, turn: Turn) -> Health:
        """`turn` is what the attempt was made on."""
        if turn is Turn.SKIP:
            return self
        if not _was_in_vain(attempt):
            return replace(self, answers=True, unheard=0, closed=0, closed_until=None, asked_until=None)
        if turn is Turn.ASK:
            return replace(self, asked_until=None)
        if not self.answers:  # others found out before
            return self
        unheard = self.unheard + 1
        return self._closed(attempt.at) if unheard >= _PATIENCE else replace(self, unheard=unheard)

    def _closed(self, now: datetime) -> Health:
        pause = min(_SHORTEST * 2 ** min(self.closed, 10), _LONGEST)
        return replace(self, answers=False, unheard=0, closed=self.closed + 1, closed_until=now + pause)


def receiver_of(delivery: Delivery) -> str:
    """A webhook, or the place that callbacks lead to, whatever their paths are."""
    if delivery.webhook_id != CALLBACKS:
        return delivery.webhook_id
    parts = urlsplit(delivery.url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def not_tried(now: datetime) -> Attempt:
    return Attempt(at=now, error="not tried: the receiver kept messages waiting in vain just now", milliseconds=0)


def _was_in_vain(attempt: Attempt) -> bool:
    return attempt.status is None and attempt.milliseconds >= _IN_VAIN
