"""A line to AWS on which answers get lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass
class LosesAnswers:
    """Lets writes through, and loses the answers to the first ones."""

    answers: int = 1
    sent: int = 0

    def between(self, client: DynamoDBClient) -> None:
        client.meta.events.register("before-send.dynamodb.PutItem", self._send)

    def _send(self, request: AWSPreparedRequest, **_: object) -> None:
        self.sent += 1
        if self.sent <= self.answers:
            session = URLLib3Session()
            session.send(request)
            session.close()
            raise ConnectionClosedError(endpoint_url=request.url)
