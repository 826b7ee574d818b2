"""The last balance that each account told, in DynamoDB: an item each."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.drift import Reading

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_KEPT = timedelta(days=30)


class TableBalances:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def last(self, account: str) -> Reading | None:
        with table_faults("a balance could not be read"):
            answer = self._client.get_item(TableName=self._table, Key=_key(account), ConsistentRead=True)
        return documents.read(Reading, answer["Item"]["document"]["S"]) if "Item" in answer else None

    def save(self, account: str, reading: Reading) -> None:
        expiry = {"N": str(math.ceil((reading.at + _KEPT).timestamp()))}
        item = {**_key(account), "document": {"S": documents.write(reading)}, "expires_at": expiry}
        with table_faults("a balance could not be recorded"):
            self._client.put_item(TableName=self._table, Item=item)


def _key(account: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"balance#{account}"}, "sk": {"S": "balance"}}
