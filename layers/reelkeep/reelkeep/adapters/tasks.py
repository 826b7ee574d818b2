"""Tasks in DynamoDB: one item a task, every write conditional on the version that it builds on."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from reelkeep.adapters.task_index import TaskIndex, span_of
from reelkeep.adapters.task_record import SHARDS, from_item, indexed, key, to_item
from reelkeep.domain import ids
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.redaction import redact
from reelkeep.domain.task import Task

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_BATCH = 100  # items that BatchGetItem takes
_BATCH_ATTEMPTS = 6
_FIRST_PAUSE = 0.05  # seconds; doubles, 1.55 s in all
_MOST_EXAMINED = 5_000  # tasks a page, which takes some seconds: the API answers within 30
_ODD_ANSWER_BYTES = 32_768
_ODD_ANSWER_LIFE = timedelta(days=30)


class TableTasks:
    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        most_examined: int = _MOST_EXAMINED,
    ) -> None:
        self._client = client
        self._table = table
        self._index = TaskIndex(client, table)
        self._pause = pause
        self._most_examined = most_examined

    def create(self, task: Task) -> Task:
        """Raises Stale if there is a task of this id."""
        return self._put(task, "attribute_not_exists(pk)")

    def get(self, task_id: str) -> Task | None:
        answer = self._client.get_item(TableName=self._table, Key=key(task_id), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def save(self, task: Task) -> Task:
        return self._put(
            replace(task, version=task.version + 1),
            "#version = :read",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":read": {"N": str(task.version)}},
        )

    def page(self, owner: str, listing: Listing) -> Page:
        """At most `size` tasks, and a cursor if there are more.

        A filter of one field reads what it returns. With several, those that the index cannot tell apart are
        read and passed over; after some thousands of them the page ends early, with a cursor to go on from.
        """
        candidates, exact = self._candidates(owner, listing)
        skip, wanted = listing.skip, listing.size + 1
        if exact:
            candidates, skip = islice(candidates, skip, None), 0
        found: list[Task] = []
        examined, batch = 0, wanted + skip
        while chunk := list(islice(candidates, min(batch, _BATCH))):
            admitted = [task for task in self._read(chunk) if task.owner == owner and listing.filter.admits(task)]
            found += admitted[skip:]
            skip = max(0, skip - len(admitted))
            if len(found) >= wanted:
                return Page(tasks=tuple(found[: listing.size]), next_cursor=found[listing.size - 1].id)
            examined += len(chunk)
            if examined >= self._most_examined:
                return Page(tasks=tuple(found), next_cursor=chunk[-1])
            batch = wanted - len(found) if exact else batch * 2
        return Page(tasks=tuple(found))

    def unfinished(self) -> Iterator[Task]:
        for shard in SHARDS:
            task_ids = self._index.oldest_first("unfinished", shard)
            while chunk := list(islice(task_ids, _BATCH)):
                yield from (task for task in self._read(chunk, consistent=True) if task.unfinished)

    def keep_odd_answer(self, task_id: str, reason: str, raw: bytes, now: datetime) -> None:
        # Cut after the redaction, so that no half of a secret escapes it; before it, to bound the work.
        answer = redact(raw[: 2 * _ODD_ANSWER_BYTES].decode(errors="replace"))
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": key(task_id)["pk"],
                "sk": {"S": f"answer#{int(now.timestamp() * 1000)}"},
                "reason": {"S": redact(reason)},
                "answer": {"S": answer.encode(errors="replace")[:_ODD_ANSWER_BYTES].decode(errors="ignore")},
                "expires_at": {"N": str(int((now + _ODD_ANSWER_LIFE).timestamp()))},
            },
        )

    def _put(self, task: Task, condition: str, **expression: Any) -> Task:
        write_id = secrets.token_hex(8)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(task, write_id),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **expression,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            # botocore repeats a write whose answer got lost: the second attempt then meets the first.
            item = cast("Mapping[str, AttributeValueTypeDef]", error.response.get("Item", {}))
            if item.get("write_id") != {"S": write_id}:
                raise Stale(f"task {task.id} was changed since it was read") from error
        return task

    def _candidates(self, owner: str, listing: Listing) -> tuple[Iterator[str], bool]:
        """Ids, newest first, with all that the listing may show; and whether they are those and no others."""
        chosen, span = listing.filter, span_of(listing)
        if chosen.task_ids:
            named = {each for each in chosen.task_ids if ids.is_task_id(each) and each in span}
            return iter(sorted(named, reverse=True)), False
        predicates = {  # the narrowest first, as a rule
            "owner_template": chosen.templates,
            "owner_resolution": chosen.resolutions,
            "owner_state": chosen.states,
            "owner_model": chosen.models,
        }
        used = {attribute: values for attribute, values in predicates.items() if values}
        expected = listing.skip + listing.size + 1
        for attribute, values in used.items():
            if all(values):  # what has no value is in no index
                keys = sorted({indexed(owner, value) for value in values})
                return self._index.newest_first(attribute, keys, span, expected), len(used) == 1
        return self._index.newest_first("owner", [owner], span, expected), not used

    def _read(self, task_ids: Sequence[str], *, consistent: bool = False) -> list[Task]:
        """These tasks, in this order, without those that are not there. Raises TryLater."""
        items: dict[str, Mapping[str, AttributeValueTypeDef]] = {}
        keys = [key(task_id) for task_id in task_ids]
        for attempt in range(_BATCH_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE * 2 ** (attempt - 1))
            answer = self._client.batch_get_item(
                RequestItems={self._table: {"Keys": keys, "ConsistentRead": consistent}}
            )
            items |= {item["task_id"]["S"]: item for item in answer["Responses"].get(self._table, [])}
            left = answer["UnprocessedKeys"].get(self._table)
            if not left:
                return [from_item(items[task_id]) for task_id in task_ids if task_id in items]
            keys = list(left["Keys"])
        raise TryLater("the table does not keep up with what is read from it")
