"""Wires the use case Deliver."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from reelkeep.adapters.dynamodb.webhooks import TableCircuitBreakers, TableDeliveries, TableWebhooks
from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.outbox import SqsOutbox, message_of
from reelkeep.domain.notices.webhooks import Delivery
from reelkeep.services.deliver import Deliver
from reelkeep.wiring import platform

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

_JITTER = 0.1  # of a wait, more or less


def build() -> Callable[[SQSRecord], tuple[Delivery | None, bool]]:
    """Attempts the delivery that a message of the queue names: the delivery, and whether the message has to stay."""
    settings = platform.settings
    outbox = SqsOutbox(platform.sqs(), settings.deliveries_url, settings.undelivered_url)
    destinations = Destinations(Outbound(platform.tls()), allow_private=settings.allow_private_webhooks)
    deliver = Deliver(
        webhooks=TableWebhooks(platform.dynamodb(), settings.table),
        deliveries=TableDeliveries(platform.dynamodb(), settings.table),
        breakers=TableCircuitBreakers(platform.dynamodb(), settings.table),
        outbox=outbox,
        post=destinations.post,
        notices=SnsNotices(platform.sns, settings.topic_arn),
        secret=platform.secret(settings.webhook_secret_arn),
        clock=platform.now,
        jitter=lambda: random.uniform(1 - _JITTER, 1 + _JITTER),  # noqa: S311  nothing depends on it
        nonce=lambda: secrets.token_hex(8),
    )

    def attempt(record: SQSRecord) -> tuple[Delivery | None, bool]:
        delivery, seconds = deliver(message_of(record.body))
        if seconds is not None:
            outbox.retry_in(record.receipt_handle, seconds)
        return delivery, seconds is not None

    return attempt
