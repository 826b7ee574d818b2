"""Deliver: send one message to one webhook, record the attempt, decide when to try again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain.errors import Stale
from reelkeep.domain.notices import circuit_breaker, signatures
from reelkeep.domain.notices.circuit_breaker import Admission, CircuitBreaker
from reelkeep.domain.notices.notice import health_event, webhook_attributes
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    GIVE_UP_AFTER,
    Attempt,
    Delivery,
    DeliveryMessage,
    Outcome,
    WaitingDelivery,
    Webhook,
    callbacks_webhook,
)
from reelkeep.ports.notices import CircuitBreakers, Deliveries, Notices, Outbox, Post, Unanswered, Waiting, Webhooks
from reelkeep.ports.platform import Clock, Secret
from reelkeep.services.optimistic import change
from reelkeep.services.release import LONGEST_DELAY, Release

_CLOCK_TOLERANCE = timedelta(seconds=1)  # clocks differ, and queues count in seconds


@dataclass(frozen=True, slots=True)
class Deliver:
    """Sends a message of the outbox. A crash between the answer and its record sends it again, under the same id.

    A message that is not taken waits as data: for a short time with a delayed message in the outbox, otherwise for a
    release of its receiver's.
    """

    webhooks: Webhooks
    deliveries: Deliveries
    waiting: Waiting
    breakers: CircuitBreakers
    release: Release
    outbox: Outbox
    post: Post
    notices: Notices
    secret: Secret
    clock: Clock
    jitter: Callable[[], float]  # what a wait is multiplied by
    nonce: Callable[[], str]

    def __call__(self, message: DeliveryMessage) -> Delivery | None:
        """The delivery as it is now; None if there is none."""
        delivery = self.deliveries.get(message.owner, message.webhook_id, message.delivery_id)
        if delivery is None:
            return None
        sent = replace(delivery, replay_number=message.replay_number)  # what the message was sent for
        if not delivery.awaits(message):
            return self._done(sent, delivery)
        now = self.clock()
        first = self.waiting.first(delivery)
        if first is None or first.message != message:
            self.waiting.put(delivery.waiting)  # which it does already, unless version 0.2.0 put it into its queue
            first = self.waiting.first(delivery)
        if first and first.message != message:
            return delivery  # it is sent when the one before it is done
        if delivery.next_attempt_at and now < delivery.next_attempt_at - _CLOCK_TOLERANCE:
            return delivery  # a copy of a message that is still to come
        webhook = self.webhooks.get(message.owner, message.webhook_id)
        if webhook is None and message.webhook_id == CALLBACKS:
            webhook = callbacks_webhook(message.owner, now)
        if webhook is None or webhook.paused:
            return self._done(sent, self._save(replace(delivery, outcome=Outcome.HELD, next_attempt_at=None)))
        breaker, admission = self._admit(delivery, now)
        if admission is not Admission.WAIT:
            attempt = self._attempt(delivery, webhook)
            delivery = delivery.attempted(attempt, self.jitter())
        elif first and first.since and now >= first.since + GIVE_UP_AFTER:
            attempt = circuit_breaker.not_tried(now)
            delivery = replace(delivery.attempted(attempt, 1), outcome=Outcome.FAILED, next_attempt_at=None)
        else:
            self._wait_for_release(first or delivery.waiting, now, release_at=breaker.waits_until(now))
            return delivery
        if delivery.outcome is Outcome.FAILED and not delivery.is_gone:
            self.outbox.dead_letter(delivery)
        if delivery.next_attempt_at:  # before it is recorded: a message that is repeated then is no early copy
            self._wait(first or delivery.waiting, delivery.next_attempt_at)
        delivery = self._save(delivery)
        self._record_answer(breaker, attempt, admission)
        if webhook.id != CALLBACKS:
            self._record_health(webhook, delivery)
        return delivery if delivery.awaits(message) else self._done(sent, delivery)

    def _done(self, sent: Delivery, delivery: Delivery) -> Delivery:
        """Nothing waits for this message any more: the next one of its group is due."""
        self.waiting.remove(sent)
        if following := self.waiting.first(sent):
            self.outbox.put((following.message, 0))
        return delivery

    def _wait(self, waiting: WaitingDelivery, due: datetime) -> None:
        now = self.clock()
        if due <= now + LONGEST_DELAY:
            self.outbox.put((waiting.message, max(0.0, (due - now).total_seconds())))
        else:
            self._wait_for_release(waiting, due, release_at=now + LONGEST_DELAY)

    def _wait_for_release(self, waiting: WaitingDelivery, due: datetime, *, release_at: datetime) -> None:
        self.waiting.put(replace(waiting, due=due, since=waiting.since or self.clock()))
        self.release.by(waiting.message.owner, waiting.receiver, release_at)

    def _admit(self, delivery: Delivery, now: datetime) -> tuple[CircuitBreaker, Admission]:
        """Only one message gets to probe a receiver."""
        breaker = self.release.breaker(delivery.owner, delivery.receiver)
        admission = breaker.admission(now)
        if admission is not Admission.PROBE:
            return breaker, admission
        try:
            return self.breakers.save(breaker.probing(now, self.jitter()), now), admission
        except Stale:
            return breaker, Admission.WAIT

    def _attempt(self, delivery: Delivery, webhook: Webhook) -> Attempt:
        url, body, now = webhook.url or delivery.url, delivery.body.encode(errors="replace"), self.clock()
        master = self.secret.value()
        secrets = [
            signatures.secret_of(master, webhook.owner, webhook.id, generation)
            for generation in webhook.generations(now)
        ]
        headers = {"content-type": delivery.content_type, **signatures.standard(delivery.id, body, secrets, now)}
        if delivery.scheme == "vidu":  # it has room for one signature: by the previous secret while that is valid
            headers |= signatures.vidu(url, self.nonce(), secrets[-1], now)
        status, error = None, ""
        try:
            status = self.post(url, headers, body)
        except Unanswered as unanswered:
            error = str(unanswered)
        milliseconds = round((self.clock() - now).total_seconds() * 1000)
        return Attempt(at=self.clock(), status=status, error=error, milliseconds=milliseconds)

    def _save(self, delivery: Delivery) -> Delivery:
        """A replay that was asked for meanwhile wins."""
        try:
            return self.deliveries.save(delivery)
        except Stale:
            return self.deliveries.get(delivery.owner, delivery.webhook_id, delivery.id) or delivery

    def _record_answer(self, breaker: CircuitBreaker, attempt: Attempt, admission: Admission) -> None:
        """Writes only what changes: most receivers answer."""
        with suppress(Stale):  # others have recorded theirs
            changed = change(
                lambda: self.release.breaker(breaker.owner, breaker.id),
                lambda breaker: breaker.after(attempt, admission, self.jitter()),
                lambda breaker: self.breakers.save(breaker, attempt.at),
                found=breaker,
            )
            if changed.closed and not breaker.closed and changed.release_at:
                self.release.by(breaker.owner, breaker.id, self.clock())

    def _record_health(self, webhook: Webhook, delivery: Delivery) -> None:
        """Writes only what changes: most deliveries leave the webhook as it is."""
        now = self.clock()

        def read() -> Webhook:
            found = self.webhooks.get(webhook.owner, webhook.id)
            if found is None:
                raise Stale(f"webhook {webhook.id} was deleted")
            return found

        def edit(webhook: Webhook) -> Webhook:
            changed = webhook.after(delivery, now)
            if changed.paused or (changed.reported and not webhook.reported):
                event = health_event(changed, now)  # published before it is recorded: rather twice than never
                self.notices.publish(event, webhook_attributes(event))
            return changed

        with suppress(Stale):
            change(read, edit, self.webhooks.save, found=webhook)
