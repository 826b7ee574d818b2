"""Webhooks, as their owner manages them: what is told where, its secret, and what was delivered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from reelkeep.domain.errors import InvalidRequest, NotAllowed, NotFound, Stale
from reelkeep.domain.notices import signatures
from reelkeep.domain.notices.notice import test_event
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    MOST,
    USUALLY_TOLD,
    Deliverable,
    Delivery,
    DeliveryPage,
    Disclosed,
    Form,
    Pause,
    Wanted,
    Webhook,
    Wish,
    is_delivery_id,
    is_webhook_id,
    new_delivery_id,
    of_callbacks,
)
from reelkeep.ports import Caller, Clock, Deliveries, Destinations, Outbox, Secret, Webhooks

_TRIES = 8


def create(
    wish: Wish,
    caller: Caller,
    *,
    webhooks: Webhooks,
    destinations: Destinations,
    secret: Secret,
    clock: Clock,
    new_id: Callable[[datetime], str],
) -> Disclosed:
    """Raises InvalidRequest for an address that cannot be told anything, and for one webhook too many."""
    destinations.check(wish.url or "", "url")
    if len(every(None, caller, webhooks=webhooks)) >= MOST:
        raise _too_many()
    now = clock()
    webhook = Webhook(
        id=new_id(now),
        owner=caller.owner,
        url=wish.url or "",
        states=USUALLY_TOLD if wish.states is None else wish.states,
        form=wish.form or Form.EVENT,
        description=wish.description or "",
        paused=Pause.OWNER if wish.active is False else None,
        created_at=now,
    )
    made = webhooks.create(webhook)
    if len(every(None, caller, webhooks=webhooks)) > MOST:  # others were made at the same moment
        webhooks.delete(caller.owner, made.id)
        raise _too_many()
    return _disclosed(made, secret)


def _too_many() -> InvalidRequest:
    return InvalidRequest(f"there are {MOST} webhooks already: delete one of them first")


def every(_: None, caller: Caller, *, webhooks: Webhooks) -> Sequence[Webhook]:
    """Without the one of the callbacks, which is there for everybody."""
    return [webhook for webhook in webhooks.of(caller.owner) if webhook.id != CALLBACKS]


def show(webhook_id: str, caller: Caller, *, webhooks: Webhooks, clock: Clock) -> Webhook:
    """Raises NotFound for one that is not there or not this owner's: the two look the same from outside."""
    found = webhooks.get(caller.owner, webhook_id) if is_webhook_id(webhook_id) else None
    if found is None and webhook_id == CALLBACKS:
        return of_callbacks(caller.owner, clock())
    if found is None:
        raise NotFound(f"there is no webhook {webhook_id[:64]}", field="webhook_id")
    return found


def change(wish: Wish, caller: Caller, *, webhooks: Webhooks, destinations: Destinations, clock: Clock) -> Webhook:
    """Raises InvalidRequest, NotFound, NotAllowed."""
    _not_of_callbacks(wish.webhook_id)
    if wish.url is not None:
        destinations.check(wish.url, "url")

    def wished(webhook: Webhook) -> Webhook:
        changed = replace(
            webhook,
            url=webhook.url if wish.url is None else wish.url,
            states=webhook.states if wish.states is None else wish.states,
            form=wish.form or webhook.form,
            description=webhook.description if wish.description is None else wish.description,
        )
        match wish.active:
            case None:
                return changed
            case True:
                return changed.resumed()
            case False:
                return replace(changed, paused=webhook.paused or Pause.OWNER)

    return _changed(wish.webhook_id, caller, wished, webhooks=webhooks, clock=clock)


def delete(webhook_id: str, caller: Caller, *, webhooks: Webhooks, clock: Clock) -> None:
    """Raises NotFound, NotAllowed."""
    _not_of_callbacks(webhook_id)
    webhook = show(webhook_id, caller, webhooks=webhooks, clock=clock)
    webhooks.delete(caller.owner, webhook.id)


