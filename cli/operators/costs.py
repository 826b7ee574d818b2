"""Costs: what the tasks of all owners cost, and whether the ledger says what the tasks say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import Misused
from cli.operators.folders import Days, SubmittedOn
from cli.operators.stack import Place
from cli.options import Commands, Json
from cli.output import Columns, Progress, counted, print_json, print_rows
from cli.parallel import in_parallel
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.delivered import Difference, differences
from reelkeep.domain.ledger import Account, Balance, cost, entries, total
from reelkeep.domain.money import amount
from reelkeep.domain.usage import GROUPS, USUAL_DAYS, UsageRow, grouped
from reelkeep.services.counts import RepairCounts, count_queued
from reelkeep.services.ledger import KeepLedger

if TYPE_CHECKING:
    from datetime import date

    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.domain.task import Task

_WORKERS = 16
_BATCH = 100  # tasks that are read at once
_SETTLED = timedelta(minutes=10)  # the ledger follows a task by seconds

group = Commands(help=__doc__, no_args_is_help=True)


@group.command()
def show(
    days: SubmittedOn,
    place: Place,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="WHAT", help=f"One of {', '.join(GROUPS)}; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what was reserved and charged, for all owners; by default by owner, for the last 30 days."""
    groups = tuple(dict.fromkeys(by or ["owner"]))
    if not set(groups) <= set(GROUPS):
        raise Misused(f"--by is one of {', '.join(GROUPS)}")
    ledger = TableLedger(place.dynamodb(), place.table)
    found = grouped((each for day in _each(days) for each in ledger.sums(day, None)), groups)
    names = ("tasks", "unpriced", "unit", "units_reserved", "units_charged", "currency", "reserved", "charged")
    print_rows([{**each.group, **_shown(each)} for each in found], _columns(*groups, *names), json=json)


@group.command()
def check(
    days: SubmittedOn,
    place: Place,
    mend: Annotated[
        bool,
        typer.Option("--mend", help="Add the entries that are lacking, and set right what counts against limits."),
    ] = False,
    json: Json = False,
) -> int:
    """Compare the ledger with the tasks, and its sums with its entries; exit code 1 if something differs.

    Tasks that changed within the last ten minutes are left out: the ledger follows them.
    """
    client = place.dynamodb(_WORKERS)
    tasks, ledger = TableTasks(client, place.table), TableLedger(client, place.table)
    settled_before = datetime.now(UTC) - _SETTLED
    checked, lacking, moving = 0, list[str](), set[str]()
    entered: dict[Account, Balance] = {}
    with Progress() as progress:
        compare = partial(_compared, ledger, mend=mend)
        for task, there, lacks in in_parallel(compare, _tasks(tasks, days), workers=_WORKERS):
            checked += 1
            progress.show(counted(checked, "task"))
            if task.updated_at > settled_before:
                moving.add(f"{task.created_at:%Y-%m-%d}")
            elif lacks:
                lacking.append(task.id)
            for account, balance in there.items():
                entered[account] = entered.get(account, Balance()) + balance
    wrong = _wrong_sums(ledger, entered, moving)
    counts = _wrong_counts(client, place.table, ledger, mend=mend)
    if json:
        facts = {"tasks": checked, "lacking": lacking, "mended": mend, "wrong_sums": wrong, "wrong_counts": counts}
        print_json({**facts, "days_with_changes": sorted(moving)})
        return bool(((lacking or counts) and not mend) or wrong)
    print(f"{counted(checked, 'task')} checked")
    for task_id in lacking:
        print(f"{'mended' if mend else 'differs'}: the ledger of task {task_id}")
    for said in wrong:
        print(f"differs: {said}")
    for said in counts:
        print(f"{'mended' if mend else 'differs'}: {said}")
    return bool(((lacking or counts) and not mend) or wrong)


