"""POST /wake/... of the HTTP API: providers call when a task changed there."""

from __future__ import annotations

from typing import Any

from reelkeep.wiring import wake

api = wake.build()  # during Lambda's init phase, which has a whole CPU


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return api.handle(event)
