"""API keys in DynamoDB: one partition, sorted by the keys' hashes.

The day of a key's last use is noted with it: by the first request of a day, so that no other one costs a write.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.owners import TableOwners, settings_on
from reelkeep.domain.errors import NotFound
from reelkeep.domain.keys import KEPT_FOR, ApiKey, KeySettings, Owner, describe, hash_of, is_key, new_key
from reelkeep.domain.limits import NO_LIMITS, Limits
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.ports.owners import Caller
from reelkeep.ports.platform import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

_Item: TypeAlias = "Mapping[str, AttributeValueTypeDef]"
_PARTITION = "keys"


class TableKeys:
    def __init__(self, client: DynamoDBClient, table: str, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self.settings = TableOwners(client, table)

    def caller(self, key: str) -> Caller | None:
        """One consistent read, and nothing remembered: a revocation is effective at once. The first use of a day
        takes a write more."""
        if not is_key(key):
            return None
        item = self._client.get_item(TableName=self._table, Key=_key(hash_of(key)), ConsistentRead=True).get("Item")
        now = self._clock()
        if item is None or not (found := _api_key(item)).is_good(now):
            return None
        if found.last_used_on is None or found.last_used_on < now.date():
            self._note_use(item, now.date())
        return Caller(
            owner=found.owner,
            key_id=found.key_id,
            ends_at=found.ends_at,
            scopes=found.scopes,
            limits=found.limits,
            settings=settings_on(item),
            stopped_providers=frozenset(item["stopped_providers"]["SS"] if "stopped_providers" in item else ()),
        )

    def create(self, owner: str, wanted: KeySettings, now: datetime) -> tuple[str, ApiKey]:
        """The key itself, which cannot be had again, and what is kept of it. Raises InvalidRequest."""
        key = new_key()
        described = describe(key, owner, wanted, now)
        attributes = {
            "key_id": described.key_id,
            "owner": described.owner,
            "name": described.name,
            "last_characters": described.last_characters,
            "created_at": described.created_at.isoformat(),
            **({"ends_at": wanted.ends_at.isoformat()} if wanted.ends_at else {}),
        }
        item: dict[str, AttributeValueTypeDef] = {n: {"S": value} for n, value in attributes.items()}
        if wanted.limits != NO_LIMITS:
            item["limits"] = {"S": documents.write(wanted.limits)}
        item["scopes"] = {"SS": sorted(described.scopes)}
        if wanted.ends_at:
            item["expires_at"] = _expiry(described)
        item = {**_key(hash_of(key)), **item}
        self.settings.begin(owner)
        self._client.put_item(TableName=self._table, Item=item)
        self.settings.copy_to(item)  # after it: no change of the settings passes the new key by
        return key, described

    def owners(self) -> list[Owner]:
        return self.settings.all(lambda item: _api_key(item).is_good(self._clock()))

    def all(self, owner: str | None = None) -> list[ApiKey]:
        """Every key, or one owner's, oldest first; also those that were revoked or have ended, for 90 days."""
        found = (_api_key(item) for item in self.settings.key_items())
        return sorted((each for each in found if owner in (None, each.owner)), key=lambda each: each.key_id)

    def counters(self) -> dict[str, list[str]]:
        """By owner: its counter, "", if it has limits, and the ids of its keys that have some."""
        found: dict[str, set[str]] = defaultdict(set)
        for item in self.settings.key_items():
            key = _api_key(item)
            if settings_on(item).limits.counted:
                found[key.owner].add("")
            if key.limits.counted:
                found[key.owner].add(key.key_id)
        return {owner: sorted(counters) for owner, counters in found.items()}

    def _note_use(self, item: _Item, today: date) -> None:
        with suppress(ClientError, BotoCoreError):  # another request has noted it, or the next one does
            self._client.update_item(
                TableName=self._table,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET last_used_on = :today",
                ConditionExpression=(
                    "attribute_exists(pk) AND (attribute_not_exists(last_used_on) OR last_used_on < :today)"
                ),
                ExpressionAttributeValues={":today": {"S": today.isoformat()}},
            )

    def revoke(self, key_id: str, now: datetime, owner: str | None = None) -> ApiKey:
        """From now on the key is refused. A second time changes nothing, but that one which an earlier release
        revoked is forgotten, too. Raises NotFound, so for another owner's."""
        for item in self.settings.key_items():
            if item["key_id"]["S"] == key_id and owner in (None, item["owner"]["S"]):
                found = _api_key(item)
                revoked = replace(found, revoked_at=found.revoked_at or now)
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now), expires_at = :expiry",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":now": {"S": now.isoformat()}, ":expiry": _expiry(revoked)},
                    ReturnValues="ALL_NEW",
                )
                return _api_key(answer["Attributes"])
        raise NotFound(f"there is no key {key_id}", field="key_id")


def _key(key_hash: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": _PARTITION}, "sk": {"S": key_hash}}


def _expiry(key: ApiKey) -> AttributeValueTypeDef:
    """When DynamoDB deletes a key that was revoked, or has an end. In seconds: an end may be in the year 9999."""
    over = min(moment.timestamp() for moment in (key.revoked_at, key.ends_at) if moment)
    return {"N": str(math.ceil(over + KEPT_FOR.total_seconds()))}


def _api_key(item: _Item) -> ApiKey:
    revoked_at, ends_at = (item.get(name, {}).get("S") for name in ("revoked_at", "ends_at"))
    return ApiKey(
        key_id=item["key_id"]["S"],
        owner=item["owner"]["S"],
        name=item["name"]["S"],
        last_characters=item["last_characters"]["S"],
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        last_used_on=date.fromisoformat(item["last_used_on"]["S"]) if "last_used_on" in item else None,
        revoked_at=datetime.fromisoformat(revoked_at) if revoked_at else None,
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
        scopes=_scopes(item),
        limits=documents.read(Limits, item["limits"]["S"]) if "limits" in item else NO_LIMITS,
    )


def _scopes(item: _Item) -> frozenset[Scope]:
    """Earlier releases recorded none; what a newer one has beside these means nothing here."""
    return frozenset(filter(set(item["scopes"]["SS"]).__contains__, Scope)) if "scopes" in item else USUAL
