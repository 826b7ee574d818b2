"""The dead-letter queue, in SQS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reelkeep.domain.dead_letters import DeadLetter

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef


class DeadLetterQueue:
    """The queue. What is read is hidden from other readers for a while, until it is put back."""

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def count(self) -> int:
        """About how many there are, also such as somebody reads just now."""
        found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    def all(self, *, hidden_seconds: int, most: float = math.inf) -> list[DeadLetter]:
        """Oldest first. Of very many, some ten more than `most` at the most."""
        found: dict[str, DeadLetter] = {}
        while len(found) < most and (messages := self._receive(hidden_seconds)):
            found |= {message.id: message for message in map(_dead_letter, messages)}
        return sorted(found.values(), key=lambda message: message.sent_at)

    def _receive(self, hidden_seconds: int) -> list[MessageTypeDef]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,  # asks all of the queue's servers, not only some
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def put_back(self, messages: Sequence[DeadLetter]) -> None:
        for first in range(0, len(messages), 10):
            self._client.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.receipt, "VisibilityTimeout": 0}
                    for number, message in enumerate(messages[first : first + 10])
                ],
            )

    def delete(self, message: DeadLetter) -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)


def _dead_letter(message: MessageTypeDef) -> DeadLetter:
    sent = int(message.get("Attributes", {}).get("SentTimestamp", "0"))
    attributes = message.get("MessageAttributes", {})
    return DeadLetter(
        id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        sent_at=datetime.fromtimestamp(sent / 1000, UTC),
        body=message["Body"],
        attributes={name: value.get("StringValue", "") for name, value in attributes.items()},
    )
