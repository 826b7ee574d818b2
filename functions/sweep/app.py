"""On a schedule, and by hand with {"everything": true} to look at tasks that are not overdue as well."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from reelkeep.wiring import platform, sweep

look_after = sweep.build()
logger = platform.logger()
metrics = Metrics()


@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, int]:
    swept = look_after(everything=bool(event.get("everything")))
    metrics.add_metric(name="UnfinishedTasks", unit=MetricUnit.Count, value=swept.unfinished)
    metrics.add_metric(name="RestartedTasks", unit=MetricUnit.Count, value=swept.restarted)
    metrics.add_metric(name="LinksExpiringSoon", unit=MetricUnit.Count, value=swept.links_expiring_soon)
    logger.info("swept", extra=asdict(swept))
    return asdict(swept)
