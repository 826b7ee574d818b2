"""Owners in DynamoDB: an item each (`owners` / `<owner>`), and a copy of its settings with each of its keys.

So the one read of a key brings them, and they hold at once. A copy never replaces a newer one. `owners` / `*` is what
owners begin with, `owners` / `#stopped` the providers that get no submissions, which stand with every key, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.faults import table_faults
from reelkeep.domain.errors import NotFound, Stale
from reelkeep.domain.keys import Owner, is_owner
from reelkeep.domain.owner_settings import NEW_OWNERS, USUAL_SETTINGS, OwnerSettings, Stopped, check_settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item: TypeAlias = "Mapping[str, AttributeValueTypeDef]"
_STOPPED = "#stopped"
_ATTEMPTS = 4


class TableOwners:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all(self, is_good: Callable[[Item], bool]) -> list[Owner]:
        """Everybody who has a key, or had one in the last 90 days, and whoever has settings. By name."""
        keys = list(self.key_items())
        recorded = {item["sk"]["S"]: _settings(item) for item in self._query("owners") if item["sk"]["S"] != _STOPPED}
        names = {key["owner"]["S"] for key in keys} | recorded.keys()
        return [
            Owner(
                name=name,
                keys=sum(is_good(key) for key in keys if key["owner"]["S"] == name),
                settings=recorded.get(name) or _of_keys(key for key in keys if key["owner"]["S"] == name),
            )
            for name in sorted(names)
        ]

    def settings(self, name: str) -> OwnerSettings:
        """Raises NotFound, TryLater."""
        is_possible = is_owner(name) or name == NEW_OWNERS
        with table_faults("the settings of an owner could not be read"):
            found = self._recorded(name) if is_possible else None
            if found is not None:
                return found
            keys = [key for key in self.key_items() if key["owner"]["S"] == name]
        if not keys and name != NEW_OWNERS:
            raise NotFound(f"there is no owner {name[:100]}: an owner begins with a key", field="owner")
        return _of_keys(keys)

    def change(self, name: str, edit: Callable[[OwnerSettings], OwnerSettings]) -> OwnerSettings:
        """Raises InvalidRequest, NotFound, and Stale if others change them all the time."""
        for _ in range(_ATTEMPTS):
            before = self.settings(name)
            edited = replace(edit(before), version=before.version + 1)
            check_settings(edited)
            if self._save(name, edited, before.version):
                if name != NEW_OWNERS:
                    self._copy(name, edited)
                if (name in self._stopped()[0].owners) != bool(edited.stopped):
                    self._stop("owners", name, start=not edited.stopped)
                return edited
        raise Stale(f"the settings of {name} change too often")

    def forget_stop(self, name: str) -> None:
        """It has nothing left that could wait. Another owner of the name is not stopped."""
        if name in self._stopped()[0].owners:
            self._stop("owners", name, start=True)

    def begin(self, name: str) -> None:
        """A new owner has the settings that new owners have."""
        fresh = self._recorded(NEW_OWNERS)
        if fresh and not any(key["owner"]["S"] == name for key in self.key_items()):
            self._save(name, replace(fresh, version=1), 0)

    def copy_to(self, key: Item) -> None:
        """What holds for a key that was made a moment ago."""
        settings, (stopped, version) = self.settings(key["owner"]["S"]), self._stopped()
        if settings != USUAL_SETTINGS:
            self._copy_settings(key, settings)
        if version:
            self._copy_stopped(key, stopped.providers, version)

    def stop_provider(self, provider: str, *, start: bool = False) -> frozenset[str]:
        """From now on it gets no submissions, or gets them again. All that are stopped then."""
        stopped, version = self._stop("providers", provider, start=start)
        for key in self.key_items():
            self._copy_stopped(key, stopped.providers, version)
        return stopped.providers

    def stopped(self) -> Stopped:
        """Raises TryLater."""
        with table_faults("it could not be read what is stopped"):
            return self._stopped()[0]

    def key_items(self) -> Iterator[Item]:
        """The items of all keys."""
        return self._query("keys")

    # ----------------------------------------------------------------------------------------------------------

    def _recorded(self, name: str) -> OwnerSettings | None:
        item = self._client.get_item(TableName=self._table, Key=_key(name), ConsistentRead=True).get("Item")
        return _settings(item) if item else None

    def _save(self, name: str, settings: OwnerSettings, version: int) -> bool:
        """Whether it was still of this version; 0 is none at all."""
        item = {**_key(name), "settings": {"S": documents.write(settings)}, "version": {"N": str(settings.version)}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=cast("Any", item),
                ConditionExpression="attribute_not_exists(pk) OR version = :before",
                ExpressionAttributeValues={":before": {"N": str(version)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _copy(self, name: str, settings: OwnerSettings) -> None:
        for key in self.key_items():
            if key["owner"]["S"] == name:
                self._copy_settings(key, settings)

    def _copy_settings(self, key: Item, settings: OwnerSettings) -> None:
        self._update(
            key,
            "SET settings = :settings, settings_version = :version REMOVE repeat_window",
            "settings_version",
            {":settings": {"S": documents.write(settings)}, ":version": {"N": str(settings.version)}},
        )

    def _copy_stopped(self, key: Item, stopped: frozenset[str], version: int) -> None:
        values: dict[str, AttributeValueTypeDef] = {":version": {"N": str(version)}}
        if stopped:
            values[":stopped"] = {"SS": sorted(stopped)}
        change = "SET stopped_version = :version" + (
            ", stopped_providers = :stopped" if stopped else " REMOVE stopped_providers"
        )
        self._update(key, change, "stopped_version", values)

    def _update(self, key: Item, change: str, version: str, values: dict[str, AttributeValueTypeDef]) -> None:
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": key["pk"], "sk": key["sk"]},
                UpdateExpression=change,
                ConditionExpression=(
                    f"attribute_exists(pk) AND (attribute_not_exists({version}) OR {version} <= :version)"
                ),
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it has a newer copy, or is forgotten

    def _stop(self, what: str, name: str, *, start: bool) -> tuple[Stopped, int]:
        """With the version of what is stopped from now on."""
        answer = self._client.update_item(
            TableName=self._table,
            Key=_key(_STOPPED),
            UpdateExpression=f"{f'DELETE {what} :name ADD' if start else f'ADD {what} :name,'} version :one",
            ExpressionAttributeValues={":name": {"SS": [name]}, ":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
        return _stops(answer["Attributes"])

    def _stopped(self) -> tuple[Stopped, int]:
        item = self._client.get_item(TableName=self._table, Key=_key(_STOPPED), ConsistentRead=True).get("Item", {})
        return _stops(item)

    def _query(self, partition: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def settings_on(key: Item) -> OwnerSettings:
    """The copy that stands with a key. Earlier releases recorded a window alone."""
    if "settings" in key:
        return _settings(key)
    return OwnerSettings(repeat_window=int(key["repeat_window"]["N"]) if "repeat_window" in key else 0)


def _of_keys(keys: Iterable[Item]) -> OwnerSettings:
    """Of an owner that an earlier release knew: the longest window, should a change of it have been cut short."""
    return max(map(settings_on, keys), key=lambda each: each.repeat_window, default=OwnerSettings())


def _settings(item: Item) -> OwnerSettings:
    return documents.read(OwnerSettings, item["settings"]["S"])


def _stops(item: Item) -> tuple[Stopped, int]:
    names = {what: frozenset(item[what]["SS"] if what in item else ()) for what in ("providers", "owners")}
    return Stopped(**names), int(item["version"]["N"]) if "version" in item else 0


def _key(name: str) -> dict[str, AttributeValueTypeDef]:
    return {"pk": {"S": "owners"}, "sk": {"S": name}}
