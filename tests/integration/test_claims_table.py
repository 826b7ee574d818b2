"""Claims in the table, and submissions that race for one: exactly one of them calls the provider."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from reelkeep.adapters.dynamodb.claims import TableClaims
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.claims import Claim
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.ids import new_task_id
from reelkeep.domain.listing import Listing
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import Task
from reelkeep.ports.owners import Caller
from reelkeep.services.end_reports import EndReports
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.gates import Gates
from reelkeep.services.room import Room
from reelkeep.services.submit import Submit
from tests.fakes.owners import FakeCounters
from tests.fakes.providers import FakeDurations
from tests.fakes.tasks import FakeClaims
from tests.integration.example import NOON, a_task
from tests.integration.faults import LosesAnswers
from tests.unit.services.harness import (
    LONGEST_WAIT,
    FakeArchive,
    FakeDestinations,
    FakeExecutions,
    FakeNotices,
    FakeProvider,
    FakeProviders,
    request,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports.tasks import Claims

CLAIM = Claim(
    owner="alice",
    sort="key",
    name="ab" * 32,
    fingerprint="cd" * 32,
    task_id=new_task_id(NOON),
    expires_at=NOON + timedelta(days=7),
)
LATER = replace(
    CLAIM,
    task_id=new_task_id(NOON),
    fingerprint="ef" * 32,
    expires_at=NOON + timedelta(days=14),
    awaits_first=True,
)


@pytest.fixture(params=["table", "fake"])
def claims(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> Claims:
    return TableClaims(dynamodb, table) if request.param == "table" else FakeClaims()


def test_the_first_claim_stands_until_it_expires(claims: Claims) -> None:
    assert claims.claim(CLAIM, NOON) == CLAIM
    assert claims.claim(LATER, NOON) == CLAIM
    assert claims.claim(LATER, CLAIM.expires_at - timedelta(seconds=1)) == CLAIM
    assert claims.claim(LATER, CLAIM.expires_at) == LATER
    assert claims.claim(CLAIM, CLAIM.expires_at) == LATER


def test_a_claim_gives_way_to_one_that_names_its_task(claims: Claims) -> None:
    claims.claim(CLAIM, NOON)
    assert claims.claim(LATER, NOON, instead_of=LATER.task_id) == CLAIM
    assert claims.claim(LATER, NOON, instead_of=CLAIM.task_id) == LATER
    assert claims.claim(CLAIM, NOON, instead_of=CLAIM.task_id) == LATER


@pytest.mark.parametrize("other", [{"owner": "bob"}, {"sort": "request"}, {"name": "ba" * 32}])
def test_claims_of_another_owner_sort_or_name_do_not_meet(claims: Claims, other: dict[str, Any]) -> None:
    claims.claim(CLAIM, NOON)
    different = replace(LATER, **other)
    assert claims.claim(different, NOON) == different


def test_a_task_is_recorded_under_a_claim_of_another_submission_only_while_that_stands(
    dynamodb: DynamoDBClient, table: str
) -> None:
    claims, tasks = TableClaims(dynamodb, table), TableTasks(dynamodb, table)
    claims.claim(CLAIM, NOON)
    task = replace(a_task(), id=CLAIM.task_id)
    claims.claim(LATER, NOON, instead_of=CLAIM.task_id)
    with pytest.raises(Stale):
        tasks.create_under(CLAIM, task)
    assert tasks.get(CLAIM.task_id) is None
    claims.claim(CLAIM, NOON, instead_of=LATER.task_id)
    assert tasks.get(tasks.create_under(CLAIM, task).id) == task
    assert claims.claim(LATER, NOON) == CLAIM
    with pytest.raises(Stale):
        tasks.create_under(CLAIM, task)


def test_a_claim_is_deleted_by_the_table_itself_and_is_in_no_listing(dynamodb: DynamoDBClient, table: str) -> None:
    TableClaims(dynamodb, table).claim(CLAIM, NOON)
    [item] = dynamodb.scan(TableName=table)["Items"]
    assert item["expires_at"] == {"N": str(int(CLAIM.expires_at.timestamp()))}
    tasks = TableTasks(dynamodb, table)
    assert tasks.page("alice", Listing()).tasks == ()
    assert list(tasks.unfinished()) == []


def test_a_claim_whose_answer_got_lost_is_no_conflict_with_itself(new_dynamodb: DynamoDBClient, table: str) -> None:
    line = LosesAnswers()
    line.between(new_dynamodb)
    assert TableClaims(new_dynamodb, table).claim(CLAIM, NOON) == CLAIM
    assert line.sent == 2


def test_a_table_that_does_not_answer_is_to_be_asked_later(new_dynamodb: DynamoDBClient, table: str) -> None:
    claims, tasks = TableClaims(new_dynamodb, table), TableTasks(new_dynamodb, table)
    LosesAnswers(answers=100).between(new_dynamodb)
    with pytest.raises(TryLater):
        claims.claim(CLAIM, NOON)
    with pytest.raises(TryLater):
        tasks.create(a_task())


def test_a_table_that_is_not_there_is_a_fault_for_later_too(dynamodb: DynamoDBClient) -> None:
    with pytest.raises(TryLater):
        TableTasks(dynamodb, "no-such-table").get("0" * 32)
    with pytest.raises(TryLater):
        TableClaims(dynamodb, "no-such-table").claim(CLAIM, NOON)


# --- the race ---

THREADS = 20
BODY = {"prompt": "a paper boat"}


class DyingTasks(TableTasks):
    """The function is killed before it records anything."""

    def create(self, task: Task) -> Task:
        raise KeyboardInterrupt(task.id)


@dataclass
class Functions:
    """Submit functions that share a table and a provider."""

    dynamodb: DynamoDBClient
    table: str
    provider: FakeProvider = field(default_factory=FakeProvider)

    def at_once(self, key: str | None, window: timedelta = timedelta()) -> list[Task]:
        start = Barrier(THREADS)

        def one() -> Task:
            start.wait()
            return self.submit(TableTasks(self.dynamodb, self.table), key, window)

        with ThreadPoolExecutor(THREADS) as threads:
            return [each.result() for each in [threads.submit(one) for _ in range(THREADS)]]

    def submit(self, tasks: TableTasks, key: str | None, window: timedelta = timedelta()) -> Task:
        slots, providers = TableSlots(self.dynamodb, self.table), FakeProviders(self.provider)
        submit = Submit(
            tasks=tasks,
            claims=TableClaims(self.dynamodb, self.table),
            requests=FakeArchive(),
            providers=providers,
            executions=FakeExecutions(),
            destinations=FakeDestinations(),
            notices=FakeNotices(),
            room=Room(tasks, slots, providers, FakeExecutions(), EndReports(slots), lambda: NOON),
            forecasts=Forecasts(FakeDurations(), 6.0, lambda: NOON),
            gates=Gates(FakeCounters()),
            longest_wait=LONGEST_WAIT,
            clock=lambda: NOON,
            new_id=new_task_id,
        )
        return submit(
            request(body=BODY),
            Caller("alice", "key-1", settings=OwnerSettings(repeat_window=int(window.total_seconds()))),
            key,
        )


@pytest.fixture
def functions(dynamodb: DynamoDBClient, table: str) -> Functions:
    return Functions(dynamodb, table)


@pytest.mark.parametrize(("key", "window"), [("k", timedelta()), (None, timedelta(minutes=1))])
def test_twenty_at_once_with_one_key_or_in_one_window_are_one_task_and_one_call(
    functions: Functions, key: str | None, window: timedelta
) -> None:
    tasks = functions.at_once(key, window)
    assert len({task.id for task in tasks}) == 1
    assert [task.id for task in functions.provider.dispatched] == [tasks[0].id]
    assert [task.id for task in TableTasks(functions.dynamodb, functions.table).unfinished()] == [tasks[0].id]


def test_twenty_at_once_without_a_key_are_twenty_tasks(functions: Functions) -> None:
    assert len({task.id for task in functions.at_once(None)}) == len(functions.provider.dispatched) == THREADS


def test_twenty_at_once_after_the_first_died_before_it_recorded_anything_are_one_task(functions: Functions) -> None:
    with pytest.raises(KeyboardInterrupt) as killed:
        functions.submit(DyingTasks(functions.dynamodb, functions.table), "k")
    assert {task.id for task in functions.at_once("k")} == {str(killed.value)}
    assert len(functions.provider.dispatched) == 1
