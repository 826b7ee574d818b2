"""On a schedule, and by hand: with {"everything": true} it takes up tasks that are not overdue as well, with
{"adopt": true} it adopts what the providers list as made and this service does not hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform
from reelkeep.wiring.sweep import build

sweep, adopt = build()
logger = platform.logger()
metrics = Metrics()


@platform.lambda_handler()
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event.get("adopt"):
        return adopt_tasks(context)
    return sweep_tasks(context, everything=bool(event.get("everything")))


def sweep_tasks(context: LambdaContext, *, everything: bool) -> dict[str, Any]:
    swept = sweep(everything=everything, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    metrics.add_metric(name="UnfinishedTasks", unit=MetricUnit.Count, value=swept.unfinished)
    metrics.add_metric(name="RestartedTasks", unit=MetricUnit.Count, value=swept.restarted)
    metrics.add_metric(name="LinksExpiringSoon", unit=MetricUnit.Count, value=swept.links_expiring_soon)
    logger.info("swept", extra=asdict(swept))
    return asdict(swept)


def adopt_tasks(context: LambdaContext) -> dict[str, Any]:
    adopted = adopt(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    metrics.add_metric(name="AdoptedTasks", unit=MetricUnit.Count, value=adopted.adopted)
    metrics.add_metric(name="ListsNotRead", unit=MetricUnit.Count, value=len(adopted.unread))
    logger.info("adopted", extra=asdict(adopted))
    return asdict(adopted)
