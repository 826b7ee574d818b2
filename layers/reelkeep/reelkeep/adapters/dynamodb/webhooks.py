"""Webhooks, deliveries and circuit breakers in DynamoDB. The owner is part of every key, which keeps owners apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from reelkeep.adapters import documents
from reelkeep.domain.errors import Stale
from reelkeep.domain.notices.circuit_breaker import FORGOTTEN_AFTER, CircuitBreaker
from reelkeep.domain.notices.webhooks import DELIVERY_TTL, Delivery, Webhook

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

Record = TypeVar("Record", Webhook, Delivery, CircuitBreaker)
_LAST = "~"  # comes after every id


class TableWebhooks:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, webhook: Webhook) -> Webhook:
        """Raises Stale if there is one of this id."""
        self._put(webhook, "attribute_not_exists(pk)")
        return webhook

    def get(self, owner: str, webhook_id: str) -> Webhook | None:
        return _get(self._client, self._table, Webhook, _webhook_key(owner, webhook_id))

    def of(self, owner: str) -> list[Webhook]:
        answer = self._client.query(  # some twenty of 10 KB at most: one page holds them
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": _webhook_key(owner, "")["pk"]},
            ConsistentRead=True,
        )
        return [documents.read(Webhook, item["document"]["S"]) for item in answer["Items"]]

    def save(self, webhook: Webhook) -> Webhook:
        saved = replace(webhook, version=webhook.version + 1)
        self._put(saved, "version = :read", ExpressionAttributeValues={":read": {"N": str(webhook.version)}})
        return saved

    def delete(self, owner: str, webhook_id: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_webhook_key(owner, webhook_id))

    def _put(self, webhook: Webhook, condition: str, **expression: Any) -> None:
        key = _webhook_key(webhook.owner, webhook.id)
        _put(self._client, self._table, webhook, key, condition, **expression)


class TableDeliveries:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, delivery: Delivery) -> Delivery:
        try:
            self._put(delivery, "attribute_not_exists(pk)")
        except Stale:
            return self.get(delivery.owner, delivery.webhook_id, delivery.id) or delivery
        return delivery

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        return _get(self._client, self._table, Delivery, _delivery_key(owner, webhook_id, delivery_id))

    def save(self, delivery: Delivery) -> Delivery:
        saved = replace(delivery, version=delivery.version + 1)
        self._put(saved, "version = :read", ExpressionAttributeValues={":read": {"N": str(delivery.version)}})
        return saved

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> Sequence[Delivery]:
        """Fewer than `size` only if there are no more, however much a query of DynamoDB returns at once."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk < :before",
            ExpressionAttributeValues={
                ":pk": _delivery_key(owner, webhook_id, "")["pk"],
                ":before": {"S": before or _LAST},
            },
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": size, "PageSize": size},
        )
        return [documents.read(Delivery, item["document"]["S"]) for page in pages for item in page["Items"]]

    def _put(self, delivery: Delivery, condition: str, **expression: Any) -> None:
        key = _delivery_key(delivery.owner, delivery.webhook_id, delivery.id)
        key["expires_at"] = {"N": str(int((delivery.created_at + DELIVERY_TTL).timestamp()))}
        _put(self._client, self._table, delivery, key, condition, **expression)


class TableCircuitBreakers:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, owner: str, receiver: str) -> CircuitBreaker | None:
        return _get(self._client, self._table, CircuitBreaker, _breaker_key(owner, receiver))

    def save(self, breaker: CircuitBreaker, now: datetime) -> CircuitBreaker:
        saved = replace(breaker, version=breaker.version + 1)
        key = _breaker_key(breaker.owner, breaker.id)
        key["expires_at"] = {"N": str(int((now + FORGOTTEN_AFTER).timestamp()))}
        if breaker.version:
            read = {":read": {"N": str(breaker.version)}}
            _put(self._client, self._table, saved, key, "version = :read", ExpressionAttributeValues=read)
        else:
            _put(self._client, self._table, saved, key, "attribute_not_exists(pk)")
        return saved


def _webhook_key(owner: str, webhook_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"webhooks#{owner}"}, "sk": {"S": webhook_id}}


def _delivery_key(owner: str, webhook_id: str, delivery_id: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"deliveries#{owner}#{webhook_id}"}, "sk": {"S": delivery_id}}


def _breaker_key(owner: str, receiver: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"receivers#{owner}"}, "sk": {"S": receiver}}


def _get(
    client: DynamoDBClient, table: str, kind: type[Record], key: Mapping[str, AttributeValueTypeDef]
) -> Record | None:
    item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return documents.read(kind, item["document"]["S"]) if item else None


def _put(
    client: DynamoDBClient,
    table: str,
    record: Webhook | Delivery | CircuitBreaker,
    key: Mapping[str, AttributeValueTypeDef],
    condition: str,
    **expression: Any,
) -> None:
    """No attribute has the name of an index's key: these are in no index."""
    try:
        client.put_item(
            TableName=table,
            Item={**key, "version": {"N": str(record.version)}, "document": {"S": documents.write(record)}},
            ConditionExpression=condition,
            **expression,
        )
    except client.exceptions.ConditionalCheckFailedException as error:
        raise Stale(f"{record.id} was changed since it was read") from error
