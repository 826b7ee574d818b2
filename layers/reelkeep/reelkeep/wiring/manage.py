"""Manage: what an owner has beside its tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reelkeep.adapters.keys import TableKeys
from reelkeep.adapters.names import resolve
from reelkeep.adapters.outbound import Outbound
from reelkeep.adapters.providers import ConfiguredProviders
from reelkeep.adapters.secrets import Secret
from reelkeep.adapters.subscriptions import TableSubscriptions
from reelkeep.adapters.topic import SnsTopic, reach_of
from reelkeep.api import Api
from reelkeep.dialects import upstream
from reelkeep.ports import Caller
from reelkeep.services import subscriptions
from reelkeep.wiring import platform


def build() -> Api:
    settings = platform.settings
    secret = Secret(platform.secretsmanager(), settings.providers_secret_arn, platform.now)
    providers = ConfiguredProviders(secret, upstream, Outbound(platform.tls()))
    return Api(
        keys=TableKeys(platform.dynamodb(), settings.table),
        logger=platform.logger(),
        services={"list_providers": lambda *_: providers.all(), **_subscriptions()},
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
