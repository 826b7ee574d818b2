"""Wires the use cases Deliver and Release."""

from __future__ import annotations

import random
import secrets

from reelkeep.adapters.dynamodb.webhooks import TableCircuitBreakers, TableDeliveries, TableWaiting, TableWebhooks
from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.outbox import SqsOutbox
from reelkeep.services.deliver import Deliver
from reelkeep.services.release import Release
from reelkeep.wiring import platform

_JITTER = 0.1  # of a wait, more or less


def build() -> tuple[Deliver, Release]:
    settings, dynamodb = platform.settings, platform.dynamodb()
    webhooks, waiting = TableWebhooks(dynamodb, settings.table), TableWaiting(dynamodb, settings.table)
    breakers = TableCircuitBreakers(dynamodb, settings.table)
    outbox = SqsOutbox(platform.sqs(), settings.deliveries_url, settings.undelivered_url)
    destinations = Destinations(Outbound(platform.tls()), allow_private=settings.allow_private_webhooks)
    release = Release(webhooks=webhooks, waiting=waiting, breakers=breakers, outbox=outbox, clock=platform.now)
    deliver = Deliver(
        webhooks=webhooks,
        deliveries=TableDeliveries(dynamodb, settings.table),
        waiting=waiting,
        breakers=breakers,
        release=release,
        outbox=outbox,
        post=destinations.post,
        notices=SnsNotices(platform.sns, settings.topic_arn),
        secret=platform.secret(settings.webhook_secret_arn),
        clock=platform.now,
        jitter=lambda: random.uniform(1 - _JITTER, 1 + _JITTER),  # noqa: S311  nothing depends on it
        nonce=lambda: secrets.token_hex(8),
    )
    return deliver, release
