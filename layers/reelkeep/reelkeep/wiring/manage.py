"""Manage: what an owner has beside its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.subscriptions import TableSubscriptions
from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableWebhooks
from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.guard import resolve
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.outbox import SqsOutbox
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.adapters.topic import SnsTopic, reach_of
from reelkeep.api import Api
from reelkeep.dialects import upstream
from reelkeep.domain.notices.webhooks import new_webhook_id
from reelkeep.ports import Caller
from reelkeep.services import subscriptions, webhooks
from reelkeep.wiring import platform


def build() -> Api:
    settings = platform.settings
    secret = platform.secret(settings.providers_secret_arn)
    outbound = Outbound(platform.tls())
    providers = ConfiguredProviders(secret, upstream, outbound)
    return Api(
        keys=TableKeys(platform.dynamodb(), settings.table),
        logger=platform.logger(),
        services={"list_providers": lambda *_: providers.all(), **_subscriptions(), **_of_webhooks(outbound)},
    )


def _subscriptions() -> dict[str, Callable[[Any, Caller], Any]]:
    """What is asked of an owner's subscriptions, by name."""
    settings = platform.settings
    kept: dict[str, Any] = {
        "subscriptions": TableSubscriptions(platform.dynamodb(), settings.table),
        "topic": SnsTopic(platform.sns(), settings.topic_arn),
    }
    reach = reach_of(
        settings.topic_arn, protocols=settings.subscription_protocols, private=settings.allow_private_webhooks
    )
    return {
        "subscribe": partial(subscriptions.subscribe, **kept, reach=reach, resolve=resolve, clock=platform.now),
        "list_subscriptions": lambda _, caller: subscriptions.list_subscriptions(caller, **kept),
        "show_subscription": partial(subscriptions.show, **kept),
        "change_subscription": partial(subscriptions.change, **kept, clock=platform.now),
        "unsubscribe": partial(subscriptions.unsubscribe, **kept, clock=platform.now),
    }


def _of_webhooks(outbound: Outbound) -> Mapping[str, Callable[..., Any]]:
    settings = platform.settings
    hooks = TableWebhooks(platform.dynamodb(), settings.table)
    deliveries = TableDeliveries(platform.dynamodb(), settings.table)
    outbox = SqsOutbox(platform.sqs(), settings.deliveries_url)
    secret = platform.secret(settings.webhook_secret_arn)
    destinations = Destinations(outbound, allow_private=settings.allow_private_webhooks)
    at = partial(partial, webhooks=hooks, clock=platform.now)
    return {
        "create_webhook": at(webhooks.create, destinations=destinations, secret=secret, new_id=new_webhook_id),
        "list_webhooks": partial(webhooks.every, webhooks=hooks),
        "show_webhook": at(webhooks.show),
        "change_webhook": at(webhooks.change, destinations=destinations),
        "delete_webhook": at(webhooks.delete),
        "rotate_webhook": at(webhooks.rotate, secret=secret),
        "test_webhook": at(webhooks.test, deliveries=deliveries, outbox=outbox),
        "list_deliveries": at(webhooks.list_deliveries, deliveries=deliveries),
        "show_delivery": at(webhooks.show_delivery, deliveries=deliveries),
        "replay_delivery": at(webhooks.replay, deliveries=deliveries, outbox=outbox),
    }
