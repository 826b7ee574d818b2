"""The counts of limits in the table as in their fake."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain import counts
from reelkeep.domain.counts import Counts, Use
from reelkeep.domain.errors import Later, OverBudget
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.room import waiting, waits_for_owner
from reelkeep.domain.task import DispatchStatus, Price, State, Task
from reelkeep.ports.owners import Caller
from reelkeep.services.counts import RepairCounts
from reelkeep.services.gates import Gates
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.owners_line import OwnersLine
from tests.fakes.owners import FakeCounters, FakeLedger
from tests.fakes.tasks import FakeTasks
from tests.integration.example import NOON, a_task
from tests.unit.services.harness import FakeExecutions

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports.owners import Counters, Ledger

PRICE = Price(unit="credits", units=Decimal(20), each=Decimal("0.005"), currency="USD")
NEW = replace(a_task(), key_id="k1", price=PRICE, created_at=NOON, state=State.CREATED)
MONEY = Limits(money_a_day=Decimal(6), money_a_month=Decimal(9), currency="USD")
EVERY = replace(MONEY, tasks_at_once=50, submissions_a_minute=90, videos_a_day=90)


@pytest.fixture(params=["table", "fake"])
def ports(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> tuple[Counters, Ledger]:
    if request.param == "table":
        return TableCounters(dynamodb, table), TableLedger(dynamodb, table, clock=lambda: NOON)
    counters = FakeCounters()
    return counters, FakeLedger(counters=counters, clock=lambda: NOON)


def caller(own: Limits = EVERY, key: Limits | None = None, key_id: str = "k1") -> Caller:
    return Caller("alice", key_id, settings=OwnerSettings(limits=own), limits=key or Limits())


def use_of(at_once: int, a_minute: int, a_day: int, money: str) -> Use:
    return Use(
        tasks_at_once=at_once,
        submissions_a_minute=a_minute,
        videos_a_day=a_day,
        money_a_day=Decimal(money),
        money_a_month=Decimal(money),
    )


def test_submissions_are_counted_until_a_limit_and_their_ends_change_the_counts(
    ports: tuple[Counters, Ledger],
) -> None:
    counters, ledger = ports
    gates, keep = Gates(counters), KeepLedger(ledger)

    def used(counter: str = "") -> Use:
        return counts.use(counters.counts("alice"), counter, "USD", NOON)

    passed = [gates(replace(NEW, id=f"{number:032x}"), caller(key=EVERY), NOON) for number in range(3)]
    assert used() == used("k1") == use_of(3, 3, 3, "0.3")
    assert [task.reservation.number for task in passed if task.reservation] == [1, 2, 3]
    for task in passed:
        keep(task)
        keep(task)
    assert used("k1").tasks_at_once == 3
    keep(replace(passed[0], state=State.ARCHIVING, credits=25, version=1))
    gates.give_back(passed[1])
    gates.give_back(passed[1])
    assert used() == used("k1") == use_of(1, 3, 2, "0.225")
    with pytest.raises(Later):
        gates(NEW, caller(Limits(videos_a_day=2)), NOON)
    gates(NEW, caller(Limits(submissions_a_minute=1)), NOON + timedelta(minutes=1))
    with pytest.raises(Later):
        gates(NEW, caller(Limits(submissions_a_minute=1)), NOON + timedelta(minutes=1))
    gates(NEW, caller(), NOON)  # two of these were never recorded, and one was given back though it was
    for warned in (2, 3, 1):
        counters.warned("alice", "warned.money:2026-11-21:USD", Decimal(warned))
    repair = RepairCounts(counters, ledger, FakeTasks(), lambda: NOON + timedelta(minutes=12))
    wrong = {"at_once": "3 instead of 2", "tasks:2026-11-21": "4 instead of 3"}
    wrong |= {"k1.at_once": "1 instead of 2", "k1.tasks:2026-11-21": "2 instead of 3"}
    found = repair("alice", ("", "k1"))
    assert {name: found[name] for name in wrong} == wrong
    assert repair("alice", ("", "k1")) == {}
    assert counters.counts("alice")["warned.money:2026-11-21:USD"] == 3
    assert [replace(used(each), submissions_a_minute=0) for each in ("", "k1")] == [use_of(2, 0, 3, "0.325")] * 2
    late = replace(repair, counters=Changing(counters, keep, passed[2]))
    gates(NEW, caller(), NOON)
    assert late("alice", ("", "k1")) == {}  # not while the counts change
    assert used().tasks_at_once == 2


class Changing:
    """Counts that a ledger's entry changes after they were read."""

    def __init__(self, counters: Counters, keep: KeepLedger, task: Task) -> None:
        self.counters, self._keep, self._task = counters, keep, task

    def counts(self, owner: str) -> Counts:
        found = {**self.counters.counts(owner)}
        self._keep(replace(self._task, state=State.ARCHIVING, version=1))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.counters, name)


@pytest.mark.parametrize("keys", [1, 10])
def test_of_many_at_once_none_passes_a_limit(dynamodb: DynamoDBClient, table: str, keys: int) -> None:
    gates = Gates(TableCounters(dynamodb, table))
    budget = Limits(money_a_day=Decimal(6), currency="USD")

    def passed(number: int) -> Task | None:
        with suppress(OverBudget):
            return gates(replace(NEW, id=f"{number:032x}"), caller(budget, key_id=f"k{number % keys}"), NOON)
        return None

    with ThreadPoolExecutor(16) as pool:
        assert sum(task is not None for task in pool.map(passed, range(200))) == 60


def test_whoever_lets_the_next_tasks_of_an_owner_go_on_each_goes_on_once_and_none_passes_the_limit(
    dynamodb: DynamoDBClient, table: str
) -> None:
    tasks, slots = TableTasks(dynamodb, table), TableSlots(dynamodb, table)
    counters, ledger = TableCounters(dynamodb, table), TableLedger(dynamodb, table, clock=lambda: NOON)
    settings, executions = OwnerSettings(limits=Limits(tasks_at_once=3), when_full="queue"), FakeExecutions()
    line = OwnersLine(tasks, slots, counters, lambda _: settings, executions, lambda: NOON)
    gates, keep = Gates(counters, line.is_waited_for), KeepLedger(ledger)
    new = NEW.with_dispatch(status=DispatchStatus.WAITING)
    for number in range(12):
        task = tasks.create(gates(replace(new, id=f"{number:032x}"), replace(caller(), settings=settings), NOON))
        if waits_for_owner(task):
            slots.join(waiting(task), NOON)
        keep(task)
    for ended in range(0, 12, 3):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(line.start_next, ["alice"] * 8))
        under_way = [task for task in map(tasks.get, (f"{n:032x}" for n in range(12))) if task and is_under_way(task)]
        assert [int(task.id, 16) for task in under_way] == [*range(ended, ended + 3)]
        assert counts.use(counters.counts("alice"), "", "USD", NOON).tasks_at_once == 3
        for task in under_way:
            keep(tasks.save(replace(task, state=State.ARCHIVING)))
    assert sorted(task_id for task_id, _ in executions.started) == [f"{number:032x}" for number in range(3, 12)]
    assert counts.use(counters.counts("alice"), "", "USD", NOON).tasks_at_once == 0


def is_under_way(task: Task) -> bool:
    return not waits_for_owner(task) and not task.is_generated
