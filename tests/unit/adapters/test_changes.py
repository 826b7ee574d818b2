"""What the table's stream says of tasks, and what it only seems to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reelkeep.adapters.dynamodb.changes import changes_of_state
from reelkeep.adapters.dynamodb.task_record import to_item
from reelkeep.domain.task import State, Task
from tests.unit.services.stage import NOON
from tests.unit.services.webhook_stage import task

QUEUEING = task()
PROCESSING = replace(QUEUEING, state=State.PROCESSING, version=1)


def record(before: Task | None, after: Task | None) -> dict[str, Any]:
    images = {name: to_item(image, "w") for name, image in (("OldImage", before), ("NewImage", after)) if image}
    return {"dynamodb": images}


def changes(*records: dict[str, Any]) -> list[tuple[Task, Task]]:
    return list(changes_of_state({"Records": records}))


def test_each_change_of_a_state_is_told_as_it_was_before_and_after_in_order() -> None:
    archiving = replace(PROCESSING, state=State.ARCHIVING, version=2)
    assert changes(record(QUEUEING, PROCESSING), record(PROCESSING, archiving)) == [
        (QUEUEING, PROCESSING),
        (PROCESSING, archiving),
    ]


def test_a_change_of_anything_else_is_none() -> None:
    assert changes(record(PROCESSING, replace(PROCESSING, looks=7, updated_at=NOON, version=2))) == []


def test_a_task_that_comes_out_of_the_archive_or_goes_is_no_news() -> None:
    assert changes(record(None, replace(QUEUEING, state=State.SUCCESS)), record(PROCESSING, None)) == []


def test_what_is_no_task_is_passed_over() -> None:
    answer = {"pk": {"S": f"task#{QUEUEING.id}"}, "sk": {"S": "answer#1"}}
    assert changes({"dynamodb": {"OldImage": answer, "NewImage": answer}}) == []
