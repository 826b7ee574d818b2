"""The step of a watch: {"provider", "name"} in, {"provider", "name", "number", "finished", "wait_seconds"} out."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from reelkeep.wiring import platform
from reelkeep.wiring.watch import build

watch = build()  # during Lambda's init phase, which has a whole CPU
logger = platform.logger()


@platform.lambda_handler("name")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    provider, name, number = event["provider"], event["name"], event.get("number", 0)
    wait = watch(provider, name, number)
    logger.info("watched", provider=provider, wait_seconds=wait)
    return {
        "provider": provider,
        "name": name,
        "number": number + 1,
        "finished": wait is None,
        "wait_seconds": wait or 0,
    }
