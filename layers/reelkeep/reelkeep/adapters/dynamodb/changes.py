"""The table's stream: which tasks changed, and how."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from reelkeep.adapters import documents
from reelkeep.domain.task import Task


class StreamProcessor(BatchProcessor):
    """Stops at the first record that fails, so that nothing overtakes it: Lambda repeats the batch from there."""

    def process(self) -> list[tuple[Any, ...]]:
        processed: list[tuple[Any, ...]] = []
        for record in self.records:
            processed.append(self._process_record(record))
            if self.fail_messages:
                break
        return processed


def change_of_state(record: DynamoDBRecord) -> tuple[Task, Task] | None:
    """The task before and after, if its state changed.

    A record that was not there before is no change: tasks begin as created, and those that begin otherwise come out
    of the archive, after they were announced.
    """
    images = record.dynamodb
    before, after = (images.old_image, images.new_image) if images else ({}, {})
    if before and after and before["sk"] == "task" and before["state"] != after["state"]:
        return documents.read(Task, before["document"]), documents.read(Task, after["document"])
    return None
