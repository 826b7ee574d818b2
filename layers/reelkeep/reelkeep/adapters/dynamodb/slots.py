"""Providers' slots in DynamoDB: leases, what was learned, and the line of those who wait.

Each provider has three partitions, so that none of them takes more than two writes a task. Nothing is counted up or
down: what is held is read from the leases, and each write is conditional on what it was decided by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.room import InLine, Lease, Limit, Turn, joining_number
from reelkeep.domain.watch import WATCH

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_Item: TypeAlias = "Mapping[str, AttributeValueTypeDef]"
_LIMIT = "limit"
_SLOT = "slot#"
_REPORT = "reports#"
_MOST_REPORTS = 4  # callbacks, missed ones, the watch, and that the list shows nothing
_MOST_COUNTED = 2_000  # tasks in line, for operators
_KEPT = timedelta(days=8)  # longer than any task waits or takes; DynamoDB deletes what is forgotten

# No attribute is named as those of the table's indexes: none of these is a task.


class TableSlots:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # --- what was learned ---

    def learned(self, provider: str) -> Limit | None:
        with table_faults("a provider's slots could not be read"):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(f"slots#{provider}", _LIMIT), ConsistentRead=True
            )
        return _limit(answer["Item"]) if "Item" in answer else None

    def learn(self, provider: str, limit: Limit) -> None:
        self._put(
            _key(f"slots#{provider}", _LIMIT)
            | {
                "slots": {"N": str(limit.slots)},
                "try_more_at": {"S": limit.try_more_at.isoformat()},
                "pause": {"N": str(int(limit.pause.total_seconds()))},
            }
        )

    # --- leases ---

    def leases(self, provider: str) -> tuple[Limit | None, list[Lease]]:
        items = self._query(f"slots#{provider}")  # with the few reports of ends
        limit = next((_limit(item) for item in items if item["sk"]["S"] == _LIMIT), None)
        return limit, [_lease(item) for item in items if item["sk"]["S"].startswith(_SLOT)]

    def lease(self, provider: str, lease: Lease) -> bool:
        return self._put(
            _key(f"slots#{provider}", f"{_SLOT}{lease.slot}")
            | {
                "held_by": {"S": lease.task_id},
                "until": {"S": lease.until.isoformat()},
                "expires_at": _expiry(lease.until),
            },
            ConditionExpression="attribute_not_exists(pk) OR held_by = :task",
            ExpressionAttributeValues={":task": {"S": lease.task_id}},
        )

    def give_back(self, provider: str, slot: str, task_id: str) -> None:
        self._delete(
            _key(f"slots#{provider}", f"{_SLOT}{slot}"),
            ConditionExpression="held_by = :task",
            ExpressionAttributeValues={":task": {"S": task_id}},
        )

    # --- what reports ends ---

    def end_reports(self, provider: str, most_held: int = 0) -> tuple[Mapping[str, datetime], int]:
        with table_faults("a provider's slots could not be read"):
            items = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :partition AND sk >= :first",  # slots follow these
                ExpressionAttributeValues={":partition": {"S": f"slots#{provider}"}, ":first": {"S": _REPORT}},
                Limit=_MOST_REPORTS + most_held,
            )["Items"]
        reports = {
            item["sk"]["S"].removeprefix(_REPORT): datetime.fromisoformat(item["until"]["S"])
            for item in items
            if item["sk"]["S"].startswith(_REPORT)
        }
        return reports, min(most_held, len(items) - len(reports))

    def record_end_report(self, provider: str, name: str, until: datetime) -> None:
        more: dict[str, AttributeValueTypeDef] = {"until": {"S": until.isoformat()}, "expires_at": _expiry(until)}
        self._put(_key(f"slots#{provider}", f"{_REPORT}{name}") | more)

    def hold_watch(self, provider: str, name: str, until: datetime, now: datetime) -> bool:
        return self._put(
            _key(f"slots#{provider}", f"{_REPORT}{WATCH}")
            | {"held_by": {"S": name}, "until": {"S": until.isoformat()}, "expires_at": _expiry(until)},
            ConditionExpression="attribute_not_exists(pk) OR held_by = :watch OR #until <= :now",
            ExpressionAttributeNames={"#until": "until"},
            ExpressionAttributeValues={":watch": {"S": name}, ":now": {"S": now.isoformat()}},
        )

    # --- the line ---

    def join(self, waiting: InLine, now: datetime) -> None:
        self._put(_waiting_key(waiting) | {"expires_at": _expiry(now)})
        with table_faults("a task could not be put in line"):  # after it, so that the round never ends without it
            self._client.update_item(
                TableName=self._table,
                Key=_key(f"turns#{waiting.provider}", waiting.owner),
                UpdateExpression="SET turn = if_not_exists(turn, :number), expires_at = :expiry ADD joined :one",
                ExpressionAttributeValues={
                    ":number": {"N": str(joining_number(now))},
                    ":expiry": _expiry(now),
                    ":one": {"N": "1"},
                },
            )

    def withdraw(self, waiting: InLine) -> bool:
        return self._delete(_waiting_key(waiting), ConditionExpression="attribute_exists(pk)")

    def first(self, provider: str, owner: str) -> InLine | None:
        items = self._query(f"line#{provider}", f"{owner}#", Limit=1)
        return _waiting(provider, items[0]) if items else None

    def line(self, provider: str, owner: str, most: int) -> list[InLine]:
        items = self._query(f"line#{provider}", f"{owner}#", consistent=False, Limit=most)
        return [_waiting(provider, item) for item in items]

    def count_line(self, provider: str) -> tuple[int, bool]:
        with table_faults("a provider's line could not be counted"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :partition",
                ExpressionAttributeValues={":partition": {"S": f"line#{provider}"}},
                Select="COUNT",
                Limit=_MOST_COUNTED,
            )
        return answer["Count"], "LastEvaluatedKey" in answer

    # --- the round ---

    def turns(self, provider: str) -> list[Turn]:
        return [
            Turn(item["sk"]["S"], int(item["turn"]["N"]), int(item["joined"]["N"]))
            for item in self._query(f"turns#{provider}")
        ]

    def is_waited_for(self, provider: str) -> bool:
        return bool(self._query(f"turns#{provider}", Limit=1))

    def advance(self, provider: str, owner: str, number: int) -> None:
        with table_faults("a turn could not be recorded"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(f"turns#{provider}", owner),
                    UpdateExpression="SET turn = :number",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":number": {"N": str(number)}},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return  # its round ended meanwhile

    def end_turns(self, provider: str, turn: Turn) -> None:
        self._delete(
            _key(f"turns#{provider}", turn.owner),
            ConditionExpression="joined = :joined",
            ExpressionAttributeValues={":joined": {"N": str(turn.joined)}},
        )

    # ----------------------------------------------------------------------------------------------------------

    def _query(self, partition: str, begins: str = "", *, consistent: bool = True, **more: Any) -> list[_Item]:
        """One page: 1 MB, some ten thousand items of these."""
        condition, values = "pk = :partition", {":partition": {"S": partition}}
        if begins:
            condition, values = f"{condition} AND begins_with(sk, :begins)", values | {":begins": {"S": begins}}
        with table_faults("a provider's slots could not be read"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=consistent,
                **more,
            )
        return list(answer["Items"])

    def _put(self, item: dict[str, AttributeValueTypeDef], **condition: Any) -> bool:
        """Whether the condition was met."""
        with table_faults("a provider's slots could not be recorded"):
            try:
                self._client.put_item(TableName=self._table, Item=item, **condition)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    def _delete(self, key: dict[str, AttributeValueTypeDef], **condition: Any) -> bool:
        """Whether the condition was met."""
        with table_faults("a provider's slots could not be recorded"):
            try:
                self._client.delete_item(TableName=self._table, Key=key, **condition)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


def _key(partition: str, sort: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _waiting_key(waiting: InLine) -> dict[str, AttributeValueTypeDef]:
    return _key(f"line#{waiting.provider}", f"{waiting.owner}#{waiting.urgency}#{waiting.task_id}")


def _waiting(provider: str, item: _Item) -> InLine:
    owner, urgency, task_id = item["sk"]["S"].split("#")
    return InLine(provider, owner, int(urgency), task_id)


def _expiry(now: datetime) -> AttributeValueTypeDef:
    return {"N": str(math.ceil((now + _KEPT).timestamp()))}


def _limit(item: _Item) -> Limit:
    return Limit(
        slots=int(item["slots"]["N"]),
        try_more_at=datetime.fromisoformat(item["try_more_at"]["S"]),
        pause=timedelta(seconds=int(item["pause"]["N"])),
    )


def _lease(item: _Item) -> Lease:
    slot = item["sk"]["S"].removeprefix(_SLOT)
    return Lease(slot, item["held_by"]["S"], datetime.fromisoformat(item["until"]["S"]))
