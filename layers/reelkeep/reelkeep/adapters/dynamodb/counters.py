"""The counts that limits are checked by: one item an owner, `spend#<owner>` / `counts`.

Its attributes are numbers. `at_once` counts the tasks that are under way, `minute_tasks` the submissions of `minute`
(minutes since 1970), `tasks:2026-12-01` the tasks of a day, `money:2026-12-01:USD` and `money:2026-12:USD` what they
cost, reserved and charged. The same with the id of a key before it (`019b91e7fc00a1b2.at_once`) counts for a key that
has limits of its own. `day` is the day of the last submission; `changed_at` is when a submission was counted last,
`checked_at` the last of these that the counts were compared after, `submissions` how many were counted in all. An
owner without limits has no such item, or one that is out of date: `services/owners.py` says when it is rebuilt.

What is not there is 0. Submissions are counted by one conditional update, whatever follows by the transactions that
add to the ledger (`adapters/dynamodb/ledger.py`).
"""

from __future__ import annotations

import math
import random
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import ClientError

from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.counts import NUMBER, Changes, Counts, Demand
from reelkeep.domain.errors import TryLater

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

_Item: TypeAlias = "Mapping[str, AttributeValueTypeDef]"
_FAULT = "what counts against limits could not be recorded"
_ATTEMPTS = 6  # at an item that a transaction is about to change
_PAUSE = 0.02  # seconds; doubles, with jitter


class TableCounters:
    def __init__(self, client: DynamoDBClient, table: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def counts(self, owner: str) -> Counts:
        with table_faults("what counts against limits could not be read"):
            answer = self._client.get_item(TableName=self._table, Key=_key(owner), ConsistentRead=True)
        return _counts(answer.get("Item", {}))

    def reserve(self, owner: str, demand: Demand, now: datetime) -> Counts | int:
        write_id = secrets.token_hex(8)
        numbered = replace(demand, add={**demand.add, NUMBER: Decimal(1)})
        expression = _demanded(numbered, now, write_id)
        for attempt in range(_ATTEMPTS):
            try:
                with table_faults(_FAULT):
                    written = self._client.update_item(
                        TableName=self._table,
                        Key=_key(owner),
                        ReturnValues="UPDATED_NEW",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                        **expression.request(),
                    )["Attributes"]
            except self._client.exceptions.ConditionalCheckFailedException as error:
                there: Any = error.response.get("Item", {})
                # botocore repeats a write whose answer got lost: the second attempt then meets the first.
                return int(there[NUMBER]["N"]) if there.get("write_id") == {"S": write_id} else _counts(there)
            except TryLater as error:
                if not _is_conflict(error.__cause__) or attempt == _ATTEMPTS - 1:
                    raise
                self._pause(_PAUSE * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
            else:
                return int(written[NUMBER]["N"])
        raise AssertionError  # the last attempt raises

    def give_back(self, owner: str, changes: Changes, token: str) -> None:
        """In a transaction, for its token: a repetition, be it one of botocore's, takes nothing away twice."""
        with table_faults(_FAULT):
            self._client.transact_write_items(
                TransactItems=[change_of(self._table, owner, {name: -value for name, value in changes.items()})],
                ClientRequestToken=token,
            )

    def warned(self, owner: str, name: str, amount: Decimal) -> None:
        expression = _Expression()
        expression.demand_if_there(name, "<", amount)
        expression.set({name: amount})
        with suppress(self._client.exceptions.ConditionalCheckFailedException), table_faults(_FAULT):
            self._client.update_item(TableName=self._table, Key=_key(owner), **expression.request())

    def forget(self, owner: str, names: Collection[str]) -> None:
        expression = _Expression()
        expression.remove(names)
        with table_faults(_FAULT):
            self._client.update_item(TableName=self._table, Key=_key(owner), **expression.request())

    def rebuild(self, owner: str, counts: Changes, known: Counts | None = None) -> bool:
        expression = _Expression()
        for name in (*counts, "changed_at", NUMBER) if known is not None else ():
            placed, there = expression.name(name), known.get(name) if known else None
            expression.demand(
                f"attribute_not_exists({placed})" if there is None else f"{placed} = {expression.value(there)}"
            )
        expression.set(counts)
        try:
            with table_faults(_FAULT):
                self._client.update_item(TableName=self._table, Key=_key(owner), **expression.request())
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def demand_of(table: str, owner: str, demand: Demand, now: datetime) -> TransactWriteItemTypeDef:
    """A part of a transaction, which fails if a count does not let it."""
    update: Any = {"TableName": table, "Key": _key(owner), **_demanded(demand, now).request()}
    return {"Update": update}


def change_of(table: str, owner: str, changes: Changes) -> TransactWriteItemTypeDef:
    """A part of a transaction."""
    expression = _Expression()
    expression.add(changes)
    update: Any = {"TableName": table, "Key": _key(owner), **expression.request()}
    return {"Update": update}


class _Expression:
    """An update, with placeholders for all names and values."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, AttributeValueTypeDef] = {}
        self._conditions: list[str] = []
        self._clauses: list[str] = []

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#n{len(self._names)}")

    def value(self, value: Decimal | str) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = {"S": value} if isinstance(value, str) else {"N": f"{value:f}"}
        return placeholder

    def demand(self, condition: str) -> None:
        self._conditions.append(condition)

    def demand_if_there(self, name: str, operator: str, value: Decimal | str) -> None:
        placed = self.name(name)
        self.demand(f"(attribute_not_exists({placed}) OR {placed} {operator} {self.value(value)})")

    def set(self, values: Counts) -> None:
        self._clause("SET", [f"{self.name(name)} = {self.value(value)}" for name, value in values.items()])

    def add(self, values: Changes) -> None:
        self._clause("ADD", [f"{self.name(name)} {self.value(value)}" for name, value in values.items()])

    def remove(self, names: Collection[str]) -> None:
        self._clause("REMOVE", [self.name(name) for name in names])

    def _clause(self, word: str, parts: list[str]) -> None:
        if parts:
            self._clauses.append(f"{word} {', '.join(parts)}")

    def request(self) -> dict[str, Any]:
        return {
            "UpdateExpression": " ".join(self._clauses),
            **({"ConditionExpression": " AND ".join(self._conditions)} if self._conditions else {}),
            "ExpressionAttributeNames": {placeholder: name for name, placeholder in self._names.items()},
            **({"ExpressionAttributeValues": self._values} if self._values else {}),
        }


def _demanded(demand: Demand, now: datetime, write_id: str = "") -> _Expression:
    expression, written = _Expression(), dict[str, str]()
    if write_id:
        expression.demand_if_there("write_id", "<>", write_id)
        written = {"write_id": write_id}
    for name, most in demand.most.items():
        expression.demand_if_there(name, "<=", most)
    for name, least in demand.since.items():
        expression.demand(f"{expression.name(name)} >= {expression.value(least)}")
    for name, value in demand.begin.items():
        expression.demand_if_there(name, "<", value)
    expression.set({**demand.begin, **demand.set, "changed_at": Decimal(math.ceil(now.timestamp())), **written})
    expression.add(demand.add)
    return expression


def _key(owner: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": f"spend#{owner}"}, "sk": {"S": "counts"}}


def _counts(item: _Item) -> Counts:
    return {
        name: value["S"] if "S" in value else Decimal(value["N"])
        for name, value in item.items()
        if name not in ("pk", "sk")
    }


def _is_conflict(error: BaseException | None) -> bool:
    """A transaction is changing the item at this moment."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "TransactionConflictException"
