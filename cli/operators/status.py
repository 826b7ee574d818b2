"""The state of a stack at a glance: the first thing that an operator types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final

import typer

from cli.operators.stack import Place, Stack
from cli.options import Json
from cli.output import Columns, counted, print_json, print_rows
from reelkeep.domain import schedule
from reelkeep.domain.errors import ReelkeepError
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.money import amount
from reelkeep.domain.task import DispatchStatus, FailureClass, State, Task
from reelkeep.domain.usage import grouped

if TYPE_CHECKING:
    from reelkeep.adapters.dynamodb.tasks import TableTasks

_MOST: Final = 5_000  # unfinished tasks that are read
_MOST_OWNERS: Final = 50
_FAILURES: Final = 500  # whose reasons are counted
_DAY: Final = timedelta(hours=24)
_OVERDUE: Final = timedelta(minutes=15)  # later than this, the sweep has not done what it should


@dataclass
class ProviderStatus:
    name: str
    dialect: str
    models: list[str]
    slots: int | None  # how many tasks it takes at once, as far as is known
    in_line: int
    health: str
    stopped: bool = False  # by an operator
    under_way: int = 0


@dataclass
class Status:
    providers: list[ProviderStatus] = field(default_factory=list)
    unfinished: dict[str, int] = field(default_factory=dict)  # tasks by state
    overdue: int = 0  # that nobody polls
    running_executions: int | None = None
    dead_letters: int | None = None
    submitted: int = 0  # within 24 hours, like all that follows
    failed: dict[str, int] = field(default_factory=dict)  # by reason
    lost: int = 0
    spent: dict[str, dict[str, str]] = field(default_factory=dict)  # today (UTC), by unit and currency
    attention: list[str] = field(default_factory=list)  # a sentence for each thing that a person should look at


def status(place: Place, json: Json = False) -> None:
    """Show how a stack is: providers, tasks under way, executions, failures, what needs a person.

    The exit code is 1 if something does.
    """
    found = look(place, datetime.now(UTC))
    if json:
        print_json(asdict(found))
    else:
        _print(found)
    if found.attention:
        raise typer.Exit(1)


def look(stack: Stack, now: datetime) -> Status:
    """Asks everything at once. What cannot be asked becomes a sentence."""
    from reelkeep.adapters.dynamodb.tasks import TableTasks

    found = Status()
    tasks, under_way = TableTasks(stack.dynamodb(), stack.table), list[Task]()
    parts: dict[str, Callable[[], None]] = {
        "the providers": lambda: _providers(stack, found, now),
        "the tasks": lambda: under_way.extend(islice(tasks.unfinished(), _MOST)),
        "the executions": lambda: _executions(stack, found),
        "the dead-letter queue": lambda: _dead_letters(stack, found),
        "what was spent": lambda: _spent(stack, found, now),
        "the last 24 hours": lambda: _last_day(stack, tasks, found, now),
    }
    with ThreadPoolExecutor(len(parts)) as pool:
        futures = {what: pool.submit(work) for what, work in parts.items()}
    for what, future in futures.items():
        if error := future.exception():
            if not isinstance(error, Exception):
                raise error
            found.attention.append(f"{what} cannot be read: {error}")
    _count(under_way, found, now)
    return found


def _providers(stack: Stack, found: Status, now: datetime) -> None:
    from reelkeep.adapters.dynamodb.durations import TableDurations
    from reelkeep.adapters.dynamodb.owners import TableOwners
    from reelkeep.adapters.dynamodb.slots import TableSlots
    from reelkeep.adapters.dynamodb.troubles import TableTroubles
    from reelkeep.adapters.providers.configuration import parse_providers
    from reelkeep.dialects import upstream
    from reelkeep.services.providers import FindStatus

    try:
        known = parse_providers(stack.providers(), upstream)
    except ReelkeepError as error:
        found.attention.append(str(error))
        return
    if not known:
        found.attention.append("no provider is configured: see `reelkeep providers check`")
    table, name_of_table = stack.dynamodb(), stack.table
    find = FindStatus(
        TableSlots(table, name_of_table),
        TableDurations(table, name_of_table),
        TableTroubles(table, name_of_table, lambda: now),
        lambda: now,
    )
    stopped = TableOwners(table, name_of_table).stopped().providers
    for name, (settings, _) in known.items():
        status = find(name, settings.account or name, settings.slots, settings.typical_seconds)
        found.providers.append(
            ProviderStatus(
                name,
                settings.dialect,
                list(settings.models),
                status.slots,
                status.in_line,
                status.health.value,
                name in stopped,
            )
        )
        for trouble in status.troubles:
            if trouble.goes_on(now):
                since = f"{trouble.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
                found.attention.append(f"{name} is {trouble.kind} since {since}: {trouble.message}")


def _executions(stack: Stack, found: Status) -> None:
    arn = stack.needed("state_machine_arn")
    answer = stack.client("stepfunctions").list_executions(
        stateMachineArn=arn, statusFilter="RUNNING", maxResults=1000
    )
    found.running_executions = len(answer["executions"])


def _dead_letters(stack: Stack, found: Status) -> None:
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.needed("dead_letter_queue_url"), AttributeNames=["ApproximateNumberOfMessages"]
    )
    found.dead_letters = int(answer["Attributes"]["ApproximateNumberOfMessages"])
    if found.dead_letters:
        found.attention.append(
            f"{counted(found.dead_letters, 'message')} in the dead-letter queue: see `reelkeep dlq list`"
        )


def _last_day(stack: Stack, tasks: TableTasks, found: Status, now: datetime) -> None:
    """By the indexes of owners: the table may be large."""
    from reelkeep.adapters.dynamodb.keys import TableKeys

    owners = TableKeys(stack.dynamodb(), stack.table).owners()[:_MOST_OWNERS]
    names, since = tuple(each.name for each in owners), Filter(created_from=now - _DAY)
    if not names:
        return
    found.submitted = tasks.page(names, Listing(size=1, filter=since, counted=True)).total or 0
    ended = tasks.page(names, Listing(size=_FAILURES, filter=replace(since, states=(State.FAILED, State.EXPIRED))))
    reasons = (task.failure.reason if task.failure else FailureClass.EXPIRED for task in ended)
    found.failed = dict(Counter(reason.value for reason in reasons))
    found.lost = found.failed.get(FailureClass.LOST.value, 0)
    if found.lost:
        found.attention.append(
            f"{counted(found.lost, 'task')} lost within 24 hours: see `reelkeep tasks --failure lost --since 1d`"
        )


def _spent(stack: Stack, found: Status, now: datetime) -> None:
    """In each unit and currency: what is charged, and what tasks under way may still cost."""
    from reelkeep.adapters.dynamodb.ledger import TableLedger

    for row in grouped(TableLedger(stack.dynamodb(), stack.table).sums(now.date(), None), ()):
        sums = {row.unit: (row.sum.units_charged, row.sum.units_reserved)}
        if row.currency:
            sums[row.currency] = row.sum.charged, row.sum.reserved
        for unit, (charged, reserved) in sums.items():
            before = found.spent.get(unit, {"charged": "0", "reserved": "0"})
            found.spent[unit] = {
                "charged": amount(Decimal(before["charged"]) + charged),
                "reserved": amount(Decimal(before["reserved"]) + reserved),
            }


def _count(under_way: list[Task], found: Status, now: datetime) -> None:
    found.unfinished = dict(Counter(task.state.value for task in under_way))
    found.overdue = sum(schedule.overdue_at(task) + _OVERDUE < now for task in under_way)
    if found.overdue:
        found.attention.append(f"{counted(found.overdue, 'task')} without a poll: see the log of the sweep function")
    by_name = {each.name: each for each in found.providers}
    for task in under_way:
        if provider := by_name.get(task.provider):
            provider.under_way += task.dispatch.status is not DispatchStatus.WAITING


def _print(found: Status) -> None:
    columns: Columns = {
        "PROVIDER": "name",
        "DIALECT": "dialect",
        "HEALTH": lambda each: "stopped" if each.stopped else each.health,
        "SLOTS": "slots",
        "UNDER WAY": "under_way",
        "IN LINE": "in_line",
    }
    print_rows(found.providers, columns, json=False)
    states = ", ".join(
        f"{found.unfinished[each.value]} {each.value}" for each in State if each.value in found.unfinished
    )
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(found.failed.items()))
    failed = sum(found.failed.values())
    print()
    print(f"under way     {counted(sum(found.unfinished.values()), 'task')}{f': {states}' if states else ''}")
    print(f"executions    {_or_unknown(found.running_executions)} running")
    print(f"last 24 h     {found.submitted:,} submitted, {failed:,} failed{f': {reasons}' if reasons else ''}")
    spent = (f"{sums['charged']} {unit} charged, {sums['reserved']} reserved" for unit, sums in found.spent.items())
    print(f"today         {'; '.join(spent) or 'nothing spent'}")
    print(f"dead letters  {_or_unknown(found.dead_letters)}")
    for sentence in found.attention:
        print(f"attention     {sentence}")


def _or_unknown(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
