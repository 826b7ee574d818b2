"""What went wrong with providers, in DynamoDB: an item for each kind of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.redaction import redact
from reelkeep.domain.upstream import Health, Trouble
from reelkeep.ports.platform import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_WRITTEN_EVERY = timedelta(minutes=1)  # by one function, however many calls fail
_KEPT = timedelta(days=30)
_LONGEST = 300  # characters of a message


class TableTroubles:
    """What is noted is written at the end of an invocation, by `flush`: no record of a task waits for it."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._noted: dict[tuple[str, Health], Trouble] = {}
        self._written: dict[tuple[str, Health], datetime] = {}

    def note(self, provider: str, kind: Health, message: str) -> None:
        now = self._clock()
        if now - self._written.get((provider, kind), now - _WRITTEN_EVERY) >= _WRITTEN_EVERY:
            text = redact(message)[:_LONGEST]
            self._noted[provider, kind] = Trouble(kind=kind, message=text, since=now, last_at=now)

    def flush(self) -> None:
        """What cannot be written is forgotten: it comes again."""
        while self._noted:
            (provider, kind), trouble = self._noted.popitem()
            self._written[provider, kind] = trouble.last_at
            with suppress(Exception):  # whatever it is, the invocation has done its work
                self._write(provider, trouble)

    def all(self, provider: str) -> list[Trouble]:
        with table_faults("a provider's troubles could not be read"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :partition",
                ExpressionAttributeValues={":partition": {"S": f"troubles#{provider}"}},
            )
        return [_trouble(item) for item in answer["Items"]]

    def _write(self, provider: str, trouble: Trouble) -> None:
        """Functions may write at the same moment: one of them begins the trouble, the others go on with it."""
        key: dict[str, AttributeValueTypeDef] = {"pk": {"S": f"troubles#{provider}"}, "sk": {"S": trouble.kind}}
        with table_faults("a provider's trouble could not be recorded"):
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            known = _trouble(answer["Item"]) if "Item" in answer else None
            since = known.since if known and known.goes_on(trouble.last_at) else trouble.since
            item: dict[str, AttributeValueTypeDef] = {
                "message": {"S": trouble.message},
                "since": {"S": since.isoformat()},
                "last_at": {"S": trouble.last_at.isoformat()},
                "expires_at": {"N": str(math.ceil((trouble.last_at + _KEPT).timestamp()))},
            }
            self._client.put_item(TableName=self._table, Item={**key, **item})


def _trouble(item: Mapping[str, AttributeValueTypeDef]) -> Trouble:
    return Trouble(
        kind=Health(item["sk"]["S"]),
        message=item["message"]["S"],
        since=datetime.fromisoformat(item["since"]["S"]),
        last_at=datetime.fromisoformat(item["last_at"]["S"]),
    )
