"""The queues of deliveries: those that are due, and those that were given up."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from reelkeep.domain.errors import TryLater
from reelkeep.domain.notices.webhooks import Delivery, DeliveryMessage, ReleaseMessage

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_BATCH = 10  # the most that SQS takes at once


class SqsOutbox:
    def __init__(self, client: SQSClient, queue_url: str, dlq_url: str = "") -> None:
        self._client = client
        self._queue = queue_url
        self._dlq = dlq_url

    def put(self, *messages: tuple[DeliveryMessage | ReleaseMessage, float]) -> None:
        """Raises TryLater if SQS takes some of them only."""
        entries = [_entry(number, *message) for number, message in enumerate(messages)]
        for first in range(0, len(entries), _BATCH):
            answer = self._client.send_message_batch(QueueUrl=self._queue, Entries=entries[first : first + _BATCH])
            if failed := answer.get("Failed"):
                raise TryLater(f"the outbox takes {len(failed)} messages not now: {failed[0]['Code']}")

    def dead_letter(self, delivery: Delivery) -> None:
        self._client.send_message(QueueUrl=self._dlq, MessageBody=json.dumps(asdict(delivery.message)))


def _entry(
    number: int, message: DeliveryMessage | ReleaseMessage, seconds: float
) -> SendMessageBatchRequestEntryTypeDef:
    """In a fair queue, the messages of one group do not delay those of others, however many they are. Source:
    docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html"""
    group = message.webhook_id if isinstance(message, DeliveryMessage) else "releases"
    return {
        "Id": str(number),
        "MessageBody": json.dumps(asdict(message)),
        "DelaySeconds": math.ceil(seconds),
        "MessageGroupId": f"{message.owner}.{group}",
    }


def message_of(body: str) -> DeliveryMessage | ReleaseMessage:
    """Raises ValueError, TypeError for a message that this service did not send."""
    fields = json.loads(body)
    return ReleaseMessage(**fields) if "receiver" in fields else DeliveryMessage(**fields)
