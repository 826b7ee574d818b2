"""The SNS topic: its subscriptions."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from reelkeep.domain.errors import Conflict, InvalidRequest, LimitReached
from reelkeep.domain.notices.subscription import (
    MATCH_NOTHING,
    Channel,
    EndpointRules,
    Policy,
    SnsState,
    Subscription,
    filter_policy,
)

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# The names in the query protocol and in the JSON protocol.
_GONE = frozenset({"NotFound", "NotFoundException"})
_INVALID = frozenset({"InvalidParameter", "InvalidParameterException", "InvalidParameterValue"})
_FULL = frozenset(
    {
        "FilterPolicyLimitExceeded",
        "FilterPolicyLimitExceededException",
        "SubscriptionLimitExceeded",
        "SubscriptionLimitExceededException",
    }
)


def endpoint_rules(topic_arn: str, *, protocols: Collection[str], allow_private: bool) -> EndpointRules:
    """Queues and functions must be in the region of the topic."""
    _, partition, _, region, *_ = topic_arn.split(":")
    return EndpointRules(protocols, partition, region, allow_private)


class SnsTopic:
    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def subscribe(self, subscription: Subscription) -> str:
        with _translated():
            answer = self._client.subscribe(
                TopicArn=self._topic,
                Protocol=_protocol(subscription),
                Endpoint=subscription.endpoint,
                Attributes={
                    "FilterPolicy": _json(filter_policy(subscription)),
                    "FilterPolicyScope": "MessageAttributes",
                },
                ReturnSubscriptionArn=True,
            )
        arn = answer["SubscriptionArn"]
        return arn if arn.startswith("arn:") else ""

    def state(self, arn: str) -> SnsState:
        try:
            answer = self._client.get_subscription_attributes(SubscriptionArn=arn)
        except ClientError as error:
            if _code(error) in _GONE:
                return SnsState.GONE
            raise
        pending = answer["Attributes"]["PendingConfirmation"] == "true"
        return SnsState.PENDING if pending else SnsState.CONFIRMED

    def set_filter_policy(self, arn: str, policy: Policy) -> None:
        try:
            with _translated():
                self._client.set_subscription_attributes(
                    SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=_json(policy)
                )
        except ClientError as error:
            if _code(error) not in _GONE:
                raise

    def unsubscribe(self, arn: str) -> None:
        """SNS cannot end a subscription that is not confirmed, and keeps it for two days. With a policy that matches
        nothing it delivers nothing, even if it is confirmed by then."""
        try:
            self._client.unsubscribe(SubscriptionArn=arn)
        except ClientError as error:
            if _code(error) in _INVALID and "pending confirmation" in str(error):
                self.set_filter_policy(arn, MATCH_NOTHING)
            elif _code(error) not in _GONE:
                raise


def _protocol(subscription: Subscription) -> str:
    """http is allowed only with private addresses."""
    if subscription.protocol is Channel.HTTPS:
        return urlsplit(subscription.endpoint).scheme
    return subscription.protocol


def _json(policy: Policy) -> str:
    """The same text for the same policy: SNS compares it at a repeated subscription."""
    return json.dumps(policy, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code, message = _code(error), error.response["Error"].get("Message", "")
        if code in _FULL:
            raise LimitReached(
                "this installation has as many subscriptions as its topic takes; contact its operator"
            ) from error
        if code not in _INVALID:
            raise
        if "already exists" in message:
            raise Conflict(
                "SNS has a subscription of this endpoint with another filter: somebody else subscribed it, or it was"
                " removed before it was confirmed, which SNS keeps for two days",
                field="endpoint",
            ) from error
        _, _, reason = message.partition("Reason: ")
        raise InvalidRequest(
            f"endpoint is refused by SNS: {reason or 'it is not valid'}", field="endpoint"
        ) from error


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
