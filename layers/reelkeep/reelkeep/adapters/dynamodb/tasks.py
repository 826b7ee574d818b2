"""Tasks in DynamoDB: one item a task, every write conditional on the version that it builds on."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from reelkeep.adapters.dynamodb.claims import stands
from reelkeep.adapters.dynamodb.counters import demand_of
from reelkeep.adapters.dynamodb.faults import reasons, table_faults, transact
from reelkeep.adapters.dynamodb.task_index import Predicate, Span, TaskIndex, bounds, rest_of, span_of
from reelkeep.adapters.dynamodb.task_record import (
    HIDDEN,
    STARRED,
    due_from_item,
    from_item,
    indexed,
    is_certain,
    key,
    tier,
    to_item,
)
from reelkeep.domain import ids
from reelkeep.domain.claims import Claim
from reelkeep.domain.counts import Demand
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.redaction import redact
from reelkeep.domain.task import State, Task
from reelkeep.ports.tasks import Due

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_BATCH = 100  # items that BatchGetItem takes
_BATCH_ATTEMPTS = 6
_FIRST_PAUSE = 0.05  # seconds; doubles, 1.55 s in all
_MOST_EXAMINED = 5_000  # tasks a page, which takes some seconds: the API answers within 30
_MOST_BYTES = 32 << 20  # of their records, which may be very long
_RAW_RESPONSE_BYTES = 32_768
_RAW_RESPONSE_TTL = timedelta(days=30)


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

    def create_under(self, claim: Claim, task: Task) -> Task:
        put: Any = {
            "TableName": self._table,
            "Item": to_item(task, secrets.token_hex(8)),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        try:
            with table_faults(f"task {task.id} could not be recorded"):  # botocore's repetitions have one token
                self._client.transact_write_items(TransactItems=[{"Put": put}, stands(self._table, claim)])
        except TryLater as error:
            if "ConditionalCheckFailed" in reasons(error.__cause__):
                raise Stale(f"task {task.id} was recorded meanwhile, or is another one's now") from error
            raise
        return task

    def get(self, task_id: str) -> Task | None:
        with table_faults(f"task {task_id} could not be read"):
            answer = self._client.get_item(TableName=self._table, Key=key(task_id), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def save(self, task: Task) -> Task:
        return self._put(
            replace(task, version=task.version + 1),
            "#version = :read",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":read": {"N": str(task.version)}},
        )

    def save_counted(self, task: Task, demand: Demand, now: datetime) -> Task | None:
        """In one transaction. For an attempt whose answer gets lost, botocore repeats it under the same token."""
        saved = replace(task, version=task.version + 1)
        put: Any = {
            "TableName": self._table,
            "Item": to_item(saved, secrets.token_hex(8)),
            "ConditionExpression": "#version = :read",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":read": {"N": str(task.version)}},
        }
        what = f"task {task.id} could not be recorded"
        counted = demand_of(self._table, task.owner, demand, now)
        failed = transact(self._client, [{"Put": put}, counted], what, self._pause)
        if failed and failed[0] == "ConditionalCheckFailed":
            raise Stale(f"task {task.id} was changed since it was read")
        return None if failed else saved

    def restore(self, task: Task) -> bool:
        """Records it as it is, unless what is recorded is as new or newer. Whether it did."""
        try:
            self._put(
                task,
                "attribute_not_exists(pk) OR #version < :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":version": {"N": str(task.version)}},
            )
        except Stale:
            return False
        return True

    def page(self, owners: str | tuple[str, ...], listing: Listing) -> Page:
        """One page, and how many tasks there are in all if that is asked for.

        A filter of one field reads what it returns. With several, those that the index cannot tell apart are
        read and passed over; after some thousands of them, or megabytes, the page ends early, with a cursor to go on
        from.
        A count reads all keys that there are, unless the page is the last one, and then no page ends early.
        """
        owners = (owners,) if isinstance(owners, str) else owners
        choice, span = _choose(owners, listing), span_of(listing.filter)
        if listing.counted and not choice.exact:
            return self._page_of_all(owners, listing, choice)
        page = self._page_in_order(owners, listing, choice, rest_of(span, listing))
        return replace(page, total=self._total(page, listing, choice, span)) if listing.counted else page

    def _page_in_order(self, owners: tuple[str, ...], listing: Listing, choice: _Choice, span: Span) -> Page:
        candidates = self._candidates(
            choice, span, listing.skip + listing.size + 1, oldest_first=listing.oldest_first
        )
        skip, wanted = listing.skip, listing.size + 1
        if choice.exact:
            candidates, skip = islice(candidates, skip, None), 0
        found: list[Task] = []
        examined, size, batch = 0, 0, wanted + skip
        while chunk := list(islice(candidates, min(batch, _BATCH))):
            items = self._items(chunk)
            read = (from_item(items[each]) for each in chunk if each in items)
            admitted = _admitted(read, owners, listing)
            found += admitted[skip:]
            skip = max(0, skip - len(admitted))
            if len(found) >= wanted:
                shown = tuple(found[: listing.size])
                return Page(tasks=shown, next_cursor=shown[-1].id)
            examined += len(chunk)
            size += sum(len(item["document"]["S"]) for item in items.values())
            if examined >= self._most_examined or size >= _MOST_BYTES:
                return Page(tasks=tuple(found), next_cursor=chunk[-1])
            batch = wanted - len(found) if choice.exact else batch * 2
        return Page(tasks=tuple(found))

    def _total(self, page: Page, listing: Listing, choice: _Choice, span: Span) -> int:
        """Without a look at the index, if the page is the last one and it is known what came before it."""
        if page.next_cursor or listing.cursor or (listing.skip and not page.tasks):
            return self._index.count(*choice.first, span)
        return listing.skip + len(page.tasks)

    def _page_of_all(self, owners: tuple[str, ...], listing: Listing, choice: _Choice) -> Page:
        """To count what several fields admit, all of it must be found; by keys alone where they tell enough."""
        span = span_of(listing.filter)
        if choice.ids is not None:
            found = [task_id for task_id in choice.ids if task_id in span]
        else:
            sets = (self._index.every(*predicate, span) for predicate in choice.predicates)
            found = sorted(set.intersection(*sets), reverse=not listing.oldest_first)
        known: dict[str, Task] = {}
        if choice.doubtful:
            known = {task.id: task for task in self._admitted(found, owners, listing)}
            found = list(known)
        rest = rest_of(span, listing)
        left = [task_id for task_id in found if task_id in rest][listing.skip :]
        shown = left[: listing.size]
        tasks = [known[task_id] for task_id in shown] if known else self._admitted(shown, owners, listing)
        return Page(tasks=tuple(tasks), next_cursor=shown[-1] if len(left) > len(shown) else "", total=len(found))

    def _candidates(self, choice: _Choice, span: Span, expected: int, *, oldest_first: bool) -> Iterator[str]:
        if choice.ids is not None:
            return (task_id for task_id in choice.ids if task_id in span)
        return self._index.find(*choice.first, span, expected, oldest_first=oldest_first)

    def _admitted(self, task_ids: Sequence[str], owners: tuple[str, ...], listing: Listing) -> list[Task]:
        batches = (task_ids[first : first + _BATCH] for first in range(0, len(task_ids), _BATCH))
        read = (task for batch in batches for task in self._read(batch))
        return _admitted(read, owners, listing)

    def unfinished(self) -> Iterator[Task]:
        for shard in ids.SHARDS:
            task_ids = self._index.all("unfinished", shard)
            while chunk := list(islice(task_ids, _BATCH)):
                yield from (task for task in self.get_all(chunk) if task.unfinished)

    def due(self, shard: str) -> Iterator[Due]:
        task_ids = self._index.all("unfinished", shard)
        while chunk := list(islice(task_ids, _BATCH)):
            items = self._items(chunk, ProjectionExpression="task_id, unfinished, overdue_at, links_die_at")
            yield from (due_from_item(item) for item in items.values() if "unfinished" in item)

    def get_all(self, task_ids: Sequence[str]) -> list[Task]:
        return self._read(task_ids, consistent=True)

    def ended(self, span: Span) -> Iterator[str]:
        """The ids of all tasks whose end was announced, in no order. Reads the whole table: for operators."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ProjectionExpression="task_id",
            FilterExpression="task_id BETWEEN :oldest AND :newest AND attribute_not_exists(unfinished)",
            ExpressionAttributeValues=bounds(span),
        )
        for page in pages:
            for item in page["Items"]:
                yield item["task_id"]["S"]

    def hidden_in_old_form(self) -> Iterator[Task]:
        """Those that release 0.2.0 hid: the list of hidden tasks has them once they are saved again. Reads the whole
        table: for operators."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="attribute_exists(#owner) AND contains(document, :hidden)",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":hidden": {"S": '"removed_at":"'}},
        )
        for page in pages:
            yield from (task for task in map(from_item, page["Items"]) if task.removed_at)

    def by_provider_task(self, provider: str, provider_task_id: str) -> list[Task]:
        task_ids = list(self._index.all("provider_task", indexed(provider, provider_task_id)))
        found = self._read(task_ids) if task_ids else []
        return [task for task in found if (task.provider, task.provider_task_id) == (provider, provider_task_id)]

    def store_raw_response(self, task_id: str, reason: str, raw: bytes, now: datetime) -> None:
        # Cut after the redaction, so that no half of a secret escapes it; before it, to bound the work.
        answer = redact(raw[: 2 * _RAW_RESPONSE_BYTES].decode(errors="replace"))
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": key(task_id)["pk"],
                "sk": {"S": f"answer#{int(now.timestamp() * 1000)}"},
                "reason": {"S": redact(reason)},
                "answer": {"S": answer.encode(errors="replace")[:_RAW_RESPONSE_BYTES].decode(errors="ignore")},
                "expires_at": {"N": str(int((now + _RAW_RESPONSE_TTL).timestamp()))},
            },
        )

    def erase_raw_responses(self, task_id: str) -> None:
        """They are overwritten: only an operator may delete what begins with the id of a task."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :answer)",
            ExpressionAttributeValues={":pk": key(task_id)["pk"], ":answer": {"S": "answer#"}},
            ProjectionExpression="pk, sk, expires_at",
        )
        for page in pages:
            for item in page["Items"]:
                self._client.put_item(TableName=self._table, Item=item)

    def _put(self, task: Task, condition: str, **expression: Any) -> Task:
        write_id = secrets.token_hex(8)
        try:
            with table_faults(f"task {task.id} could not be recorded"):
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

    def _read(self, task_ids: Sequence[str], *, consistent: bool = False) -> list[Task]:
        """These tasks, in this order, without those that are not there. Raises TryLater."""
        items = self._items(task_ids, ConsistentRead=consistent)
        return [from_item(items[task_id]) for task_id in task_ids if task_id in items]

    def _items(self, task_ids: Sequence[str], **how: Any) -> dict[str, Mapping[str, AttributeValueTypeDef]]:
        items: dict[str, Mapping[str, AttributeValueTypeDef]] = {}
        keys = [key(task_id) for task_id in task_ids]
        for attempt in range(_BATCH_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE * 2 ** (attempt - 1))
            with table_faults("tasks could not be read"):
                request: Any = {"Keys": keys, **how}
                answer = self._client.batch_get_item(RequestItems={self._table: request})
            items |= {item["task_id"]["S"]: item for item in answer["Responses"].get(self._table, [])}
            left = answer["UnprocessedKeys"].get(self._table)
            if not left:
                return items
            keys = list(left["Keys"])
        raise TryLater("the table is too busy to be read")


