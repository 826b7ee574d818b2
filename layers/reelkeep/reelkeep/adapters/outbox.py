"""SQS: the queue of what is to be delivered, and the one of what was given up. Both are FIFO."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelkeep.domain.notices.webhooks import Delivery

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Ticket:
    """A message of the queue: ids only."""

    owner: str
    webhook_id: str
    delivery_id: str
    round: int


class SqsOutbox:
    def __init__(self, client: SQSClient, queue_url: str, dead_letters_url: str = "") -> None:
        self._client = client
        self._queue = queue_url
        self._dead_letters = dead_letters_url

    def put(self, delivery: Delivery) -> None:
        self._send(self._queue, delivery)

    def bury(self, delivery: Delivery) -> None:
        self._send(self._dead_letters, delivery)

    def come_back(self, receipt: str, seconds: float) -> None:
        """The message is handed out again then, and until then no other of its group."""
        self._client.change_message_visibility(
            QueueUrl=self._queue, ReceiptHandle=receipt, VisibilityTimeout=max(0, round(seconds))
        )

    def _send(self, queue: str, delivery: Delivery) -> None:
        ticket = {
            "owner": delivery.owner,
            "webhook_id": delivery.webhook_id,
            "delivery_id": delivery.id,
            "round": delivery.round,
        }
        self._client.send_message(
            QueueUrl=queue,
            MessageBody=json.dumps(ticket),
            MessageGroupId=delivery.group,
            MessageDeduplicationId=f"{delivery.id}.{delivery.round}",
        )


def ticket_of(body: str) -> Ticket:
    """Raises ValueError, TypeError for a message that this service did not send."""
    return Ticket(**json.loads(body))
