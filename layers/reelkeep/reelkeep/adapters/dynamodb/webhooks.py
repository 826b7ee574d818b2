"""Webhooks, deliveries, what waits for each receiver, and circuit breakers, in DynamoDB. The owner is part of every
key, which keeps owners apart. No attribute has the name of an index's key: these are in no index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from reelkeep.adapters import documents
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.notices.circuit_breaker import FORGOTTEN_AFTER, CircuitBreaker
from reelkeep.domain.notices.webhooks import DELIVERY_TTL, Delivery, WaitingDelivery, Webhook

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]
    Key = dict[str, AttributeValueTypeDef]

Record = TypeVar("Record", Webhook, Delivery, CircuitBreaker)
_LAST = "~"  # comes after every id
_WRITE_BATCH = 25  # items, the most that DynamoDB takes at once


@dataclass(frozen=True, slots=True)
class _Items:
    client: DynamoDBClient
    table: str

    def _read(self, kind: type[Record], key: Key) -> Record | None:
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return documents.read(kind, item["document"]["S"]) if item else None

    def _write(self, record: Record, key: Key, expires_at: datetime | None = None, *, read: int | None) -> Record:
        """Creates the record, or replaces the version that was read. Raises Stale."""
        expires = {"expires_at": _number(expires_at)} if expires_at else {}
        version, document = {"N": str(record.version)}, {"S": documents.write(record)}
        condition: Any = {"ConditionExpression": "attribute_not_exists(pk)"}
        if read is not None:
            values = {":read": {"N": str(read)}}
            condition = {"ConditionExpression": "version = :read", "ExpressionAttributeValues": values}
        try:
            self.client.put_item(
                TableName=self.table, Item={**key, **expires, "version": version, "document": document}, **condition
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Stale(f"{record.id} was changed since it was read") from error
        return record

    def _query(self, condition: str, values: Key, **options: Any) -> Sequence[Item]:
        return self.client.query(
            TableName=self.table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **options
        )["Items"]


class TableWebhooks(_Items):
    def create(self, webhook: Webhook) -> Webhook:
        return self._write(webhook, _webhook_key(webhook.owner, webhook.id), read=None)

    def get(self, owner: str, webhook_id: str) -> Webhook | None:
        return self._read(Webhook, _webhook_key(owner, webhook_id))

    def of(self, owner: str) -> list[Webhook]:
        values = {":pk": _webhook_key(owner, "")["pk"]}
        found = self._query("pk = :pk", values, ConsistentRead=True)  # some twenty of 10 KB: one page holds them
        return [documents.read(Webhook, item["document"]["S"]) for item in found]

    def save(self, webhook: Webhook) -> Webhook:
        saved = replace(webhook, version=webhook.version + 1)
        return self._write(saved, _webhook_key(webhook.owner, webhook.id), read=webhook.version)

    def delete(self, owner: str, webhook_id: str) -> None:
        self.client.delete_item(TableName=self.table, Key=_webhook_key(owner, webhook_id))


class TableDeliveries(_Items):
    def add(self, delivery: Delivery) -> Delivery:
        try:
            return self._put(delivery, read=None)
        except Stale:
            return self.get(delivery.owner, delivery.webhook_id, delivery.id) or delivery

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        return self._read(Delivery, _delivery_key(owner, webhook_id, delivery_id))

    def save(self, delivery: Delivery) -> Delivery:
        return self._put(replace(delivery, version=delivery.version + 1), read=delivery.version)

    def page(self, owner: str, webhook_id: str, size: int, before: str = "") -> Sequence[Delivery]:
        """Fewer than `size` only if there are no more, however much a query of DynamoDB returns at once."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk < :before",
            ExpressionAttributeValues={
                ":pk": _delivery_key(owner, webhook_id, "")["pk"],
                ":before": {"S": before or _LAST},
            },
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": size, "PageSize": size},
        )
        return [documents.read(Delivery, item["document"]["S"]) for page in pages for item in page["Items"]]

    def delete(self, delivery: Delivery) -> None:
        key = _delivery_key(delivery.owner, delivery.webhook_id, delivery.id)
        self.client.delete_item(TableName=self.table, Key=key)

    def _put(self, delivery: Delivery, *, read: int | None) -> Delivery:
        key = _delivery_key(delivery.owner, delivery.webhook_id, delivery.id)
        return self._write(delivery, key, delivery.created_at + DELIVERY_TTL, read=read)


