"""The ledger in the table as in its fake."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.ledger import MOST_TAGS, Account, Balance, balance, entries, total
from reelkeep.domain.task import Price, State, Task
from reelkeep.services.ledger import KeepLedger
from tests.fakes.owners import FakeLedger
from tests.integration.example import NOON
from tests.unit.services.harness import request
from tests.unit.services.webhook_harness import task

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports.owners import Ledger

TODAY = NOON.date()
TOKENS = Price(unit="tokens", units=Decimal(48_600), each=Decimal("0.0000012"), currency="USD", since="2026-04-01")
NEW = replace(task(), request=request(tags=("film", "#1")), price=TOKENS, state=State.CREATED)
DONE = replace(NEW, state=State.ARCHIVING, tokens=48_601, version=2)


@pytest.fixture(params=["table", "fake"])
def ledger(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> Ledger:
    return TableLedger(dynamodb, table) if request.param == "table" else FakeLedger()


def sums(ledger: Ledger, owner: str | None = "alice") -> dict[Account, Balance]:
    found: dict[Account, Balance] = {}
    for account, there in ledger.sums(TODAY, owner):
        found[account] = found.get(account, Balance()) + there
    return {account: there for account, there in found.items() if there != Balance()}


def test_entries_and_sums_are_written_together_and_read_as_they_were_written(ledger: Ledger) -> None:
    keep = KeepLedger(ledger)
    assert [keep(each) for each in (NEW, NEW, DONE, DONE, NEW)] == [1, 0, 1, 0, 0]
    written = ledger.entries(NEW.id)
    assert [each.reason for each in written] == ["reserve", "charge"]
    assert sums(ledger) == total(written) == balance(DONE)
    assert [each.charged for each in sums(ledger).values()] == [Decimal("0.058321")]
    assert not list(ledger.sums(TODAY + timedelta(days=1), "alice"))


def test_an_owner_s_day_has_so_many_sets_of_tags_and_those_that_it_has_stay(
    ledger: Ledger, dynamodb: DynamoDBClient, table: str
) -> None:
    for number in range(MOST_TAGS):
        assert ledger.admits("alice", TODAY, (f"task-{number}",))
    others = [ledger, TableLedger(dynamodb, table)] if isinstance(ledger, TableLedger) else [ledger]
    for each in others:  # one of another function remembers nothing
        assert each.admits("alice", TODAY, ("task-7",))
        assert not each.admits("alice", TODAY, ("one", "more"))
        assert each.admits("alice", TODAY + timedelta(days=1), ("one", "more"))
        assert each.admits("bob", TODAY, ("one", "more"))


def test_an_owner_s_sums_are_its_own_and_nobody_s_are_all(ledger: Ledger) -> None:
    other = replace(DONE, id="f" * 32, owner="alice.b")
    for each in (DONE, other):
        KeepLedger(ledger)(each)
    assert sums(ledger) == balance(DONE)
    assert sums(ledger, None) == balance(DONE) | balance(other)


def test_a_number_that_is_taken_enters_nothing_and_changes_no_sum(ledger: Ledger) -> None:
    KeepLedger(ledger)(NEW)
    with pytest.raises(Stale):
        ledger.add(NEW, (), entries(DONE, ()))
    assert sums(ledger) == balance(NEW)


def test_many_tasks_at_once_lose_no_sum(dynamodb: DynamoDBClient, table: str) -> None:
    ledger = TableLedger(dynamodb, table)
    tasks = [replace(DONE, id=f"{number:031x}7") for number in range(20)]  # of one shard
    threads = [Thread(target=_keep_all, args=(ledger, tasks)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [there] = sums(ledger).values()
    assert (there.tasks, there.charged) == (20, 20 * Decimal("0.058321"))


def _keep_all(ledger: Ledger, tasks: list[Task]) -> None:
    for each in tasks:
        KeepLedger(ledger)(each)


class Conflicting:
    """A table at which other transactions are under way, for so many calls."""

    def __init__(self, client: DynamoDBClient, conflicts: int) -> None:
        self._client, self.conflicts = client, conflicts

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def transact_write_items(self, **call: object) -> object:
        self.conflicts -= 1
        if self.conflicts >= 0:
            error = {"Error": {"Code": "TransactionCanceledException", "Message": "conflict"}}
            reasons = {"CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}]}
            raise ClientError({**error, **reasons}, "TransactWriteItems")  # type: ignore[typeddict-item]
        return self._client.transact_write_items(**call)  # type: ignore[arg-type]


@pytest.mark.parametrize(("conflicts", "entered"), [(5, 1), (6, 0)])
def test_a_transaction_that_meets_another_one_is_tried_again(
    dynamodb: DynamoDBClient, table: str, conflicts: int, entered: int
) -> None:
    pauses: list[float] = []
    client = Conflicting(dynamodb, conflicts)
    ledger = TableLedger(client, table, pause=pauses.append)  # type: ignore[arg-type]
    if entered:
        assert KeepLedger(ledger)(NEW) == 1
    else:
        with pytest.raises(TryLater):
            KeepLedger(ledger)(NEW)
    assert len(pauses) == 5
    assert len(sums(ledger)) == entered
