"""Webhooks: how an owner manages them, their secrets and their deliveries."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reelkeep.domain.errors import InvalidRequest, NotAllowed, NotFound
from reelkeep.domain.notices import signatures
from reelkeep.domain.notices.notice import test_event
from reelkeep.domain.notices.webhooks import (
    CALLBACKS,
    MAX_WEBHOOKS,
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    DeliveryRef,
    Webhook,
    WebhookSettings,
    WebhookWithSecret,
    callbacks_webhook,
    is_delivery_id,
    is_webhook_id,
    new_delivery_id,
    new_webhook_id,
)
from reelkeep.ports.notices import Deliveries, Destinations, Outbox, Waiting, Webhooks
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock, Secret
from reelkeep.services.optimistic import change


@dataclass(frozen=True, slots=True)
class ManageWebhooks:
    """What an owner may do with its webhooks.

    Every method that names a webhook raises NotFound for one that does not exist or belongs to another owner.
    """

    webhooks: Webhooks
    deliveries: Deliveries
    waiting: Waiting
    outbox: Outbox
    destinations: Destinations
    secret: Secret
    clock: Clock
    new_id: Callable[[datetime], str] = new_webhook_id

    def create(self, settings: WebhookSettings, caller: Caller) -> WebhookWithSecret:
        """Raises InvalidRequest for an address that cannot receive messages, and for one webhook too many."""
        self.destinations.check(settings.url or "", "url")
        if len(self.list(None, caller)) >= MAX_WEBHOOKS:
            raise _too_many()
        now = self.clock()
        made = Webhook(id=self.new_id(now), owner=caller.owner, created_at=now).with_settings(settings)
        self.webhooks.create(made)
        if len(self.list(None, caller)) > MAX_WEBHOOKS:  # others were made at the same moment
            self.webhooks.delete(caller.owner, made.id)
            raise _too_many()
        return self._with_secret(made)

    def list(self, _: None, caller: Caller) -> Sequence[Webhook]:
        """Without `callbacks`, which every owner has."""
        return [webhook for webhook in self.webhooks.of(caller.owner) if webhook.id != CALLBACKS]

    def show(self, webhook_id: str, caller: Caller) -> Webhook:
        found = self.webhooks.get(caller.owner, webhook_id) if is_webhook_id(webhook_id) else None
        if found is None and webhook_id == CALLBACKS:
            return callbacks_webhook(caller.owner, self.clock())
        if found is None:
            raise NotFound(f"there is no webhook {webhook_id[:64]}", field="webhook_id")
        return found

    def change(self, settings: WebhookSettings, caller: Caller) -> Webhook:
        """Raises InvalidRequest, NotAllowed."""
        _refuse_callbacks(settings.webhook_id)
        if settings.url is not None:
            self.destinations.check(settings.url, "url")
        return self._change(settings.webhook_id, caller, lambda webhook: webhook.with_settings(settings))

    def delete(self, webhook_id: str, caller: Caller) -> None:
        """Raises NotAllowed."""
        _refuse_callbacks(webhook_id)
        self.webhooks.delete(caller.owner, self.show(webhook_id, caller).id)

    def rotate(self, webhook_id: str, caller: Caller) -> WebhookWithSecret:
        """Another secret. The previous one signs, too, for a day."""
        now = self.clock()
        return self._with_secret(self._change(webhook_id, caller, lambda webhook: webhook.rotated(now)))

    def test(self, webhook_id: str, caller: Caller) -> Delivery:
        """Sends a test event. Raises NotAllowed, and InvalidRequest while the webhook is paused."""
        _refuse_callbacks(webhook_id)
        webhook = self._running(webhook_id, caller)
        now = self.clock()
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
        return self._send(self.deliveries.add(delivery))

    def list_deliveries(self, query: DeliveryQuery, caller: Caller) -> DeliveryPage:
        webhook = self.show(query.webhook_id, caller)
        found = tuple(self.deliveries.page(caller.owner, webhook.id, query.size + 1, query.cursor))
        page = found[: query.size]
        return DeliveryPage(page, page[-1].id if len(found) > len(page) else "")

    def show_delivery(self, ref: DeliveryRef, caller: Caller) -> Delivery:
        """Raises NotFound for an unknown delivery, too."""
        webhook = self.show(ref.webhook_id, caller)
        is_id = is_delivery_id(ref.delivery_id)
        delivery = self.deliveries.get(caller.owner, webhook.id, ref.delivery_id) if is_id else None
        if delivery is None:
            raise NotFound(f"there is no delivery {ref.delivery_id[:64]}", field="delivery_id")
        return delivery

    def replay(self, ref: DeliveryRef, caller: Caller) -> Delivery:
        """Sends the message again, now, under the same id, instead of attempts that were still to come.

        Raises InvalidRequest while the webhook is paused.
        """
        self._running(ref.webhook_id, caller)
        delivery = change(
            lambda: self.show_delivery(ref, caller),
            lambda delivery: delivery.replayed(self.clock()),
            self.deliveries.save,
        )
        before = replace(delivery, replay_number=delivery.replay_number - 1)
        self.waiting.remove(before)
        if following := self.waiting.first(before):  # it waits for this one no longer
            self.outbox.put((following.message, 0))
        return self._send(delivery)

    def _send(self, delivery: Delivery) -> Delivery:
        self.waiting.put(delivery.waiting)
        self.outbox.put((delivery.message, 0))
        return delivery

    def _running(self, webhook_id: str, caller: Caller) -> Webhook:
        webhook = self.show(webhook_id, caller)
        if webhook.paused:
            raise InvalidRequest(f"the webhook {webhook.id} is paused: resume it first", field="active")
        return webhook

    def _change(self, webhook_id: str, caller: Caller, edit: Callable[[Webhook], Webhook]) -> Webhook:
        def save(webhook: Webhook) -> Webhook:  # the webhook of callbacks is recorded with its first secret
            is_new = webhook.id == CALLBACKS and webhook.generation == 1
            return self.webhooks.create(webhook) if is_new else self.webhooks.save(webhook)

        return change(lambda: self.show(webhook_id, caller), edit, save)

    def _with_secret(self, webhook: Webhook) -> WebhookWithSecret:
        master = self.secret.value()
        return WebhookWithSecret(webhook, signatures.secret_of(master, webhook.owner, webhook.id, webhook.generation))


def _too_many() -> InvalidRequest:
    return InvalidRequest(f"there are {MAX_WEBHOOKS} webhooks already: delete one of them first")


def _refuse_callbacks(webhook_id: str) -> None:
    if webhook_id == CALLBACKS:
        raise NotAllowed("where callbacks go is up to each task: only their secret and deliveries are managed here")
