"""The ledger in DynamoDB: a task's entries beside its record, and sums of a day in one partition.

An entry, the sums and the counts of limits that it changes are written in one transaction, on the condition that no
other entry has its number. A sum is spread over as many items as tasks have shards, so that parallel functions seldom
meet at one.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.counters import change_of
from reelkeep.adapters.dynamodb.faults import table_faults, transact
from reelkeep.domain.counts import settled
from reelkeep.domain.errors import Stale
from reelkeep.domain.ledger import MOST_TAGS, Account, Balance, Entry
from reelkeep.domain.task import Task
from reelkeep.ports.platform import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

_TAGS_KEPT = timedelta(days=10)  # a task's first entry comes within a day
_MOST_ADMITTED = 10_000  # sets of tags that a function remembers
_SUMS: dict[str, Any] = {each.name: each.type for each in fields(Balance)}


class TableLedger:
    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._table = table
        self._pause = pause
        self._clock = clock
        self._admitted: set[tuple[str, date, str]] = set()

    def entries(self, task_id: str) -> list[Entry]:
        items = self._query(f"task#{task_id}", "entry#")
        return [documents.read(Entry, item["document"]["S"]) for item in items]

    def add(self, task: Task, before: Sequence[Entry], entries: Sequence[Entry]) -> None:
        task_id = task.id
        writes = [write for entry in entries for write in (self._entry(task_id, entry), self._sum(task_id, entry))]
        if changes := settled(task, before, entries, self._clock().date()):
            writes.append(change_of(self._table, task.owner, changes))
        what = f"the ledger of task {task_id} could not be written"
        if transact(self._client, writes, what, self._pause):
            raise Stale(f"the ledger of task {task_id} has such an entry")

    def admits(self, owner: str, day: date, tags: tuple[str, ...]) -> bool:
        """An owner's sets of a day are one item, of 8 KB at most, that each of them is written into once by each
        function that meets it."""
        known = sha256("\n".join(tags).encode()).hexdigest()[:12]
        if (owner, day, known) in self._admitted:
            return True
        try:
            with table_faults("the tags of a day could not be recorded"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": f"spend#{owner}"}, "sk": {"S": f"tags#{day}"}},
                    UpdateExpression="SET expires_at = :expiry ADD #known :known",
                    ConditionExpression=(
                        "attribute_not_exists(#known) OR size(#known) < :most OR contains(#known, :tags)"
                    ),
                    ExpressionAttributeNames={"#known": "known"},
                    ExpressionAttributeValues={
                        ":known": {"SS": [known]},
                        ":tags": {"S": known},
                        ":most": {"N": str(MOST_TAGS)},
                        ":expiry": {"N": str(calendar.timegm((day + _TAGS_KEPT).timetuple()))},
                    },
                )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        if len(self._admitted) >= _MOST_ADMITTED:
            self._admitted.clear()
        self._admitted.add((owner, day, known))
        return True

    def sums(self, day: date, owner: str | None) -> Iterator[tuple[Account, Balance]]:
        for item in self._query(f"usage#{day}", f"{owner}#" if owner else ""):
            numbers = {name: item[name]["N"] for name in _SUMS}
            whole = {name: int(numbers[name]) for name in ("tasks", "tasks_charged", "unpriced")}
            balance = Balance(**{name: Decimal(text) for name, text in numbers.items()} | cast("Any", whole))
            yield documents.read(Account, item["account"]["S"]), balance

    def _entry(self, task_id: str, entry: Entry) -> TransactWriteItemTypeDef:
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": {"S": f"task#{task_id}"},
                    "sk": {"S": f"entry#{entry.number:04}"},
                    "document": {"S": documents.write(entry)},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _sum(self, task_id: str, entry: Entry) -> TransactWriteItemTypeDef:
        account = entry.account
        values: dict[str, AttributeValueTypeDef] = {
            f":{name}": {"N": f"{Decimal(getattr(entry.change, name)):f}"} for name in _SUMS
        }
        return {
            "Update": {
                "TableName": self._table,
                "Key": {
                    "pk": {"S": f"usage#{account.day}"},
                    "sk": {"S": f"{account.owner}#{task_id[-1]}{account.digest}"},
                },
                "UpdateExpression": f"SET account = :account ADD {', '.join(f'{name} :{name}' for name in _SUMS)}",
                "ExpressionAttributeValues": {":account": {"S": documents.write(account)}, **values},
            }
        }

    def _query(self, partition: str, begins: str) -> Iterator[dict[str, AttributeValueTypeDef]]:
        condition, values = "pk = :partition", {":partition": {"S": partition}}
        if begins:
            condition, values = f"{condition} AND begins_with(sk, :begins)", values | {":begins": {"S": begins}}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=cast("Any", values),
            ConsistentRead=True,
        )
        with table_faults("the ledger could not be read"):
            for page in pages:
                yield from page["Items"]
