"""What the table's stream says of tasks, and what it only seems to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from reelkeep.adapters.dynamodb.changes import (
    StreamProcessor,
    change_of_state,
    owner_with_other_settings,
    task_with_other_cost,
)
from reelkeep.adapters.dynamodb.task_record import to_item
from reelkeep.domain.task import ArchivedFile, Asset, Creation, State, Task
from tests.lambda_context import CONTEXT
from tests.unit.services.harness import NOON
from tests.unit.services.webhook_harness import task

QUEUEING = task()
PROCESSING = replace(QUEUEING, state=State.PROCESSING, version=1)


def record(before: Task | None, after: Task | None, number: int = 1) -> dict[str, Any]:
    images = {name: to_item(image, "w") for name, image in (("OldImage", before), ("NewImage", after)) if image}
    return {"dynamodb": {**images, "SequenceNumber": str(number)}}


def change(before: Task | None, after: Task | None) -> tuple[Task, Task] | None:
    return change_of_state(DynamoDBRecord(record(before, after)))


def test_a_change_of_a_state_is_read_as_the_task_was_before_and_after() -> None:
    assert change(QUEUEING, PROCESSING) == (QUEUEING, PROCESSING)


def test_a_file_that_comes_after_success_is_a_change() -> None:
    file = ArchivedFile(key="1-cover", bytes=7, sha256="ab", content_type="image/jpeg")
    before, after = (
        replace(task(), state=State.SUCCESS, creations=(Creation(id="c1", assets=(cover,)),))
        for cover in (Asset(name="cover"), Asset(name="cover", archived=file))
    )
    assert change(before, after) == (before, after)
    assert change(after, replace(after, removed_at=NOON)) is None


def test_a_change_of_anything_else_is_none() -> None:
    assert change(PROCESSING, replace(PROCESSING.with_polling(polls=7), updated_at=NOON, version=2)) is None


def test_a_task_that_comes_out_of_the_archive_or_goes_is_no_news() -> None:
    assert change(None, replace(QUEUEING, state=State.SUCCESS)) is None
    assert change(PROCESSING, None) is None


def test_what_a_task_costs_changes_when_it_is_new_is_done_or_the_provider_says_so() -> None:
    def costing(before: Task | None, after: Task | None) -> Task | None:
        return task_with_other_cost(DynamoDBRecord(record(before, after)))

    done = replace(PROCESSING, state=State.ARCHIVING)
    assert costing(None, QUEUEING) == QUEUEING
    assert costing(PROCESSING, done) == done
    assert costing(QUEUEING, replace(PROCESSING, credits=7)) is not None
    assert costing(QUEUEING, PROCESSING) is costing(done, replace(done, state=State.SUCCESS)) is None
    assert costing(PROCESSING, None) is None


def test_what_is_no_task_is_passed_over() -> None:
    answer = {"pk": {"S": f"task#{QUEUEING.id}"}, "sk": {"S": "answer#1"}}
    images = DynamoDBRecord({"dynamodb": {"OldImage": answer, "NewImage": answer}})
    assert change_of_state(images) is None
    assert task_with_other_cost(images) is None


def test_an_owner_whose_settings_changed_is_named() -> None:
    def named(partition: str, sort: str) -> str:
        return owner_with_other_settings(
            DynamoDBRecord({"dynamodb": {"Keys": {"pk": {"S": partition}, "sk": {"S": sort}}}})
        )

    assert named("owners", "alice") == "alice"
    assert named("spend#alice", "counts") == named("keys", "owners") == ""
    assert owner_with_other_settings(DynamoDBRecord(record(QUEUEING, PROCESSING))) == ""


@pytest.mark.parametrize(("failing", "repeated_from"), [("0", ["0"]), ("2", ["2"]), ("4", ["4"]), ("", [])])
def test_nothing_overtakes_a_record_that_fails_and_the_batch_is_repeated_from_it(
    failing: str, repeated_from: list[str]
) -> None:
    handled = []

    def handle(record: DynamoDBRecord) -> None:
        assert record.dynamodb is not None
        number = str(record.dynamodb.sequence_number)
        if number == failing:
            raise RuntimeError(number)
        handled.append(number)

    processor = StreamProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    event = {"Records": [record(QUEUEING, PROCESSING, number) for number in range(5)]}
    answer: Any = process_partial_response(event, handle, processor, CONTEXT)  # type: ignore[arg-type]
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == repeated_from
    assert handled == [str(number) for number in range(int(failing or 5))]
