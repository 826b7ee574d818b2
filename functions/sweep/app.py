"""On a schedule, and by hand: with {"everything": true} it takes up tasks that are not overdue as well, with
{"adopt": true} it adopts what the providers list as made and this service does not hold.

When there is too much for one invocation, it invokes itself for each of 16 shards: {"shards": "0"}."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.domain.ids import SHARDS
from reelkeep.wiring import platform
from reelkeep.wiring.sweep import build

sweep, adopt, invocations, learn_slots, start_watches, compare_balances, sweep_counts = build()
logger = platform.logger()
metrics = Metrics()


@platform.lambda_handler()
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if event.get("adopt"):
        return adopt_tasks(context)
    return sweep_tasks(event, context)


def sweep_tasks(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    everything, shards = bool(event.get("everything")), event.get("shards", SHARDS)

    def hand_on(shard: str) -> None:
        invocations.start(context.invoked_function_arn, {"everything": everything, "shards": shard})

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    swept = sweep(everything=everything, shards=shards, hand_on=hand_on, seconds_left=seconds_left)
    if shards == SHARDS:
        if swept.unfinished:
            start_watches()
        metrics.add_metric(name="UnfinishedTasks", unit=MetricUnit.Count, value=swept.unfinished)
    metrics.add_metric(name="RestartedTasks", unit=MetricUnit.Count, value=swept.restarted)
    metrics.add_metric(name="LinksExpiringSoon", unit=MetricUnit.Count, value=swept.links_expiring_soon)
    logger.info("swept", extra=asdict(swept))
    if shards == SHARDS and (repaired := sweep_counts(seconds_left)):
        logger.warning("repaired counts of limits", owners=repaired)
    return asdict(swept)


def adopt_tasks(context: LambdaContext) -> dict[str, Any]:
    adopted = adopt(seconds_left=lambda: context.get_remaining_time_in_millis() / 1000)
    metrics.add_metric(name="AdoptedTasks", unit=MetricUnit.Count, value=adopted.adopted)
    metrics.add_metric(name="ListsNotRead", unit=MetricUnit.Count, value=len(adopted.unread))
    logger.info("adopted", extra=asdict(adopted))
    logger.info("asked providers for their slots", slots=learn_slots())
    logger.info("compared balances", balances=compare_balances())
    return asdict(adopted)