def _admitted(tasks: Iterable[Task], owners: tuple[str, ...], listing: Listing) -> list[Task]:
    return [task for task in tasks if (not owners or task.owner in owners) and listing.filter.admits(task)]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Where the tasks of a listing are looked for."""

    predicates: tuple[Predicate, ...] = ()  # a task must be in each of them
    doubtful: bool = False  # there may be other tasks in them, too
    ids: tuple[str, ...] | None = None  # the client names them itself

    @property
    def first(self) -> Predicate:
        return self.predicates[0]

    @property
    def exact(self) -> bool:
        """Whether the first one holds these tasks and no others."""
        return len(self.predicates) == 1 and not self.doubtful


def _choose(owners: tuple[str, ...], listing: Listing) -> _Choice:
    chosen = listing.filter
    if chosen.task_ids:
        named = {each for each in chosen.task_ids if ids.is_task_id(each)}
        return _Choice(ids=tuple(sorted(named, reverse=not listing.oldest_first)), doubtful=True)
    states = chosen.possible_states
    if not states:
        return _Choice(ids=())
    if not owners:
        return _Choice((("unfinished", tuple(ids.SHARDS)),), doubtful=True)
    if chosen.hidden:
        is_all = replace(chosen, created_from=None, created_to=None) == Filter(hidden=True)
        return _Choice((("owner_mark", tuple(indexed(each, HIDDEN) for each in owners)),), doubtful=not is_all)
    tiers = () if chosen.off_peak is None else (tier(off_peak=chosen.off_peak),)
    fields = {  # the narrowest first, as a rule
        "owner_mark": (STARRED,) if chosen.starred else (),
        "owner_template": chosen.templates,
        "owner_resolution": chosen.resolutions,
        "owner_state": states if len(states) < len(State) else (),
        "owner_model": chosen.models,
        "owner_tier": tiers,
    }
    used = {attribute: values for attribute, values in fields.items() if values}
    indexes = {
        attribute: tuple(sorted({indexed(owner, value) for owner in owners for value in values}))
        for attribute, values in used.items()
        if all(values)  # what has no value is in no index
    }
    certain = all(is_certain(owner, value) for owner in owners for values in used.values() for value in values)
    others = chosen.kinds or chosen.providers or chosen.tags or chosen.words or chosen.failures
    doubtful = not certain or bool(others) or chosen.starred is False or chosen.differs is not None
    return _Choice(tuple(indexes.items()) or (("owner", owners),), doubtful=doubtful)
