"""What providers called with, in the table as in its fake."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reelkeep.adapters.dynamodb.calls import TableCalls
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.errors import TryLater
from reelkeep.domain.listing import Listing
from tests.fakes import FakeCalls
from tests.integration.example import NOON
from tests.integration.faults import LosesAnswers

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports import Calls

SOON = NOON + timedelta(minutes=10)


@pytest.fixture(params=["table", "fake"])
def calls(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> Calls:
    return TableCalls(dynamodb, table) if request.param == "table" else FakeCalls()


def test_a_call_is_known_from_when_it_was_taken_and_no_other_with_it(calls: Calls) -> None:
    assert not calls.taken("vidu", "ab")
    calls.take("vidu", "ab", SOON)
    calls.take("vidu", "ab", SOON)
    assert calls.taken("vidu", "ab")
    assert not calls.taken("vidu", "ac")
    assert not calls.taken("twin", "ab")


def test_a_call_is_deleted_by_the_table_itself_and_is_in_no_listing(dynamodb: DynamoDBClient, table: str) -> None:
    TableCalls(dynamodb, table).take("vidu", "ab", SOON)
    [item] = dynamodb.scan(TableName=table)["Items"]
    assert item["expires_at"] == {"N": str(int(SOON.timestamp()))}
    tasks = TableTasks(dynamodb, table)
    assert tasks.page("alice", Listing()).tasks == ()
    assert list(tasks.unfinished()) == []


def test_a_table_that_does_not_answer_is_to_be_asked_later(new_dynamodb: DynamoDBClient, table: str) -> None:
    LosesAnswers(answers=100).between(new_dynamodb)
    with pytest.raises(TryLater):
        TableCalls(new_dynamodb, table).take("vidu", "ab", SOON)
    with pytest.raises(TryLater):
        TableCalls(new_dynamodb, "no-such-table").taken("vidu", "ab")
