"""GET and HEAD of the HTTP API, the permanent links among them."""

from __future__ import annotations

from typing import Any

from reelkeep.wiring import query

api = query.build()  # during Lambda's init phase, which has a whole CPU


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return api.handle(event)
