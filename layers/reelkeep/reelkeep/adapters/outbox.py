"""The FIFO queues of deliveries: those that are due, and those that were given up."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from reelkeep.domain.notices.webhooks import Delivery, DeliveryMessage

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


class SqsOutbox:
    def __init__(self, client: SQSClient, queue_url: str, dlq_url: str = "") -> None:
        self._client = client
        self._queue = queue_url
        self._dlq = dlq_url

    def put(self, delivery: Delivery) -> None:
        self._send(self._queue, delivery)

    def dead_letter(self, delivery: Delivery) -> None:
        self._send(self._dlq, delivery)

    def retry_in(self, receipt: str, seconds: float) -> None:
        """The message is received again after this time, and no other message of its group before that."""
        self._client.change_message_visibility(
            QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=max(0, round(seconds))
        )

    def _send(self, queue: str, delivery: Delivery) -> None:
        message = DeliveryMessage(delivery.owner, delivery.webhook_id, delivery.id, delivery.replay_number)
        self._client.send_message(
            QueueUrl=queue,
            MessageBody=json.dumps(asdict(message)),
            MessageGroupId=delivery.message_group,
            MessageDeduplicationId=f"{delivery.id}.{delivery.replay_number}",
        )


def message_of(body: str) -> DeliveryMessage:
    """Raises ValueError, TypeError for a message that this service did not send."""
    return DeliveryMessage(**json.loads(body))
