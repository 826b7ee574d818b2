"""The queue of deliveries: messages to send, and receivers whose waiting messages are due."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.adapters.outbox import message_of
from reelkeep.domain.notices.webhooks import ReleaseMessage
from reelkeep.wiring import platform
from reelkeep.wiring.deliver import build

deliver, release = build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()
processor = BatchProcessor(
    EventType.SQS,
    raise_on_entire_batch_failure=False,
    logger=logger,  # type: ignore[arg-type]  # it has the methods that are called
)


@platform.lambda_handler()
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event, take, processor, context)


def take(record: SQSRecord) -> None:
    message = message_of(record.body)
    if isinstance(message, ReleaseMessage):
        logger.info("messages released", count=release(message))
    elif delivery := deliver(message):
        logger.info("delivery attempted", extra=delivery.facts)
