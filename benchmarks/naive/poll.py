"""Asks the provider about one task, records what it saw and says when to ask again."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from benchmarks.naive.common import call, get_item, logger, metrics, providers, save_task, tracer
from benchmarks.naive.models import Asset, Creation, PollEvent, Task

FINISHED = ("archiving", "success", "failed", "cancelled", "expired")


@tracer.capture_method
def poll(task_id: str) -> Task:
    item = get_item(f"task#{task_id}", "task")
    if item is None:
        raise LookupError(task_id)
    task = Task.model_validate_json(item["document"]["S"])
    if task.state in FINISHED:
        return task
    seen = call(providers()[task.provider], "GET", f"/ent/v2/tasks/{task.provider_task_id}/creations")
    now = datetime.now(UTC)
    if seen["state"] == "success":
        task.state = "archiving"
        task.creations = [
            Creation(
                id=creation["id"],
                assets=[
                    Asset(name="video", source=creation["url"]),
                    Asset(name="cover", source=creation["cover_url"]),
                ],
            )
            for creation in seen["creations"]
        ]
    elif seen["state"] == "failed":
        task.state, task.failure = "failed", seen.get("err_code", "")
    elif now >= task.deadline:
        task.state = "expired"
    else:
        task.state = "processing"
    task.updated_at, task.looks = now, task.looks + 1
    task.next_look_at = now + timedelta(seconds=max(9, 0.12 * (now - task.created_at).total_seconds()))
    save_task(task)
    return task


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@event_parser(model=PollEvent)
def handler(event: PollEvent, context: LambdaContext) -> dict[str, Any]:
    task = poll(event.task_id)
    wait = (task.next_look_at - datetime.now(UTC)).total_seconds() if task.next_look_at else 1
    metrics.add_metric(name="Polled", unit=MetricUnit.Count, value=1)
    logger.info("polled", task_id=task.id, state=task.state)
    return {
        "task_id": task.id,
        "finished": task.state in FINISHED,
        "wait_seconds": max(1, math.ceil(wait)),
    }
