"""The queue of deliveries, in order within each group: a message that is reported as failed stays in it, and so does
what comes after it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform
from reelkeep.wiring.deliver import build

deliver = build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()
processor = SqsFifoPartialProcessor()
processor.raise_on_entire_batch_failure = False  # a message that waits for its next attempt is no error


class RetryLater(Exception):
    """The message has to stay in the queue."""


@platform.lambda_handler()
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, attempt_delivery, processor, context)


def attempt_delivery(record: SQSRecord) -> None:
    try:
        delivery, waits = deliver(record)
    except Exception:
        logger.warning("delivery failed", exc_info=True)
        raise
    if delivery:
        logger.info("delivery attempted", extra=delivery.facts)
    if waits:
        raise RetryLater