@group.command()
def differing(days: SubmittedOn, place: Place, json: Json = False) -> None:
    """List the tasks whose videos are not what was ordered, or not what their providers claim, for a refund."""
    tasks = TableTasks(place.dynamodb(), place.table)
    rows = [_difference(task, each) for task in _tasks(tasks, days) for each in differences(task)]
    print_rows(rows, _columns(*_DIFFERENCE), json=json)


def _columns(*names: str) -> Columns:
    return {name.upper().replace("_", " "): name for name in names}


_DIFFERENCE = (
    "task", "owner", "provider", "provider_task_id", "what", "ordered", "claimed", "delivered", "units", "unit",
    "amount", "currency",
)  # fmt: skip


def _difference(task: Task, each: Difference) -> dict[str, str | None]:
    unit, units, money = cost(task)
    values = (
        task.id,
        task.owner,
        task.provider,
        task.provider_task_id,
        each.what,
        each.ordered,
        each.claimed,
        each.delivered,
        "" if units is None else amount(units),
        unit,
        "" if money is None else amount(money),
        task.price.currency if task.price else "",
    )
    return {name: value or None for name, value in zip(_DIFFERENCE, values, strict=True)}


def _wrong_counts(client: DynamoDBClient, table: str, ledger: TableLedger, *, mend: bool) -> list[str]:
    """What counts against limits, and is not what the ledger says: a function died as it submitted a task."""
    tasks, slots = TableTasks(client, table), TableSlots(client, table)

    def queued(owner: str) -> int:
        return count_queued(owner, slots=slots, tasks=tasks)

    repair = RepairCounts(TableCounters(client, table), ledger, tasks, lambda: datetime.now(UTC), queued)
    return [
        f"{name} of {owner} is {difference}"
        for owner, counters in TableKeys(client, table).counters().items()
        for name, difference in repair(owner, counters, repair=mend).items()
    ]


def _each(days: Days) -> list[date]:
    until = days.until or datetime.now(UTC).date()
    since = days.since or until - timedelta(days=USUAL_DAYS - 1)
    return [since + timedelta(days=number) for number in range((until - since).days + 1)]


def _tasks(tasks: TableTasks, days: Days) -> Iterator[Task]:
    """All of these days, each once."""
    under_way = (task.id for task in tasks.unfinished() if task.id in days.span)
    ids = iter(dict.fromkeys(chain(tasks.ended(days.span), under_way)))
    while batch := list(islice(ids, _BATCH)):
        yield from tasks.get_all(batch)


def _compared(ledger: TableLedger, task: Task, *, mend: bool) -> tuple[Task, dict[Account, Balance], bool]:
    """What is entered for the task, and whether it was too little."""
    lacking = entries(task, ledger.entries(task.id))
    lacks = any(entry.change != Balance() for entry in lacking)  # one that only says "nothing" is of no account
    if lacks and mend:
        KeepLedger(ledger)(task)
    return task, total(ledger.entries(task.id)), lacks


def _wrong_sums(ledger: TableLedger, entered: dict[Account, Balance], moving: set[str]) -> list[str]:
    wrong = []
    for day in sorted({account.day for account in entered} - moving):
        sums: dict[Account, Balance] = {}
        for account, balance in ledger.sums(datetime.fromisoformat(day).date(), None):
            sums[account] = sums.get(account, Balance()) + balance
        for account in sorted({*sums, *(each for each in entered if each.day == day)}, key=str):
            there, wanted = sums.get(account, Balance()), entered.get(account, Balance())
            if there != wanted:
                wrong.append(f"the sum of {account.owner} on {day}: {there} instead of {wanted}")
    return wrong


def _shown(row: UsageRow) -> dict[str, int | str | None]:
    return {
        "tasks": row.sum.tasks,
        "unpriced": row.sum.unpriced,
        "unit": row.unit,
        "units_reserved": amount(row.sum.units_reserved),
        "units_charged": amount(row.sum.units_charged),
        "currency": row.currency or None,
        "reserved": amount(row.sum.reserved) if row.currency else None,
        "charged": amount(row.sum.charged) if row.currency else None,
    }
