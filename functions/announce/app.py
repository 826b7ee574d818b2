"""The table's stream: tasks that changed. Whatever fails is repeated with the whole batch, or with half of it."""

from __future__ import annotations

from typing import Any

from reelkeep.adapters.dynamodb.changes import changes_of_state
from reelkeep.wiring import announce, platform

tell = announce.build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()


def handler(event: dict[str, Any], context: object) -> None:
    for before, task in changes_of_state(event):
        if count := tell(before, task):
            logger.info("announced", task_id=task.id, state=task.state, webhooks=count)
