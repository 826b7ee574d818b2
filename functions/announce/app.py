"""The table's stream: tasks that changed. Lambda repeats the batch from the first record that fails."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.adapters.dynamodb.changes import (
    StreamProcessor,
    change_of_state,
    owner_with_other_settings,
    task_with_other_cost,
)
from reelkeep.wiring import platform
from reelkeep.wiring.announce import build, build_ledger, build_owners_line, build_warnings

announce = build()  # during Lambda's init phase, which has a whole CPU
keep_ledger, warn_of_budgets = build_ledger(), build_warnings(announce)
owners_line = build_owners_line()
logger = platform.logger()
processor = StreamProcessor(
    EventType.DynamoDBStreams,
    raise_on_entire_batch_failure=False,
    logger=logger,  # type: ignore[arg-type]  # it has the methods that are called
)


@platform.lambda_handler()
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    announce_in_batch = announce.for_batch()

    def announce_change(record: DynamoDBRecord) -> None:
        if change := change_of_state(record):
            before, task = change
            logger.set_correlation_id(task.id)
            if count := announce_in_batch(before, task):
                logger.info("announced", task_id=task.id, state=task.state, webhooks=count)
        if costing := task_with_other_cost(record):
            keep_ledger(costing)
            owners_line.left(costing)
            warn_of_budgets(costing)
        if owner := owner_with_other_settings(record):  # its limits may let more in
            owners_line.start_next(owner)

    return process_partial_response(event, announce_change, processor, context)
