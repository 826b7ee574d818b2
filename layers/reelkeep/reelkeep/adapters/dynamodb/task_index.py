"""The table's indexes: ids of tasks in the order of time, read no further than the reader goes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.listing import Filter, Listing

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

_LARGEST_PAGE = 1000  # keys a query; DynamoDB itself stops at 1 MB, some 5,000 of ours
_MILLISECOND = 1 << 80  # an id has 80 random bits behind its milliseconds
_LARGEST_ID = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Span:
    """A range of ids, both ends included."""

    oldest: int = 0
    newest: int = _LARGEST_ID

    def __contains__(self, task_id: str) -> bool:
        return self.oldest <= int(task_id, 16) <= self.newest


Predicate = tuple[str, tuple[str, ...]]  # an indexed attribute, and its values


def span_of(chosen: Filter) -> Span:
    """The ids that a task of these times may have."""
    oldest, newest = 0, _LARGEST_ID
    if chosen.created_from is not None:
        part = chosen.created_from.microsecond % 1000  # ids know whole milliseconds
        oldest = int(ids.first_id_at(chosen.created_from), 16) + (_MILLISECOND if part else 0)
    if chosen.created_to is not None:
        newest = int(ids.first_id_at(chosen.created_to), 16) + _MILLISECOND - 1
    return Span(oldest, newest)


def rest_of(span: Span, listing: Listing) -> Span:
    """What of it comes after the listing's cursor. Raises InvalidRequest for a cursor that we never gave."""
    if not listing.cursor:
        return span
    if not ids.is_task_id(listing.cursor):
        raise InvalidRequest("the cursor is not one that this service has given")
    cursor = int(listing.cursor, 16)
    if listing.oldest_first:
        return Span(max(span.oldest, cursor + 1), span.newest)
    return Span(span.oldest, min(span.newest, cursor - 1))


class TaskIndex:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(
        self, attribute: str, values: Sequence[str], span: Span, expected: int, *, oldest_first: bool
    ) -> Iterator[str]:
        """The ids of tasks with any of these values. `expected` is how many will be asked for, probably."""
        share = expected // len(values) + 1 if len(values) > 1 else expected
        streams = [self._ids(attribute, value, span, page=share, forward=oldest_first) for value in values]
        # For a moment, an index may show a task under its old state and its new one.
        return (task_id for task_id, _ in groupby(heapq.merge(*streams, reverse=not oldest_first)))

    def all(self, attribute: str, value: str) -> Iterator[str]:
        """Oldest first."""
        return self._ids(attribute, value, Span(), page=_LARGEST_PAGE, forward=True)

    def every(self, attribute: str, values: Sequence[str], span: Span) -> set[str]:
        streams = (self._ids(attribute, value, span, page=_LARGEST_PAGE, forward=True) for value in values)
        return {task_id for stream in streams for task_id in stream}

    def count(self, attribute: str, values: Sequence[str], span: Span) -> int:
        """How many there are, without reading more of them than their keys."""
        if span.oldest > span.newest:  # DynamoDB calls that an error
            return 0
        return sum(self._count(_query(self._table, attribute, value, span)) for value in values)

    def _count(self, query: QueryInputTypeDef) -> int:
        count, query["Select"] = 0, "COUNT"
        while True:
            answer = self._client.query(**query)
            count += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return count
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _ids(self, attribute: str, value: str, span: Span, *, page: int, forward: bool) -> Iterator[str]:
        if span.oldest > span.newest:  # DynamoDB calls that an error
            return
        query = _query(self._table, attribute, value, span)
        query |= {"ProjectionExpression": "task_id", "ScanIndexForward": forward}
        wanted = page
        while True:
            query["Limit"] = min(wanted, _LARGEST_PAGE)
            answer = self._client.query(**query)
            for item in answer["Items"]:
                yield item["task_id"]["S"]
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            wanted -= len(answer["Items"])
            if wanted <= 0:  # fewer came than expected: a few more rounds are enough
                wanted = page = 2 * page


def _query(table: str, attribute: str, value: str, span: Span) -> QueryInputTypeDef:
    return {
        "TableName": table,
        "IndexName": attribute if attribute == "unfinished" else f"by_{attribute}",
        "KeyConditionExpression": "#value = :value AND task_id BETWEEN :oldest AND :newest",
        "ExpressionAttributeNames": {"#value": attribute},
        "ExpressionAttributeValues": {":value": {"S": value}, **bounds(span)},
    }


def bounds(span: Span) -> dict[str, AttributeValueTypeDef]:
    """The values of an expression that ids are compared with."""
    return {":oldest": {"S": f"{span.oldest:032x}"}, ":newest": {"S": f"{span.newest:032x}"}}
