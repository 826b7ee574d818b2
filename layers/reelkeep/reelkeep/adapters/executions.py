"""Step Functions: one execution sees one task through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.domain.errors import TryLater
from reelkeep.domain.task import Task

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


class StepFunctionsExecutions:
    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._machine = state_machine_arn

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        """Starts the run whose number the task has. Idempotent: a name is taken once, for 90 days. Raises TryLater if
        Step Functions cannot take it now."""
        known = {"provider_task_id": provider_task_id} if provider_task_id else {}
        try:
            self._client.start_execution(
                stateMachineArn=self._machine,
                name=_name(task),
                input=json.dumps({"task_id": task.id, "run": task.executions, "wait_seconds": wait_seconds, **known}),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return
        except (BotoCoreError, ClientError) as error:
            raise TryLater(f"the execution of task {task.id} could not be started") from error


def _name(task: Task) -> str:
    """The task's id; a later run adds its number, since a name cannot be used again."""
    return f"{task.id}-{task.executions}" if task.executions else task.id
