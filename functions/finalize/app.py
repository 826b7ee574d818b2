"""The state machine's step Finalize: {"task_id"} in, {"task_id", "finished", "wait_seconds"} out."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import finalize, platform

keep = finalize.build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    verdict = keep(event["task_id"], seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("finalized", extra=verdict.facts)
    return verdict.answer