class TableWaiting(_Items):
    """Small items, beside the records of the deliveries, sorted by their place among a receiver's."""

    def put(self, waiting: WaitingDelivery) -> None:
        self.client.put_item(TableName=self.table, Item=_waiting_item(waiting))

    def lease(self, waiting: Sequence[WaitingDelivery], due: datetime) -> None:
        """Raises TryLater if DynamoDB takes some of them only."""
        items = [_waiting_item(replace(each, due=due)) for each in waiting]
        for first in range(0, len(items), _WRITE_BATCH):
            puts: Any = [{"PutRequest": {"Item": item}} for item in items[first : first + _WRITE_BATCH]]
            answer = self.client.batch_write_item(RequestItems={self.table: puts})
            if answer.get("UnprocessedItems"):
                raise TryLater("the table is too busy for what waits")

    def first(self, delivery: Delivery) -> WaitingDelivery | None:
        key = _waiting_key(delivery.owner, delivery.receiver, f"{delivery.group}#")
        values = {":pk": key["pk"], ":group": key["sk"]}
        found = self._query("pk = :pk AND begins_with(sk, :group)", values, ConsistentRead=True, Limit=1)
        return _waiting(found[0]) if found else None

    def remove(self, delivery: Delivery) -> None:
        key = _waiting_key(delivery.owner, delivery.receiver, delivery.place)
        self.client.delete_item(TableName=self.table, Key=key)

    def page(self, owner: str, receiver: str, after: str, size: int) -> list[WaitingDelivery]:
        key = _waiting_key(owner, receiver, after or " ")
        values = {":pk": key["pk"], ":after": key["sk"]}
        found = self._query("pk = :pk AND sk > :after", values, ConsistentRead=True, Limit=size)
        return [_waiting(item) for item in found]


class TableCircuitBreakers(_Items):
    def get(self, owner: str, receiver: str) -> CircuitBreaker | None:
        return self._read(CircuitBreaker, _breaker_key(owner, receiver))

    def save(self, breaker: CircuitBreaker, now: datetime) -> CircuitBreaker:
        saved = replace(breaker, version=breaker.version + 1)
        key = _breaker_key(breaker.owner, breaker.id)
        return self._write(saved, key, now + FORGOTTEN_AFTER, read=breaker.version or None)


def _webhook_key(owner: str, webhook_id: str) -> Key:
    return {"pk": {"S": f"webhooks#{owner}"}, "sk": {"S": webhook_id}}


def _delivery_key(owner: str, webhook_id: str, delivery_id: str) -> Key:
    return {"pk": {"S": f"deliveries#{owner}#{webhook_id}"}, "sk": {"S": delivery_id}}


def _breaker_key(owner: str, receiver: str) -> Key:
    return {"pk": {"S": f"receivers#{owner}"}, "sk": {"S": receiver}}


def _waiting_key(owner: str, receiver: str, place: str) -> Key:
    return {"pk": {"S": f"waiting#{owner}#{receiver}"}, "sk": {"S": place}}


def _waiting_item(waiting: WaitingDelivery) -> Item:
    key = _waiting_key(waiting.message.owner, waiting.receiver, waiting.place)
    return {**key, "expires_at": _number(waiting.expires_at), "document": {"S": documents.write(waiting)}}


def _waiting(item: Item) -> WaitingDelivery:
    return documents.read(WaitingDelivery, item["document"]["S"])


def _number(moment: datetime) -> AttributeValueTypeDef:
    return {"N": str(int(moment.timestamp()))}
