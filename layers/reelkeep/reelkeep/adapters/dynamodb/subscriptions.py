"""Subscriptions in DynamoDB: one partition per owner, one item per endpoint, and a count for the limit."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from reelkeep.adapters import documents
from reelkeep.domain.errors import Conflict, LimitReached, Stale, TryLater
from reelkeep.domain.notices.subscription import MAX_SUBSCRIPTIONS, Subscription

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        DeleteTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

_REMEMBERED = timedelta(days=30)  # after its removal
_COUNT = "#"  # sorts before every id
_ATTEMPTS = 6
_FIRST_PAUSE = 0.05  # seconds; doubles


class TableSubscriptions:
    def __init__(self, client: DynamoDBClient, table: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def add(self, subscription: Subscription) -> None:
        """An endpoint has one owner at a time: SNS would give a second owner the subscription of the first."""
        endpoint: PutTypeDef = {
            "TableName": self._table,
            "Item": {
                **_endpoint_key(subscription),
                "subscriber": {"S": subscription.owner},
                "subscription": {"S": subscription.id},
            },
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        count = self._count(subscription, 1)
        count["ConditionExpression"] = "attribute_not_exists(held) OR held < :most"
        count["ExpressionAttributeValues"] = {
            **count["ExpressionAttributeValues"],
            ":most": {"N": str(MAX_SUBSCRIPTIONS)},
        }
        self._transact([{"Put": self._put(subscription)}, {"Put": endpoint}, {"Update": count}], subscription)

    def get(self, owner: str, subscription_id: str) -> Subscription | None:
        answer = self._client.get_item(TableName=self._table, Key=_key(owner, subscription_id), ConsistentRead=True)
        return _from_item(answer["Item"]) if "document" in answer.get("Item", {}) else None

    def of(self, owner: str) -> list[Subscription]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :owner AND sk > :count",
            ExpressionAttributeValues={":owner": _key(owner, "")["pk"], ":count": {"S": _COUNT}},
            ConsistentRead=True,
        )
        found = (_from_item(item) for page in pages for item in page["Items"])
        return [each for each in found if each.removed_at is None]

    def save(self, subscription: Subscription) -> Subscription:
        saved = replace(subscription, version=subscription.version + 1)
        self._transact([{"Put": self._put(saved, read=subscription.version)}], subscription)
        return saved

    def remove(self, subscription: Subscription, now: datetime) -> None:
        removed = replace(subscription, removed_at=now, version=subscription.version + 1)
        put = self._put(removed, read=subscription.version)
        put["Item"] = {**put["Item"], "expires_at": {"N": str(int((now + _REMEMBERED).timestamp()))}}
        endpoint: DeleteTypeDef = {"TableName": self._table, "Key": _endpoint_key(subscription)}
        self._transact([{"Put": put}, {"Delete": endpoint}, {"Update": self._count(subscription, -1)}], subscription)

    def _count(self, subscription: Subscription, more: int) -> UpdateTypeDef:
        return {
            "TableName": self._table,
            "Key": _key(subscription.owner, _COUNT),
            "UpdateExpression": "ADD held :more",
            "ExpressionAttributeValues": {":more": {"N": str(more)}},
        }

    def _put(self, subscription: Subscription, *, read: int | None = None) -> PutTypeDef:
        """Creates the record, or replaces the version that was read."""
        put: PutTypeDef = {
            "TableName": self._table,
            "Item": {
                **_key(subscription.owner, subscription.id),
                "document": {"S": documents.write(subscription)},
                "version": {"N": str(subscription.version)},
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if read is not None:
            put["ConditionExpression"] = "#version = :read"
            put["ExpressionAttributeNames"] = {"#version": "version"}
            put["ExpressionAttributeValues"] = {":read": {"N": str(read)}}
        return put

    def _transact(self, writes: Sequence[TransactWriteItemTypeDef], subscription: Subscription) -> None:
        """All writes or none. botocore repeats a lost call with the same token, which makes it happen once."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                self._client.transact_write_items(TransactItems=writes)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response["CancellationReasons"]
                if not any(reason["Code"] == "TransactionConflict" for reason in reasons):
                    raise _refusal(subscription, reasons) from error
            else:
                return
        raise TryLater("other changes of these subscriptions are under way")


def _refusal(subscription: Subscription, reasons: Sequence[Mapping[str, Any]]) -> Conflict | LimitReached | Stale:
    """The writes are the record, then the endpoint, then the count."""
    record, *others = [reason["Code"] == "ConditionalCheckFailed" for reason in reasons]
    if others and others[0]:
        taken = reasons[1].get("Item", {})
        own = taken.get("subscriber") == {"S": subscription.owner}
        by = f": your subscription {taken['subscription']['S']}" if own else ""
        return Conflict(f"this endpoint is subscribed already{by}", field="endpoint")
    if record:
        return Stale(f"subscription {subscription.id} was changed since it was read")
    return LimitReached(f"there are {MAX_SUBSCRIPTIONS} subscriptions, which is as many as an owner may have")


def _key(owner: str, name: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"subscriptions#{owner}"}, "sk": {"S": name}}


def _endpoint_key(subscription: Subscription) -> dict[str, AttributeValueTypeDef]:
    """Hashed, because an endpoint may be longer than a key of the table."""
    digest = hashlib.sha256(f"{subscription.protocol} {subscription.endpoint}".encode()).hexdigest()
    return {"pk": {"S": f"subscriptions-endpoint#{digest}"}, "sk": {"S": "endpoint"}}


def _from_item(item: Mapping[str, AttributeValueTypeDef]) -> Subscription:
    return documents.read(Subscription, item["document"]["S"])
