"""Accepted provider callbacks in DynamoDB: an item each, that vanishes once nobody could repeat its signature."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from reelkeep.adapters.dynamodb.faults import table_faults

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef


class TableSeenCallbacks:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def contains(self, provider: str, name: str) -> bool:
        with table_faults("provider callbacks could not be read"):
            answer = self._client.get_item(TableName=self._table, Key=_key(provider, name), ConsistentRead=True)
        return "Item" in answer

    def add(self, provider: str, name: str, until: datetime) -> None:
        item = {**_key(provider, name), "expires_at": {"N": str(math.ceil(until.timestamp()))}}
        with table_faults("a provider callback could not be recorded"):
            self._client.put_item(TableName=self._table, Item=item)


def _key(provider: str, name: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"callback#{provider}#{name}"}, "sk": {"S": "callback"}}