def rotate(webhook_id: str, caller: Caller, *, webhooks: Webhooks, secret: Secret, clock: Clock) -> Disclosed:
    """A new secret; the one before signs along for a day. Raises NotFound."""
    now = clock()
    webhook = _changed(webhook_id, caller, lambda webhook: webhook.rotated(now), webhooks=webhooks, clock=clock)
    return _disclosed(webhook, secret)


def list_deliveries(
    wanted: Wanted, caller: Caller, *, webhooks: Webhooks, deliveries: Deliveries, clock: Clock
) -> DeliveryPage:
    """Newest first. Raises NotFound."""
    webhook = show(wanted.webhook_id, caller, webhooks=webhooks, clock=clock)
    found = tuple(deliveries.page(caller.owner, webhook.id, wanted.size + 1, wanted.cursor))
    shown = found[: wanted.size]
    return DeliveryPage(shown, shown[-1].id if len(found) > len(shown) else "")


def show_delivery(
    named: Deliverable, caller: Caller, *, webhooks: Webhooks, deliveries: Deliveries, clock: Clock
) -> Delivery:
    """Raises NotFound."""
    webhook = show(named.webhook_id, caller, webhooks=webhooks, clock=clock)
    known = is_delivery_id(named.delivery_id)
    delivery = deliveries.get(caller.owner, webhook.id, named.delivery_id) if known else None
    if delivery is None:
        raise NotFound(f"there is no delivery {named.delivery_id[:64]}", field="delivery_id")
    return delivery


def replay(
    named: Deliverable,
    caller: Caller,
    *,
    webhooks: Webhooks,
    deliveries: Deliveries,
    outbox: Outbox,
    clock: Clock,
) -> Delivery:
    """Sends it once more, now, under the same id; what was still to be tried of it is not. Raises NotFound, and
    InvalidRequest while the webhook is paused."""
    webhook = show(named.webhook_id, caller, webhooks=webhooks, clock=clock)
    _running(webhook)
    for _ in range(_TRIES):
        delivery = show_delivery(named, caller, webhooks=webhooks, deliveries=deliveries, clock=clock)
        try:
            saved = deliveries.save(delivery.replayed(clock()))
        except Stale:
            continue
        outbox.put(saved)
        return saved
    raise Stale(f"delivery {named.delivery_id} changes too often")


def test(
    webhook_id: str,
    caller: Caller,
    *,
    webhooks: Webhooks,
    deliveries: Deliveries,
    outbox: Outbox,
    clock: Clock,
) -> Delivery:
    """Sends an event that says nothing else. Raises NotFound, NotAllowed, and InvalidRequest while it is paused."""
    _not_of_callbacks(webhook_id)
    webhook = show(webhook_id, caller, webhooks=webhooks, clock=clock)
    _running(webhook)
    now = clock()
    delivery_id = new_delivery_id(now)
    delivery = Delivery(
        id=delivery_id,
        owner=caller.owner,
        webhook_id=webhook.id,
        event="test",
        url=webhook.url,
        body=json.dumps(test_event(delivery_id, webhook, now)),
        content_type="application/cloudevents+json",
        created_at=now,
    )
    outbox.put(deliveries.add(delivery))
    return delivery


def _running(webhook: Webhook) -> None:
    if webhook.paused:
        raise InvalidRequest(f"the webhook {webhook.id} is paused: resume it first", field="active")


def _not_of_callbacks(webhook_id: str) -> None:
    if webhook_id == CALLBACKS:
        raise NotAllowed("where callbacks go is up to each task: only their secret and deliveries are managed here")


def _changed(
    webhook_id: str, caller: Caller, change: Callable[[Webhook], Webhook], *, webhooks: Webhooks, clock: Clock
) -> Webhook:
    """Whoever else is changing it at the same moment."""
    for _ in range(_TRIES):
        webhook = show(webhook_id, caller, webhooks=webhooks, clock=clock)
        changed = change(webhook)
        try:
            return webhooks.create(changed) if webhook.generation == 0 else webhooks.save(changed)
        except Stale:
            continue
    raise Stale(f"webhook {webhook_id} changes too often")


def _disclosed(webhook: Webhook, secret: Secret) -> Disclosed:
    return Disclosed(webhook, signatures.secret_of(secret.value(), webhook.owner, webhook.id, webhook.generation))
