"""What providers called with, in the table as in its fake."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reelkeep.adapters.dynamodb.seen_callbacks import TableSeenCallbacks
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.errors import TryLater
from reelkeep.domain.listing import Listing
from tests.fakes.providers import FakeSeenCallbacks
from tests.integration.example import NOON
from tests.integration.faults import LosesAnswers

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from reelkeep.ports.providers import SeenCallbacks

SOON = NOON + timedelta(minutes=10)


@pytest.fixture(params=["table", "fake"])
def calls(request: pytest.FixtureRequest, dynamodb: DynamoDBClient, table: str) -> SeenCallbacks:
    return TableSeenCallbacks(dynamodb, table) if request.param == "table" else FakeSeenCallbacks()


def test_a_call_is_known_from_when_it_was_taken_and_no_other_with_it(calls: SeenCallbacks) -> None:
    assert not calls.contains("vidu", "ab")
    calls.add("vidu", "ab", SOON)
    calls.add("vidu", "ab", SOON)
    assert calls.contains("vidu", "ab")
    assert not calls.contains("vidu", "ac")
    assert not calls.contains("twin", "ab")


def test_a_call_is_deleted_by_the_table_itself_and_is_in_no_listing(dynamodb: DynamoDBClient, table: str) -> None:
    TableSeenCallbacks(dynamodb, table).add("vidu", "ab", SOON)
    [item] = dynamodb.scan(TableName=table)["Items"]
    assert item["expires_at"] == {"N": str(int(SOON.timestamp()))}
    tasks = TableTasks(dynamodb, table)
    assert tasks.page("alice", Listing()).tasks == ()
    assert list(tasks.unfinished()) == []


def test_a_table_that_does_not_answer_is_to_be_asked_later(new_dynamodb: DynamoDBClient, table: str) -> None:
    LosesAnswers(answers=100).between(new_dynamodb)
    with pytest.raises(TryLater):
        TableSeenCallbacks(new_dynamodb, table).add("vidu", "ab", SOON)
    with pytest.raises(TryLater):
        TableSeenCallbacks(new_dynamodb, "no-such-table").contains("vidu", "ab")
