"""POST, PUT, PATCH and DELETE of the HTTP API."""

from __future__ import annotations

from typing import Any

from reelkeep.wiring import submit

api = submit.build()  # during Lambda's init phase, which has a whole CPU


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return api.handle(event)
