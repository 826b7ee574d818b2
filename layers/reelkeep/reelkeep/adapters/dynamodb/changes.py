"""The table's stream: which tasks changed, and how; and owners whose settings did."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from reelkeep.adapters import documents
from reelkeep.domain.ledger import balance
from reelkeep.domain.task import State, Task


class StreamProcessor(BatchProcessor):
    """Stops at the first record that fails, so that nothing overtakes it: Lambda repeats the batch from there."""

    def process(self) -> list[tuple[Any, ...]]:
        processed: list[tuple[Any, ...]] = []
        for record in self.records:
            processed.append(self._process_record(record))
            if self.fail_messages:
                break
        return processed


def task_with_other_cost(record: DynamoDBRecord) -> Task | None:
    """The task, if it is new, or costs something else than before."""
    images = record.dynamodb
    before, after = (images.old_image, images.new_image) if images else ({}, {})
    if not (after and after["sk"] == "task"):
        return None
    task = documents.read(Task, after["document"])
    known = balance(documents.read(Task, before["document"]), ()) if before else None
    return task if balance(task, ()) != known else None


def owner_with_other_settings(record: DynamoDBRecord) -> str:
    """Empty if it is none. Also names in the same place that no owner has, and that nobody waits under."""
    keys = record.dynamodb.keys if record.dynamodb else None
    return str(keys["sk"]) if keys and keys["pk"] == "owners" else ""


def change_of_state(record: DynamoDBRecord) -> tuple[Task, Task] | None:
    """The task before and after, if its state changed, or more of its files are archived than when it succeeded.

    A record that was not there before is no change: tasks begin as created, and those that begin otherwise come out
    of the archive, after they were announced.
    """
    images = record.dynamodb
    before, after = (images.old_image, images.new_image) if images else ({}, {})
    if not (before and after and before["sk"] == "task"):
        return None
    if before["state"] == after["state"] != State.SUCCESS:
        return None
    change = documents.read(Task, before["document"]), documents.read(Task, after["document"])
    is_news = before["state"] != after["state"] or change[1].archived_files > change[0].archived_files
    return change if is_news else None
