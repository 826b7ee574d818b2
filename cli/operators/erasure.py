"""Erases an owner: whatever is kept of it, but for a record of each task without content, and what tasks cost.

Nothing is remembered between two runs: each looks through the whole table for what is left. So whatever an
interrupted run left half done is found and finished by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from cli.errors import CommandError, NothingFound
from cli.operators.imports import configured_providers, executions_of
from cli.operators.stack import Place, Stack
from cli.operators.subscriptions import manage
from cli.options import Json
from cli.output import Progress, counted, note, say, typed
from cli.parallel import in_parallel
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.task_record import from_item
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableWaiting, TableWebhooks
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.domain.errors import CannotCancel, Conflict, Misconfigured
from reelkeep.ports.owners import Caller
from reelkeep.ports.providers import Providers
from reelkeep.services.cancel import Cancel
from reelkeep.services.end_reports import EndReports
from reelkeep.services.erase import Erase
from reelkeep.services.room import Room

if TYPE_CHECKING:
    pass

_WORKERS: Final = 16
# Partitions of the table: those that end in the owner's name, and those where more follows.
_OWN: Final = ("webhooks", "receivers", "subscriptions")
_OWN_PARTS: Final = ("deliveries", "waiting", "claim#key", "claim#request")


@dataclass
class Left:
    """What is kept of an owner."""

    tasks: dict[str, bool] = field(default_factory=dict)  # whether it is erased already, though maybe not to the end
    keys: list[Any] = field(default_factory=list)  # the table's keys of what is known of API keys
    others: list[Any] = field(default_factory=list)  # and of the rest: webhooks, deliveries, idempotency keys, …


@dataclass
class Erased:
    tasks: int = 0
    keys: int = 0
    others: int = 0  # records
    under_way: list[str] = field(default_factory=list)  # tasks that cannot be erased yet


def erase(
    place: Place,
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="The owner's name.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name once more.")] = False,
    json: Json = False,
) -> int:
    """Erase an owner for good: every version of every file, tasks, messages, subscriptions and keys.

    What stays is a record without content of each task, so that no provider's list brings it back, and the sums of
    what tasks cost, since that money was spent. Tasks under way are cancelled if their provider still can. Those that
    are left make the exit code 1: repeat the command when they have ended. It goes on where it was interrupted.
    """
    with Progress() as progress:
        left = left_of(place, owner, progress.show)
    if not (left.tasks or left.keys or left.others):
        raise NothingFound(f"nothing is kept of an owner {owner}")
    todo = counted(list(left.tasks.values()).count(False), "task")
    if not yes and typed(f"This erases {todo} of {owner} with all files, for good. Type its name:") != owner:
        raise CommandError("nothing was erased: that is not its name; --yes does not ask")
    with Progress() as progress:
        result = erased(place, owner, left, progress.show)
    what = [counted(result.tasks, "task"), counted(result.keys, "key"), counted(result.others, "other record")]
    stays = "What stays is a record without content of each task, and the sums of what they cost."
    say(f"{', '.join(what)} of {owner} erased. {stays}", asdict(result), json=json)
    if result.under_way:
        number = counted(len(result.under_way), "task")
        note(f"{number} under way, such as {result.under_way[0]}: repeat this when they have ended")
    return bool(result.under_way)


def left_of(place: Stack, owner: str, said: Callable[[str], None]) -> Left:
    """Reads the whole table."""
    found = Left()
    for number, item in enumerate(_items(place, owner), 1):
        said(f"{counted(number, 'record')} of {owner} found")
        if "document" in item and item["sk"]["S"] == "task":
            task = from_item(item)
            if task.owner == owner:  # and no prompt that tells of it
                found.tasks[task.id] = task.erased_at is not None
            continue
        kind = found.keys if item["pk"]["S"] == "keys" else found.others
        kind.append({"pk": item["pk"], "sk": item["sk"]})
    return found


def _items(place: Stack, owner: str) -> Iterator[Any]:
    """Of a task, the record; of everything else, the key."""
    values = {":name": owner, ":text": f'"owner":"{owner}"', ":task": "task", ":keys": "keys", ":owners": "owners"}
    values |= {":spend": f"spend#{owner}", ":tags": "tags#"}  # the counts stay: tasks that end now still change them
    values |= {f":own{number}": f"{kind}#{owner}" for number, kind in enumerate(_OWN)}
    values |= {f":part{number}": f"{kind}#{owner}#" for number, kind in enumerate(_OWN_PARTS)}
    conditions = [
        "(sk = :task AND contains(document, :text))",
        "(pk = :keys AND #owner = :name)",
        "(pk = :owners AND sk = :name)",
        "(pk = :spend AND begins_with(sk, :tags))",
        *(f"pk = :own{number}" for number in range(len(_OWN))),
        *(f"begins_with(pk, :part{number})" for number in range(len(_OWN_PARTS))),
    ]
    pages = (
        place.dynamodb()
        .get_paginator("scan")
        .paginate(
            TableName=place.table,
            FilterExpression=" OR ".join(conditions),
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            ConsistentRead=True,
        )
    )
    for page in pages:
        yield from page["Items"]


def erased(place: Stack, owner: str, left: Left, said: Callable[[str], None]) -> Erased:
    """Each step can be repeated, and comes after what would make it incomplete."""
    client, caller, result = place.dynamodb(_WORKERS), Caller(owner, ""), Erased()
    keys = TableKeys(client, place.table)
    for each in keys.all(owner):  # first, so that nobody submits more
        if not each.revoked_at:
            keys.revoke(each.key_id, _now())
    subscriptions = manage(place)
    for view in subscriptions.list(None, caller):
        subscriptions.unsubscribe(view.subscription.id, caller)
    result.others += _delete(place, left.others)  # with which Erase has less to look through
    erase, cancel = _services(place)

    def work(task_id: str) -> bool:
        try:
            erase(task_id, caller)
        except Conflict:
            with suppress(CannotCancel, Misconfigured):
                cancel(task_id, caller)
            return False
        return True

    for task_id, done in zip(left.tasks, in_parallel(work, left.tasks, workers=_WORKERS), strict=True):
        result.tasks += done and not left.tasks[task_id]
        said(f"{result.tasks:,} of {counted(len(left.tasks), 'task')} erased")
    rest = left_of(place, owner, said)  # with what was announced meanwhile
    # Also what was submitted at the moment when the keys were revoked.
    result.under_way = [task_id for task_id, is_erased in rest.tasks.items() if not is_erased]
    result.others += _delete(place, rest.others)
    if not result.under_way:
        keys.settings.forget_stop(owner)
        result.keys = _delete(place, rest.keys)
    return result


def _delete(place: Stack, keys: Sequence[Any]) -> int:
    client = place.dynamodb(_WORKERS)
    return sum(
        1 for _ in in_parallel(lambda key: client.delete_item(TableName=place.table, Key=key), keys, workers=_WORKERS)
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _services(place: Stack) -> tuple[Erase, Cancel]:
    client, table, bucket = place.dynamodb(_WORKERS), place.table, place.needed("bucket")
    s3 = place.s3(_WORKERS)
    files, tasks = S3Bucket(lambda: s3, bucket), TableTasks(client, table)
    erase = Erase(
        tasks=tasks,
        manifests=files,
        files=files,
        webhooks=TableWebhooks(client, table),
        deliveries=TableDeliveries(client, table),
        waiting=TableWaiting(client, table),
        clock=_now,
    )
    providers = cast("Providers", configured_providers(place, ()))
    slots = TableSlots(client, table)
    room = Room(tasks, slots, providers, executions_of(place), EndReports(slots), _now)
    return erase, Cancel(tasks, providers, room, _now)
