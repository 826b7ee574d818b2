"""Publishes notifications to the SNS topic."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sns.type_defs import MessageAttributeValueTypeDef


class SnsNotices:
    def __init__(self, client: Callable[[], SNSClient], topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def publish(self, notice: Mapping[str, Any], attributes: Mapping[str, str | Sequence[str]]) -> None:
        self._client().publish(
            TopicArn=self._topic,
            Message=json.dumps(notice, ensure_ascii=False),
            MessageAttributes={name: _attribute(value) for name, value in attributes.items()},
        )


def _attribute(value: str | Sequence[str]) -> MessageAttributeValueTypeDef:
    """A filter matches each item of a list."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": _printable(value)}
    return {"DataType": "String.Array", "StringValue": json.dumps(value, ensure_ascii=False)}


def _printable(text: str) -> str:
    """A model may have any name. SNS accepts a value with a tab in it, and then delivers the notification to no
    subscription with a filter (metric NumberOfNotificationsFilteredOut-InvalidAttributes)."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
