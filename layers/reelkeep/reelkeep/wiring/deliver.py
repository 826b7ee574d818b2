"""Deliver: one message to one webhook."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableHealths, TableWebhooks
from reelkeep.adapters.http.destinations import Destinations
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.outbox import SqsOutbox, ticket_of
from reelkeep.domain.notices.webhooks import Delivery
from reelkeep.services.deliver import deliver
from reelkeep.wiring import platform

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

_JITTER = 0.1  # of a wait, more or less


def build() -> Callable[[SQSRecord], tuple[Delivery | None, bool]]:
    """Attempts the delivery that a record of the queue names: how it is now, and whether the message has to stay."""
    settings = platform.settings
    outbox = SqsOutbox(platform.sqs(), settings.deliveries_url, settings.undelivered_url)
    destinations = Destinations(Outbound(platform.tls()), allow_private=settings.allow_private_webhooks)
    send = partial(
        deliver,
        webhooks=TableWebhooks(platform.dynamodb(), settings.table),
        deliveries=TableDeliveries(platform.dynamodb(), settings.table),
        healths=TableHealths(platform.dynamodb(), settings.table),
        outbox=outbox,
        post=destinations.post,
        notices=SnsNotices(platform.sns, settings.topic_arn),
        secret=platform.secret(settings.webhook_secret_arn),
        clock=platform.now,
        jitter=lambda: random.uniform(1 - _JITTER, 1 + _JITTER),  # noqa: S311  nothing depends on it
        nonce=lambda: secrets.token_hex(8),
    )

    def attempt(record: SQSRecord) -> tuple[Delivery | None, bool]:
        ticket = ticket_of(record.body)
        delivery, seconds = send(ticket.owner, ticket.webhook_id, ticket.delivery_id, ticket.round)
        if seconds is not None:
            outbox.come_back(record.receipt_handle, seconds)
        return delivery, seconds is not None

    return attempt
