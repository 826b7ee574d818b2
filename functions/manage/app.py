"""What an owner has beside its tasks: the HTTP API's paths that the template sends here, every method."""

from __future__ import annotations

from typing import Any

from reelkeep.wiring import manage

api = manage.build()  # during Lambda's init phase, which has a whole CPU


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return api.handle(event)
