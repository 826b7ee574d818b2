"""POST /wake/... of the HTTP API: providers call when a task changed there."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.logging.correlation_paths import API_GATEWAY_HTTP
from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform
from reelkeep.wiring.provider_callback import build

api = build()  # during Lambda's init phase, which has a whole CPU


@platform.lambda_handler(API_GATEWAY_HTTP)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.handle(event)
