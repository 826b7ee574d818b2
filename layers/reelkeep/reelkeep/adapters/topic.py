"""SNS: who gets what is published to the topic."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from reelkeep.domain.errors import Conflict, InvalidRequest, LimitReached
from reelkeep.domain.notices.subscription import NOTHING, Policy, Protocol, Reach, Standing, Subscription, policy

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# As the query protocol and the JSON protocol name them.
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


def reach_of(topic_arn: str, *, protocols: Collection[str], private: bool) -> Reach:
    """Queues and functions must be where the topic is."""
    _, partition, _, region, *_ = topic_arn.split(":")
    return Reach(protocols, partition, region, private)


class SnsTopic:
    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def subscribe(self, subscription: Subscription) -> str:
        with _in_our_words():
            answer = self._client.subscribe(
                TopicArn=self._topic,
                Protocol=_protocol(subscription),
                Endpoint=subscription.endpoint,
                Attributes={"FilterPolicy": _written(policy(subscription)), "FilterPolicyScope": "MessageAttributes"},
                ReturnSubscriptionArn=True,
            )
        arn = answer["SubscriptionArn"]
        return arn if arn.startswith("arn:") else ""

    def standing(self, arn: str) -> Standing:
        try:
            answer = self._client.get_subscription_attributes(SubscriptionArn=arn)
        except ClientError as error:
            if _code(error) in _GONE:
                return Standing.GONE
            raise
        pending = answer["Attributes"]["PendingConfirmation"] == "true"
        return Standing.PENDING if pending else Standing.CONFIRMED

    def narrow(self, arn: str, policy: Policy) -> None:
        try:
            with _in_our_words():
                self._client.set_subscription_attributes(
                    SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=_written(policy)
                )
        except ClientError as error:
            if _code(error) not in _GONE:
                raise

    def unsubscribe(self, arn: str) -> None:
        """SNS keeps a subscription that was never confirmed for two days, whatever one does: that it has a policy
        that nothing fits makes it deliver nothing even if it is confirmed then."""
        try:
            self._client.unsubscribe(SubscriptionArn=arn)
        except ClientError as error:
            if _code(error) in _INVALID and "pending confirmation" in str(error):
                self.narrow(arn, NOTHING)
            elif _code(error) not in _GONE:
                raise


def _protocol(subscription: Subscription) -> str:
    """http only gets here where private addresses are allowed."""
    if subscription.protocol is Protocol.HTTPS:
        return urlsplit(subscription.endpoint).scheme
    return subscription.protocol


def _written(policy: Policy) -> str:
    """The same text for the same policy: SNS compares it when one subscribes again."""
    return json.dumps(policy, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code, message = _code(error), error.response["Error"].get("Message", "")
        if code in _FULL:
            raise LimitReached(
                "this installation has as many subscriptions as its topic takes; ask whoever runs it"
            ) from error
        if code not in _INVALID:
            raise
        if "already exists" in message:
            raise Conflict(
                "SNS knows this endpoint with another filter: somebody else subscribed it, or it was removed before"
                " it was confirmed, which takes SNS two days to forget",
                field="endpoint",
            ) from error
        _, _, reason = message.partition("Reason: ")
        raise InvalidRequest(
            f"endpoint is refused by SNS: {reason or 'it is not valid'}", field="endpoint"
        ) from error


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
