"""Claims in DynamoDB: an item each, that vanishes when it expires."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.claims import Claim

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef


class TableClaims:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        """One conditional write. botocore repeats it if its answer got lost: the second attempt then meets the
        first one, and this very claim comes back."""
        try:
            with table_faults("a claim could not be made"):
                self._client.put_item(
                    TableName=self._table,
                    Item=_to_item(claim),
                    # DynamoDB takes days to delete what has expired.
                    ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now OR claimed_task = :instead",
                    ExpressionAttributeValues={
                        ":now": {"N": str(math.floor(now.timestamp()))},
                        ":instead": {"S": instead_of},
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item = cast("Mapping[str, AttributeValueTypeDef]", error.response.get("Item"))
            return _from_item(claim, item)
        return claim


def stands(table: str, claim: Claim) -> TransactWriteItemTypeDef:
    """A part of a transaction, which fails if another claim was made instead of this one."""
    return {
        "Put": {
            "TableName": table,
            "Item": _to_item(claim),
            "ConditionExpression": "claimed_task = :task",
            "ExpressionAttributeValues": {":task": {"S": claim.task_id}},
        }
    }


# No attribute is named as those of the table's indexes: a claim is no task.


def _to_item(claim: Claim) -> dict[str, AttributeValueTypeDef]:
    return {
        "pk": {"S": f"claim#{claim.sort}#{claim.owner}#{claim.name}"},
        "sk": {"S": "claim"},
        "fingerprint": {"S": claim.fingerprint},
        "claimed_task": {"S": claim.task_id},
        "expires_at": {"N": str(math.ceil(claim.expires_at.timestamp()))},
        "awaits_first": {"BOOL": claim.awaits_first},
    }


def _from_item(claim: Claim, item: Mapping[str, AttributeValueTypeDef]) -> Claim:
    return replace(
        claim,
        fingerprint=item["fingerprint"]["S"],
        task_id=item["claimed_task"]["S"],
        expires_at=datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC),
        awaits_first="awaits_first" in item and item["awaits_first"]["BOOL"],
    )
