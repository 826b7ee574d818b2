"""When the table answers late, not at all, or in part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.listing import Listing
from reelkeep.domain.task import State
from tests.integration.example import NOON, a_task
from tests.integration.faults import LosesAnswers

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass
class AnswersInPart:
    """Answers for one key of each of the first batches."""

    batches: int
    pauses: list[float] = field(default_factory=list)

    def between(self, client: DynamoDBClient) -> None:
        client.meta.events.register("after-call.dynamodb.BatchGetItem", self._shorten)

    def _shorten(self, parsed: dict[str, Any], **_: object) -> None:
        if self.batches > 0:
            self.batches -= 1
            ((table, items),) = parsed["Responses"].items()
            keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items[1:]]
            parsed.update(Responses={table: items[:1]}, UnprocessedKeys={table: {"Keys": keys}})


def test_a_save_whose_answer_got_lost_is_no_conflict_with_itself(new_dynamodb: DynamoDBClient, table: str) -> None:
    tasks = TableTasks(new_dynamodb, table)
    task = tasks.create(a_task())
    line = LosesAnswers()
    line.between(new_dynamodb)
    saved = tasks.save(task.advanced(State.QUEUEING, NOON))
    assert line.sent == 2
    assert tasks.get(task.id) == saved
    assert tasks.save(saved).version == 2


def test_a_creation_whose_answer_got_lost_is_no_conflict_with_itself(
    new_dynamodb: DynamoDBClient, table: str
) -> None:
    tasks = TableTasks(new_dynamodb, table)
    line = LosesAnswers(answers=2)
    line.between(new_dynamodb)
    task = tasks.create(a_task())
    assert line.sent == 3
    assert tasks.get(task.id) == task


def test_a_lost_answer_does_not_hide_that_somebody_else_was_first(new_dynamodb: DynamoDBClient, table: str) -> None:
    tasks = TableTasks(new_dynamodb, table)
    task = tasks.create(a_task())
    theirs = tasks.save(task.advanced(State.QUEUEING, NOON))
    LosesAnswers().between(new_dynamodb)
    with pytest.raises(Stale):
        tasks.save(task.advanced(State.QUEUEING, NOON))
    assert tasks.get(task.id) == theirs


def test_what_a_batch_leaves_out_is_asked_for_again_after_a_pause(new_dynamodb: DynamoDBClient, table: str) -> None:
    line = AnswersInPart(batches=2)
    tasks = TableTasks(new_dynamodb, table, pause=line.pauses.append)
    created = [tasks.create(a_task(second)) for second in range(10)]
    line.between(new_dynamodb)
    assert tasks.page("alice", Listing()).tasks == tuple(reversed(created))
    assert line.pauses == [0.05, 0.1]


def test_a_table_that_does_not_keep_up_is_not_asked_for_ever(new_dynamodb: DynamoDBClient, table: str) -> None:
    line = AnswersInPart(batches=1000)
    tasks = TableTasks(new_dynamodb, table, pause=line.pauses.append)
    for second in range(20):
        tasks.create(a_task(second))
    line.between(new_dynamodb)
    with pytest.raises(TryLater):
        tasks.page("alice", Listing())
    assert sum(line.pauses) == pytest.approx(1.55)


def test_a_record_of_a_newer_release_is_read(dynamodb: DynamoDBClient, table: str) -> None:
    tasks = TableTasks(dynamodb, table)
    task = tasks.create(a_task())
    item = dynamodb.scan(TableName=table)["Items"][0]
    document = item["document"]["S"].replace('{"id"', '{"unheard_of":[1],"id"', 1)
    dynamodb.put_item(TableName=table, Item={**item, "document": {"S": document}, "new": {"S": "new"}})
    assert "unheard_of" in document
    assert tasks.get(task.id) == task
    assert tasks.save(task.with_polling(polls=1)).polling.polls == 1
