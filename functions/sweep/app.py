"""On a schedule, and by hand: with {"everything": true} to look at tasks that are not overdue as well, with
{"adopt": true} to take in what the providers list as made and we do not hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform, sweep

look_after, take_in = sweep.build()
logger = platform.logger()
metrics = Metrics()


@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return adopt(context) if event.get("adopt") else watch(context, everything=bool(event.get("everything")))


def watch(context: LambdaContext, *, everything: bool) -> dict[str, Any]:
    swept = look_after(everything=everything, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    metrics.add_metric(name="UnfinishedTasks", unit=MetricUnit.Count, value=swept.unfinished)
    metrics.add_metric(name="RestartedTasks", unit=MetricUnit.Count, value=swept.restarted)
    metrics.add_metric(name="LinksExpiringSoon", unit=MetricUnit.Count, value=swept.links_expiring_soon)
    logger.info("swept", extra=asdict(swept))
    return asdict(swept)


def adopt(context: LambdaContext) -> dict[str, Any]:
    adopted = take_in(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    metrics.add_metric(name="AdoptedTasks", unit=MetricUnit.Count, value=adopted.adopted)
    metrics.add_metric(name="ListsNotRead", unit=MetricUnit.Count, value=len(adopted.unread))
    logger.info("adopted", extra=asdict(adopted))
    return asdict(adopted)
