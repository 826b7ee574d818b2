"""Invocations of functions that nobody waits for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class LambdaInvocations:
    """The client is made when it is first needed, which is hardly ever."""

    def __init__(self, client: Callable[[], LambdaClient]) -> None:
        self._client = client

    def start(self, function_arn: str, event: Mapping[str, Any]) -> None:
        self._client().invoke(FunctionName=function_arn, InvocationType="Event", Payload=json.dumps(event).encode())
