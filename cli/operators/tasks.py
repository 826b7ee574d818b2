"""Tasks of all owners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Final

import typer

from cli.operators.stack import Place, Stack
from cli.options import Filters, Json
from cli.output import Columns, print_rows
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.dialects.dialect import Http
from reelkeep.dialects.reelkeep.tasks.server import listing
from reelkeep.domain.listing import EVERY_OWNER
from reelkeep.domain.notices.subscription import OPERATOR
from reelkeep.domain.scopes import Scope
from reelkeep.domain.task import Task
from reelkeep.ports.owners import Caller
from reelkeep.services.query import ListTasks

_LARGEST_PAGE: Final = 100
_COLUMNS: Final[Columns] = {
    "ID": "id",
    "OWNER": "owner",
    "STATE": "state",
    "CREATED": "created_at",
    "PROVIDER": "provider",
    "MODEL": "model",
    "FAILURE": "failure",
}


def tasks(
    filters: Filters,
    place: Place,
    owner: Annotated[str, typer.Option("--owner", metavar="OWNER", help="Only this owner's.")] = EVERY_OWNER,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    json: Json = False,
) -> None:
    """List the tasks of all owners, newest first.

    With more than 200 owners, give --owner, or --unfinished. What has no owner with a key is found by --owner alone.
    """
    print_rows([_row(each) for each in islice(_all(place, owner, filters, limit), limit)], _COLUMNS, json=json)


def _all(place: Stack, owner: str, filters: Sequence[tuple[str, str]], limit: int) -> Iterator[Task]:
    """As the native API lists them for an operator's key. Raises InvalidRequest."""
    client, caller = place.dynamodb(), Caller(OPERATOR, "", scopes=frozenset(Scope))
    owners = TableKeys(client, place.table).owners
    find = ListTasks(TableTasks(client, place.table), lambda: datetime.now(UTC), lambda: [o.name for o in owners()])
    asked, cursor = [*filters, ("owner", owner), ("limit", str(min(limit, _LARGEST_PAGE)))], ""
    while True:
        query = (*asked, *([("cursor", cursor)] if cursor else []))
        page = find(listing(Http(method="GET", path="/tasks", query=query)), caller)
        yield from page
        if not (cursor := page.next_cursor):
            return


def _row(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "owner": task.owner,
        "state": task.state,
        "kind": task.request.kind,
        "created_at": task.created_at,
        "finished_at": task.finished_at,
        "provider": task.provider,
        "provider_task_id": task.provider_task_id or None,
        "model": task.request.model,
        "prompt": task.request.prompt,
        "tags": task.request.tags,
        "key_id": task.key_id,
        "failure": task.failure.reason if task.failure else None,
        "failure_message": task.failure.message if task.failure else None,
    }
