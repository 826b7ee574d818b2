"""The state machine's step Poll: {"task_id", "run"} in, {"task_id", "run", "finished", "wait_seconds"} out.

An execution that release 0.2.0 started has no "run". While the "provider_task_id" could not be recorded, it is handed
on from poll to poll."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform
from reelkeep.wiring.poll import build

poll = build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()


@platform.lambda_handler("task_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    verdict = poll(event["task_id"], event.get("run"), event.get("provider_task_id", ""))
    logger.info("polled", extra=verdict.facts)
    return verdict.answer
