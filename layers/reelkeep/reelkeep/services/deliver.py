"""Deliver: send one message to one webhook, record the attempt, decide when to try again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain.errors import Stale
from reelkeep.domain.notices import circuit_breaker, signatures
from reelkeep.domain.notices.circuit_breaker import Admission, CircuitBreaker
from reelkeep.domain.notices.notice import paused_event, webhook_attributes
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    Attempt,
    Delivery,
    DeliveryMessage,
    Outcome,
    Webhook,
    callbacks_webhook,
)
from reelkeep.ports import CircuitBreakers, Clock, Deliveries, Notices, Outbox, Post, Secret, Unanswered, Webhooks

_CLOCK_TOLERANCE = timedelta(seconds=1)  # clocks differ, and queues count in seconds
_WRITES = 8  # attempts at a record that others write at the same moment


@dataclass(frozen=True, slots=True)
class Deliver:
    """Sends a message of the outbox. A crash between the answer and its record sends it again, under the same id."""

    webhooks: Webhooks
    deliveries: Deliveries
    breakers: CircuitBreakers
    outbox: Outbox
    post: Post
    notices: Notices
    secret: Secret
    clock: Clock
    jitter: Callable[[], float]  # what a wait is multiplied by
    nonce: Callable[[], str]

    def __call__(self, message: DeliveryMessage) -> tuple[Delivery | None, float | None]:
        """The delivery as it is now, None if there is none, and the seconds until its next attempt, None if it is
        done."""
        delivery = self.deliveries.get(message.owner, message.webhook_id, message.delivery_id)
        if delivery is None or not delivery.awaits(message):
            return delivery, None
        now = self.clock()
        if delivery.next_attempt_at and now < delivery.next_attempt_at - _CLOCK_TOLERANCE:
            return delivery, (delivery.next_attempt_at - now).total_seconds()
        webhook = self.webhooks.get(message.owner, message.webhook_id)
        if webhook is None and message.webhook_id == CALLBACKS:
            webhook = callbacks_webhook(message.owner, now)
        if webhook is None or webhook.paused:
            return self._save(replace(delivery, outcome=Outcome.HELD, next_attempt_at=None)), None
        breaker, admission = self._admit(delivery, now)
        match admission:
            case Admission.WAIT:
                return delivery, circuit_breaker.WAIT_SECONDS
            case Admission.SKIP:
                attempt = circuit_breaker.not_tried(now)
            case Admission.SEND | Admission.PROBE:
                attempt = self._attempt(delivery, webhook)
        delivery = delivery.attempted(attempt, self.jitter())
        if delivery.outcome is Outcome.FAILED and not delivery.is_gone:
            self.outbox.dead_letter(delivery)
        delivery = self._save(delivery)
        self._record_answer(breaker, attempt, admission)
        if webhook.id != CALLBACKS:
            self._record_health(webhook, delivery)
        if delivery.next_attempt_at is None or not delivery.awaits(message):
            return delivery, None
        return delivery, max(0.0, (delivery.next_attempt_at - self.clock()).total_seconds())

    def _admit(self, delivery: Delivery, now: datetime) -> tuple[CircuitBreaker, Admission]:
        """Only one message gets to probe a receiver."""
        receiver = circuit_breaker.receiver_of(delivery)
        breaker = self._breaker(delivery.owner, receiver)
        admission = breaker.admission(now)
        if admission is not Admission.PROBE:
            return breaker, admission
        try:
            return self.breakers.save(breaker.probing(now), now), admission
        except Stale:
            return breaker, Admission.WAIT

    def _breaker(self, owner: str, receiver: str) -> CircuitBreaker:
        return self.breakers.get(owner, receiver) or CircuitBreaker(id=receiver, owner=owner)

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
        for _ in range(_WRITES):
            changed = breaker.after(attempt, admission)
            if changed == breaker:
                return
            with suppress(Stale):
                self.breakers.save(changed, attempt.at)
                return
            breaker = self._breaker(breaker.owner, breaker.id)

    def _record_health(self, webhook: Webhook, delivery: Delivery) -> None:
        """Writes only what changes: most deliveries leave the webhook as it is."""
        now = self.clock()
        for _ in range(_WRITES):
            changed = webhook.after(delivery, now)
            if changed == webhook:
                return
            if changed.paused:  # announced before it is recorded: rather twice than never
                event = paused_event(webhook, changed.paused, now)
                self.notices.publish(event, webhook_attributes(event))
            with suppress(Stale):
                self.webhooks.save(changed)
                return
            found = self.webhooks.get(webhook.owner, webhook.id)
            if found is None:
                return
            webhook = found
