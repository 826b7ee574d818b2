"""Step Functions: one execution sees one task through, another one watches a provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.domain.errors import TryLater
from reelkeep.domain.task import Task

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


class StepFunctionsExecutions:
    def __init__(self, client: SFNClient, state_machine_arn: str, watch_machine_arn: str = "") -> None:
        self._client = client
        self._machine = state_machine_arn
        self._watch_machine = watch_machine_arn

    def start(self, task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        """Starts the run whose number the task has. Idempotent: a name is taken once, for 90 days. Raises TryLater if
        Step Functions cannot take it now."""
        known = {"provider_task_id": provider_task_id} if provider_task_id else {}
        data = {"task_id": task.id, "run": task.executions, "wait_seconds": wait_seconds, **known}
        self._start(self._machine, _name(task), data)

    def watch(self, provider: str, now: datetime) -> None:
        """Starts a watch of this provider. All that are started within a minute are one, by their name. Raises
        TryLater."""
        name = f"{sha256(provider.encode()).hexdigest()[:16]}-{int(now.timestamp()) // 60}"
        self._start(self._watch_machine, name, {"provider": provider, "name": name})

    def _start(self, machine: str, name: str, data: Mapping[str, Any]) -> None:
        try:
            self._client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(data))
        except self._client.exceptions.ExecutionAlreadyExists:
            return
        except (BotoCoreError, ClientError) as error:
            raise TryLater(f"the execution {name} could not be started") from error


def _name(task: Task) -> str:
    """The task's id; a later run adds its number, since a name cannot be used again."""
    return f"{task.id}-{task.executions}" if task.executions else task.id
