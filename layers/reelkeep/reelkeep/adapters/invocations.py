"""Asynchronous invocations of functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from reelkeep.domain.errors import TryLater
from reelkeep.domain.task import Task

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class LambdaInvocations:
    """The client is made when it is first needed, which is hardly ever."""

    def __init__(self, client: Callable[[], LambdaClient]) -> None:
        self._client = client

    def start(self, function_arn: str, event: Mapping[str, Any]) -> None:
        self._client().invoke(FunctionName=function_arn, InvocationType="Event", Payload=json.dumps(event).encode())


class LambdaFinalizing:
    """Invokes finalize. Should that fail twice more, the task's own execution comes to it later."""

    def __init__(self, client: Callable[[], LambdaClient], function_arn: str) -> None:
        self._invocations = LambdaInvocations(client)
        self._function = function_arn

    def start(self, task: Task) -> None:
        event = {"task_id": task.id, "run": task.executions, "direct": True}
        try:
            self._invocations.start(self._function, event)
        except (BotoCoreError, ClientError) as error:
            raise TryLater(f"task {task.id} could not be finalized at once") from error
