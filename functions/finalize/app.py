"""The state machine's step Finalize: {"task_id"} in, {"task_id", "finished", "wait_seconds"} out."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform
from reelkeep.wiring.finalize import build

finalize = build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()
metrics = Metrics()


@platform.lambda_handler("task_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    verdict = finalize(event["task_id"], seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("finalized", extra=verdict.facts)
    if verdict.lost:
        metrics.add_metric(name="LostTasks", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    return verdict.answer
