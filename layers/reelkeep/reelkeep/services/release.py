"""Release: put the messages that wait for a receiver back into the outbox when they are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain.notices.circuit_breaker import PROBE_TIME, Admission, CircuitBreaker
from reelkeep.domain.notices.webhooks import GIVE_UP_AFTER, ReleaseMessage, WaitingDelivery, is_webhook_id
from reelkeep.ports.notices import CircuitBreakers, Outbox, Waiting, Webhooks
from reelkeep.ports.platform import Clock
from reelkeep.services.optimistic import change

LONGEST_DELAY = timedelta(minutes=15)  # of a message in SQS
_LEASE = 2 * LONGEST_DELAY  # a message that got lost is released again after it
_CLOCK_TOLERANCE = timedelta(seconds=1)  # clocks differ, and queues count in seconds
_PAGE, _BATCH = 500, 250  # messages that are read, and released, at once
_BETWEEN_BATCHES = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Release:
    """Lets messages go that wait for a receiver. If it takes messages, these are all that are due, in batches; if it
    does not, the one that probes it and those that have waited for a day.

    As long as messages wait for a release, the outbox has a message for it. Repeating a release is harmless.
    """

    webhooks: Webhooks
    waiting: Waiting
    breakers: CircuitBreakers
    outbox: Outbox
    clock: Clock

    def __call__(self, message: ReleaseMessage) -> int:
        """The number of messages that were released."""
        owner, receiver, now = message.owner, message.receiver, self.clock()
        breaker = self.breaker(owner, receiver)
        if breaker.release_at and now < breaker.release_at - _CLOCK_TOLERANCE:
            return 0  # there is another message, for then
        admission = Admission.SEND if self._is_paused(owner, receiver) else breaker.admission(now)
        # What makes a message wait from here on asks for another release.
        self._change(owner, receiver, lambda breaker: replace(breaker, release_at=None, release_after=""))
        after = breaker.release_after if admission is Admission.SEND else ""
        batch: dict[WaitingDelivery, float] = {}  # and in how many seconds each is due
        next_at = now + LONGEST_DELAY if after else None  # for what came before that place meanwhile
        place, has_probe = "", admission is not Admission.PROBE
        for each, due in self._due(owner, receiver, after):
            if due > now + LONGEST_DELAY:
                next_at = now + LONGEST_DELAY
                continue
            is_expired = each.since is not None and now >= each.since + GIVE_UP_AFTER
            if admission is not Admission.SEND and has_probe and due <= now and not is_expired:
                next_at = max(breaker.waits_until(now), now + PROBE_TIME)
                break
            has_probe = has_probe or due <= now
            batch[each] = max(0.0, (due - now).total_seconds())
            if len(batch) == _BATCH:
                next_at, place = now + _BETWEEN_BATCHES, each.place
                break
        if batch:  # first the lease: the receiver of the message may make it wait for longer
            self.waiting.lease([*batch], now + _LEASE)
            self.outbox.put(*((each.message, seconds) for each, seconds in batch.items()))
        if next_at:
            self.by(owner, receiver, next_at, place)
        return len(batch)

    def by(self, owner: str, receiver: str, at: datetime, place: str = "") -> None:
        """Makes sure of a release at this moment, or sooner."""
        now = self.clock()

        def scheduled(breaker: CircuitBreaker) -> CircuitBreaker:
            # A message that is that late is lost.
            if breaker.release_at and now - LONGEST_DELAY < breaker.release_at <= at:
                return breaker
            seconds = min(at - now, LONGEST_DELAY).total_seconds()
            self.outbox.put((ReleaseMessage(owner, receiver), max(0.0, seconds)))
            return replace(breaker, release_at=now + timedelta(seconds=max(0.0, seconds)), release_after=place)

        self._change(owner, receiver, scheduled)

    def breaker(self, owner: str, receiver: str) -> CircuitBreaker:
        return self.breakers.get(owner, receiver) or CircuitBreaker(id=receiver, owner=owner)

    def _change(self, owner: str, receiver: str, edit: Callable[[CircuitBreaker], CircuitBreaker]) -> None:
        change(lambda: self.breaker(owner, receiver), edit, lambda breaker: self.breakers.save(breaker, self.clock()))

    def _is_paused(self, owner: str, receiver: str) -> bool:
        """Its messages will be held. A callback's receiver is an address, and never paused."""
        if not is_webhook_id(receiver):
            return False
        webhook = self.webhooks.get(owner, receiver)
        return webhook is None or webhook.paused is not None

    def _due(self, owner: str, receiver: str, after: str) -> Iterator[tuple[WaitingDelivery, datetime]]:
        """Without those that the outbox has a message for."""
        while page := self.waiting.page(owner, receiver, after, _PAGE):
            yield from ((each, each.due) for each in page if each.due)
            after = page[-1].place
