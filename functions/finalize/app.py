"""The state machine's step Finalize: {"task_id", "run"} in, {"task_id", "run", "finished", "wait_seconds"} out.

With {"direct": true}, it was invoked beside the machine, by whoever saw the end of the task. An execution that
release 0.2.0 started has no "run"."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.adapters.metrics import ProviderMetrics
from reelkeep.domain.log_fields import log_fields
from reelkeep.wiring import platform
from reelkeep.wiring.finalize import build

finalize, finalize_directly = build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()
metrics = Metrics()
provider_metrics = ProviderMetrics(platform.settings.stack)


@platform.lambda_handler("task_id")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    chosen = finalize_directly if event.get("direct") else finalize
    verdict = chosen(event["task_id"], lambda: context.get_remaining_time_in_millis() / 1000, event.get("run"))
    logger.info("finalized", extra=verdict.facts)
    if verdict.task and verdict.announced:
        logger.info("task ended", extra=log_fields(verdict.task))
        provider_metrics.ended(verdict.task)
    if verdict.task and verdict.lost:
        logger.warning("task lost", extra={**log_fields(verdict.task), "lost": verdict.lost})
        metrics.add_metric(name="LostTasks", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    return verdict.answer
