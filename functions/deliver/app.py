"""The queue of deliveries, in order within each group: what is reported as failed stays in it, and so does what
comes after it."""

from __future__ import annotations

from typing import Any

from reelkeep.wiring import deliver, platform

take = deliver.build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    (record,) = event["Records"]  # a batch of one: who does not answer keeps nobody else waiting
    delivery, stays = take(record)
    if delivery:
        logger.info("looked after", extra=delivery.facts)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}] if stays else []}
