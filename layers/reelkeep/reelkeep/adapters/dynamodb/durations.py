"""How long tasks took, in DynamoDB.

Each provider has a partition, each combination an item in it, each end an attribute. So one call reads all that is
known of a provider, and an end is learned with one small write.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.durations import Combination, End, Known
from reelkeep.domain.task import Kind

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_KEPT = timedelta(days=30)  # since the last end of the combination
_LONGEST_KEY = 1024  # bytes; no model that exists has such a name


class TableDurations:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def known(self, provider: str) -> Known:
        """One page: 1 MB, a thousand combinations."""
        with table_faults("the durations of tasks could not be read"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :partition",
                ExpressionAttributeValues={":partition": {"S": f"durations#{provider}"}},
            )
        known = Known()
        for item in answer["Items"]:
            with suppress(ValueError):  # a kind that this release does not know
                known.ends[_combination(item["sk"]["S"])] = _ends(item)
        return known

    def learn(self, provider: str, combination: Combination, place: int, end: End) -> None:
        sort = json.dumps(combination, separators=(",", ":"))
        if len(sort) > _LONGEST_KEY:
            return
        with table_faults("the duration of a task could not be recorded"):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"durations#{provider}"}, "sk": {"S": sort}},
                UpdateExpression="SET #end = :end, expires_at = :expiry",
                ExpressionAttributeNames={"#end": f"e{place}"},
                ExpressionAttributeValues={
                    ":end": {"L": [{"N": f"{end.at.timestamp():.0f}"}, {"N": f"{end.seconds:.1f}"}]},
                    ":expiry": {"N": str(math.ceil((end.at + _KEPT).timestamp()))},
                },
            )


def _combination(sort: str) -> Combination:
    off_peak, model, kind, duration, resolution = json.loads(sort)
    return Combination(off_peak, model, Kind(kind), duration, resolution)


def _ends(item: Mapping[str, AttributeValueTypeDef]) -> dict[int, End]:
    return {
        int(name[1:]): End(datetime.fromtimestamp(float(value["L"][0]["N"]), UTC), float(value["L"][1]["N"]))
        for name, value in item.items()
        if "L" in value
    }
