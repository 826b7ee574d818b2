"""The state machine's step Poll: {"task_id"} in, {"task_id", "finished", "wait_seconds"} out.

While the "provider_task_id" could not be recorded, it is handed on from look to look."""

from __future__ import annotations

from typing import Any

from reelkeep.wiring import platform, poll

look = poll.build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    verdict = look(event["task_id"], event.get("provider_task_id", ""))
    logger.info("polled", extra=verdict.facts)
    return verdict.answer
