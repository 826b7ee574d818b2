"""The table's stream: which tasks changed, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reelkeep.adapters.dynamodb.task_record import from_item
from reelkeep.domain.task import Task


def changes_of_state(event: Mapping[str, Any]) -> Iterator[tuple[Task, Task]]:
    """Each task whose state changed, before and after, in the order in which it did.

    A record that was not there before is none: tasks begin as created, and those that begin otherwise come out of
    the archive, where they were told of long ago.
    """
    for record in event["Records"]:
        images = record["dynamodb"]
        before, after = images.get("OldImage"), images.get("NewImage")
        if before and after and before["sk"]["S"] == "task" and before["state"] != after["state"]:
            yield from_item(before), from_item(after)
