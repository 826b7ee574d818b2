"""SNS: what is told, and what subscribers can filter on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


class SnsNotices:
    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def tell(self, notice: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
        self._client.publish(
            TopicArn=self._topic,
            Message=json.dumps(notice, ensure_ascii=False),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )
