"""API keys in DynamoDB: one partition, sorted by the keys' hashes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from reelkeep.domain.errors import NotFound
from reelkeep.domain.keys import (
    KEPT_FOR,
    ApiKey,
    KeyWish,
    Owner,
    check_repeat_window,
    describe,
    hash_of,
    is_key,
    new_key,
)
from reelkeep.domain.scopes import USUAL, Scope
from reelkeep.ports import Caller, Clock

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

    def caller(self, key: str) -> Caller | None:
        """One consistent read, and nothing remembered: a revocation is effective at once."""
        if not is_key(key):
            return None
        item = self._client.get_item(TableName=self._table, Key=_key(hash_of(key)), ConsistentRead=True).get("Item")
        if item is None or not (found := _api_key(item)).is_good(self._clock()):
            return None
        return Caller(found.owner, found.key_id, _repeat_window(item), found.ends_at, found.scopes)

    def create(self, owner: str, wish: KeyWish, now: datetime) -> tuple[str, ApiKey]:
        """The key itself, which cannot be had again, and what is kept of it. Raises InvalidRequest."""
        key = new_key()
        described = describe(key, owner, wish, now)
        attributes = {
            "key_id": described.key_id,
            "owner": described.owner,
            "name": described.name,
            "last_characters": described.last_characters,
            "created_at": described.created_at.isoformat(),
            **({"ends_at": wish.ends_at.isoformat()} if wish.ends_at else {}),
        }
        item: dict[str, AttributeValueTypeDef] = {n: {"S": value} for n, value in attributes.items()}
        item["repeat_window"] = _seconds(_window_of(self._items_of(owner)))
        item["scopes"] = {"SS": sorted(described.scopes)}
        if wish.ends_at:
            item["expires_at"] = _expiry(described)
        self._client.put_item(TableName=self._table, Item={**_key(hash_of(key)), **item})
        return key, described

    def all(self, owner: str | None = None) -> list[ApiKey]:
        """Every key, or one owner's, oldest first; also those that were revoked or have ended, for 90 days."""
        found = (_api_key(item) for item in self._items())
        return sorted((each for each in found if owner in (None, each.owner)), key=lambda each: each.key_id)

    def revoke(self, key_id: str, now: datetime, owner: str | None = None) -> ApiKey:
        """From now on the key is refused. A second time changes nothing, but that one which an earlier release
        revoked is forgotten, too. Raises NotFound, so for another owner's."""
        for item in self._items():
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

    def owners(self) -> list[Owner]:
        """Everybody who has a key, or had one in the last 90 days."""
        items = list(self._items())
        names = sorted({item["owner"]["S"] for item in items})
        return [_owner(name, [item for item in items if item["owner"]["S"] == name], self._clock()) for name in names]

    def set_repeat_window(self, name: str, window: timedelta) -> Owner:
        """It stands with every key, where it costs a submission no further read; a new key takes it over.

        Raises InvalidRequest, NotFound.
        """
        check_repeat_window(window)
        items = self._items_of(name)
        if not items:
            raise NotFound(f"there is no owner {name}: an owner begins with a key", field="owner")
        for item in items:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET repeat_window = :window",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":window": _seconds(window)},
            )
        return replace(_owner(name, items, self._clock()), repeat_window=window)

    def _items_of(self, owner: str) -> list[_Item]:
        return [item for item in self._items() if item["owner"]["S"] == owner]

    def _items(self) -> Iterator[_Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :keys",
            ExpressionAttributeValues={":keys": {"S": _PARTITION}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def _key(key_hash: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": _PARTITION}, "sk": {"S": key_hash}}


def _expiry(key: ApiKey) -> AttributeValueTypeDef:
    """When DynamoDB deletes a key that was revoked, or has an end. In seconds: an end may be in the year 9999."""
    over = min(moment.timestamp() for moment in (key.revoked_at, key.ends_at) if moment)
    return {"N": str(math.ceil(over + KEPT_FOR.total_seconds()))}


def _seconds(window: timedelta) -> AttributeValueTypeDef:
    return {"N": str(int(window.total_seconds()))}


def _repeat_window(item: _Item) -> timedelta:
    return timedelta(seconds=int(item["repeat_window"]["N"])) if "repeat_window" in item else timedelta()


def _window_of(items: Sequence[_Item]) -> timedelta:
    """The longest, should a change of it have been cut short: it is the one that pays for less."""
    return max(map(_repeat_window, items), default=timedelta())


def _owner(name: str, items: Sequence[_Item], now: datetime) -> Owner:
    good = sum(_api_key(item).is_good(now) for item in items)
    return Owner(name=name, keys=good, repeat_window=_window_of(items))


def _api_key(item: _Item) -> ApiKey:
    revoked_at, ends_at = (item.get(name, {}).get("S") for name in ("revoked_at", "ends_at"))
    return ApiKey(
        key_id=item["key_id"]["S"],
        owner=item["owner"]["S"],
        name=item["name"]["S"],
        last_characters=item["last_characters"]["S"],
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        revoked_at=datetime.fromisoformat(revoked_at) if revoked_at else None,
        ends_at=datetime.fromisoformat(ends_at) if ends_at else None,
        scopes=_scopes(item),
    )


def _scopes(item: _Item) -> frozenset[Scope]:
    """Earlier releases recorded none; what a newer one has beside these means nothing here."""
    return frozenset(filter(set(item["scopes"]["SS"]).__contains__, Scope)) if "scopes" in item else USUAL
