"""The native API, as its tests use it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.dialects.reelkeep.server import dialect
from reelkeep.domain.errors import (
    ClientError,
)
from reelkeep.domain.listing import Listing

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TASK_ID = "019aa6f1b2c80123456789abcdef0123"
BOAT = "https://example.com/boat.png"
INLINE = "data:image/png;base64,iVBORw0KGgo="
ROUTES: Any = dialect.routes
SUBMIT, LIST, SHOW, CANCEL = ROUTES[:4]


def listing(*query: tuple[str, str]) -> Listing:
    read: Listing = LIST.parse(Http(method="GET", path="/tasks", query=query))
    return read


def body(reply: Reply) -> Any:
    return json.loads(json.dumps(reply.body))


def wrong_fields(error: ClientError) -> list[str]:
    problem = body(dialect.render_error(error, Http(method="POST", path="/tasks")))
    return [found["field"] for found in problem["errors"]]
