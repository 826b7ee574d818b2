"""Deliver: send one message to one webhook, write down what came of it, and say when to try again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from reelkeep.domain.errors import Stale
from reelkeep.domain.notices import health, signatures
from reelkeep.domain.notices.health import Health, Turn
from reelkeep.domain.notices.notice import paused_event, webhook_attributes
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    FAILING_FOR,
    Attempt,
    Delivery,
    Outcome,
    Pause,
    Webhook,
    of_callbacks,
)
from reelkeep.ports import Clock, Deliveries, Healths, Notices, Outbox, Post, Secret, Unanswered, Webhooks

_EARLY = timedelta(seconds=1)  # clocks differ, and queues count in seconds
_TRIES = 8


def deliver(
    owner: str,
    webhook_id: str,
    delivery_id: str,
    round: int,
    *,
    webhooks: Webhooks,
    deliveries: Deliveries,
    healths: Healths,
    outbox: Outbox,
    post: Post,
    notices: Notices,
    secret: Secret,
    clock: Clock,
    jitter: Callable[[], float],
    nonce: Callable[[], str],
) -> tuple[Delivery | None, float | None]:
    """The delivery as it is now, None if there is none, and the seconds until it wants another attempt, None if it
    is through.

    A fault between the answer and its record sends the message once more, under the same id.
    """
    delivery = deliveries.get(owner, webhook_id, delivery_id)
    if delivery is None or delivery.round != round or delivery.outcome is not Outcome.WAITING:
        return delivery, None
    now = clock()
    if delivery.next_attempt_at and now < delivery.next_attempt_at - _EARLY:
        return delivery, (delivery.next_attempt_at - now).total_seconds()
    webhook = webhooks.get(owner, webhook_id)
    if webhook is None and webhook_id == CALLBACKS:
        webhook = of_callbacks(owner, now)
    if webhook is None or webhook.paused:
        return _saved(replace(delivery, outcome=Outcome.HELD, next_attempt_at=None), deliveries=deliveries), None
    known, turn = _turn(delivery, healths=healths, now=now)
    match turn:
        case Turn.WAIT:
            return delivery, health.WAIT
        case Turn.SKIP:
            attempt = health.not_tried(now)
        case Turn.GO | Turn.ASK:
            attempt = _attempt(delivery, webhook, post=post, secret=secret, clock=clock, nonce=nonce)
    delivery = delivery.attempted(attempt, jitter())
    if delivery.outcome is Outcome.FAILED and not delivery.refused_for_ever:
        outbox.bury(delivery)
    delivery = _saved(delivery, deliveries=deliveries)
    _note_answer(known, attempt, turn, healths=healths)
    if webhook_id != CALLBACKS:
        _note_health(webhook, delivery, webhooks=webhooks, notices=notices, now=clock())
    if delivery.next_attempt_at is None or delivery.round != round:
        return delivery, None
    return delivery, max(0.0, (delivery.next_attempt_at - clock()).total_seconds())


def _turn(delivery: Delivery, *, healths: Healths, now: datetime) -> tuple[Health, Turn]:
    """What the message may do, and what is known of its receiver; a turn to ask is ours alone."""
    receiver = health.receiver_of(delivery)
    known = healths.get(delivery.owner, receiver) or Health(id=receiver, owner=delivery.owner)
    turn = known.turn(now)
    if turn is not Turn.ASK:
        return known, turn
    try:
        return healths.save(known.asked(now), now), turn
    except Stale:
        return known, Turn.WAIT


def _note_answer(known: Health, attempt: Attempt, turn: Turn, *, healths: Healths) -> None:
    """Written only when it changes: most receivers answer."""
    for _ in range(_TRIES):
        changed = known.after(attempt, turn)
        if changed == known:
            return
        with suppress(Stale):
            healths.save(changed, attempt.at)
            return
        known = healths.get(known.owner, known.id) or Health(id=known.id, owner=known.owner)


def _attempt(
    delivery: Delivery, webhook: Webhook, *, post: Post, secret: Secret, clock: Clock, nonce: Callable[[], str]
) -> Attempt:
    url = webhook.url or delivery.url
    body, now = delivery.body.encode(errors="replace"), clock()
    master = secret.value()
    secrets = [
        signatures.secret_of(master, webhook.owner, webhook.id, generation) for generation in webhook.generations(now)
    ]
    headers = {"content-type": delivery.content_type, **signatures.standard(delivery.id, body, secrets, now)}
    if delivery.scheme == "vidu":  # one signature only: the secret that was there first, until its time is over
        headers |= signatures.vidu(url, nonce(), secrets[-1], now)
    status, error = None, ""
    try:
        status = post(url, headers, body)
    except Unanswered as unanswered:
        error = str(unanswered)
    milliseconds = round((clock() - now).total_seconds() * 1000)
    return Attempt(at=clock(), status=status, error=error, milliseconds=milliseconds)


def _saved(delivery: Delivery, *, deliveries: Deliveries) -> Delivery:
    """If its owner had it sent again meanwhile, that record stands."""
    try:
        return deliveries.save(delivery)
    except Stale:
        return deliveries.get(delivery.owner, delivery.webhook_id, delivery.id) or delivery


def _note_health(
    webhook: Webhook, delivery: Delivery, *, webhooks: Webhooks, notices: Notices, now: datetime
) -> None:
    """Written only when it changes: most deliveries leave the webhook as it is."""
    for _ in range(_TRIES):
        changed = _after(webhook, delivery, now)
        if changed == webhook:
            return
        if changed.paused:  # told before it is recorded: rather twice than not at all
            event = paused_event(webhook, changed.paused, now)
            notices.publish(event, webhook_attributes(event))
        with suppress(Stale):
            webhooks.save(changed)
            return
        found = webhooks.get(webhook.owner, webhook.id)
        if found is None:
            return
        webhook = found


def _after(webhook: Webhook, delivery: Delivery, now: datetime) -> Webhook:
    if webhook.paused:
        return webhook
    if delivery.outcome is Outcome.DELIVERED:
        return replace(webhook, failing_since=None)
    if delivery.refused_for_ever:
        return replace(webhook, paused=Pause.GONE)
    since = webhook.failing_since or now
    if delivery.outcome is Outcome.FAILED and now - since >= FAILING_FOR:
        return replace(webhook, failing_since=since, paused=Pause.FAILING)
    return replace(webhook, failing_since=since)
