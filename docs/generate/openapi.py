"""The OpenAPI document: every route of every dialect, and what needs no key."""

from __future__ import annotations

import re
import sys
from typing import Any

from docs.generate import operations
from docs.generate.examples import ADDRESS, EXAMPLE_ID
from docs.generate.parts import with_named_parts
from docs.generate.version import VERSION
from reelkeep.dialects import all_dialects, dialect_of
from reelkeep.dialects.dialect import AnyRoute, Dialect, Submit
from reelkeep.domain import room, tags
from reelkeep.domain.claims import HEADER, IDEMPOTENCY_TTL, KEY_PATTERN, LONGEST_KEY
from reelkeep.domain.errors import ClientError, Conflict, NotFound, Unauthorized
from reelkeep.domain.notices.webhooks import CALLBACKS
from reelkeep.domain.task import Priority
from reelkeep.domain.wire import Json

_PUBLIC = "public"  # the tag of what needs no key

_ABOUT = """\
Reelkeep sees video-generation tasks through, keeps what they make, for ever, and tells whoever asked.

A task can be submitted in any of the formats below, and read in every other."""
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <key>`"},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Authorization: Token <key>`",
    },
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "`x-api-key: <key>`"},
}
_REPEATABLE = {
    "name": HEADER,
    "in": "header",
    "description": (
        "Your own name for this submission, unique among yours. Sent again with the same request within "
        f"{IDEMPOTENCY_TTL.days} days it gives the same task, which is generated and paid for once."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": f"^{KEY_PATTERN}$"},
    "example": "order-4711-take-1",
}
_TOO_MANY = {
    "type": "object",
    "description": "From what stands before this service.",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
}
_TAGS = {
    "name": tags.HEADER,
    "in": "header",
    "description": f"Up to {tags.MOST} words of yours, with commas between them, for subscriptions to filter by.",
    "schema": {"type": "string", "maxLength": 1024},
    "example": "campaign-7, summer",
}
_PRIORITY = {
    "name": room.HEADER,
    "in": "header",
    "description": "Which of your tasks goes first while they wait for room at the provider.",
    "schema": {"type": "string", "enum": list(Priority), "default": Priority.NORMAL},
}


def document() -> dict[str, Json]:
    dialects = sorted(all_dialects(), key=_rank)
    paths: dict[str, dict[str, Json]] = {}
    for dialect in dialects:
        for route in dialect.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(dialect, route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reelkeep",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": ADDRESS, "description": "This stack."}],
        "security": [{name: []} for name in _KEYS],
        "tags": [
            *(_tag(dialect) for dialect in dialects),
            {"name": _PUBLIC, "x-displayName": "Links and documents", "description": "What needs no key."},
        ],
        "paths": paths | _public_paths(),
        "components": {
            "securitySchemes": _KEYS,
            "schemas": with_named_parts(
                {name: schema for dialect in dialects for name, schema in operations.schemas(dialect).items()}
                | {"TooManyRequests": _TOO_MANY}
            ),
        },
    }


def _rank(dialect: Dialect) -> tuple[bool, bool, str]:
    """Vidu's formats come first, then this service's own."""
    return not dialect.name.startswith("vidu_"), dialect.name != "reelkeep", dialect.name


def _tag(dialect: Dialect) -> dict[str, Json]:
    """Its title and description are the first sentence of the package that is named for it."""
    about = (sys.modules[f"reelkeep.dialects.{dialect.name}"].__doc__ or dialect.name).split("\n")[0]
    title, more = re.split("[,:] ", about.partition(" Source:")[0], maxsplit=1)
    return {"name": dialect.name, "x-displayName": title, "description": more[0].upper() + more[1:]}


def _operation(dialect: Dialect, route: AnyRoute) -> dict[str, Json]:
    description = operations.describe(dialect, route)
    parameters = [*map(_in_path, re.findall(r"\{(\w+)\}", route.path)), *description.pop("parameters")]
    parameters += [_REPEATABLE, _TAGS, _PRIORITY] if isinstance(route, Submit) else []
    operation = {"tags": [dialect.name], **description}
    return operation | ({"parameters": parameters} if parameters else {})


def _in_path(name: str) -> dict[str, Json]:
    meaning, example = _IN_PATHS[name]
    parameter = {"name": name, "in": "path", "required": True, "description": meaning, "schema": {"type": "string"}}
    return {**parameter, "example": example} if example else parameter


_IN_PATHS = {
    "task_id": ("The task's id.", EXAMPLE_ID),
    "subscription_id": ("The subscription's id.", EXAMPLE_ID),
    "webhook_id": (f"The webhook's id, or `{CALLBACKS}`.", f"wh_{EXAMPLE_ID}"),
    "delivery_id": ("The delivery's id.", f"dl_{EXAMPLE_ID}"),
    "owner": ("The owner's name; `*` stands for new owners.", "alice"),
    "provider": ("The provider's name.", "vidu"),
    "key_id": ("The key's id.", EXAMPLE_ID[:16]),
    "token": ("What makes the address unguessable.", ""),
    "file": ("The file's name, as in 1-video.mp4.", ""),
}


def _public(
    path: str,
    operation_id: str,
    summary: str,
    description: str,
    responses: dict[str, Any],
    *errors: ClientError,
    method: str = "get",
) -> dict[str, Json]:
    parameters = [*map(_in_path, re.findall(r"\{(\w+)\}", path))]
    return {
        method: {
            "tags": [_PUBLIC],
            "operationId": operation_id,
            "summary": summary,
            "description": description,
            "security": [],
            **({"parameters": parameters} if parameters else {}),
            "responses": responses | operations.refusals(dialect_of(path), errors, method=method.upper(), path=path),
        }
    }


def _public_paths() -> dict[str, dict[str, Json]]:
    signed = {
        "description": "The file, at a link that was signed at this moment and works for an hour.",
        "headers": {
            "Location": {
                "description": "Where the file is at this moment.",
                "schema": {"type": "string", "format": "uri"},
                "example": "https://archive.example.com/tasks/1-video.mp4?X-Amz-Signature=3b1f",
            }
        },
    }
    again = {"description": "In so many seconds.", "schema": {"type": "integer"}, "example": 1}
    html = {"schema": {"type": "string"}, "example": "<!doctype html>"}
    described = {"schema": {"type": "object", "required": ["openapi"]}, "example": {"openapi": "3.1.0"}}
    events = {"schema": {"type": "object", "required": ["asyncapi"]}, "example": {"asyncapi": "3.0.0"}}
    paths: dict[str, tuple[Any, ...]] = {
        "/files/{token}/{task_id}/{file}": (
            "followLink",
            "Follow a permanent link",
            (
                "Tasks show links such as this. They work for years. `?disposition=attachment` has browsers save the "
                "file, and `?download=name` under that name. A browser gets a page if a link leads nowhere."
            ),
            {"302": signed},
            NotFound("there is no such file any more, or its link was revoked"),
        ),
        "/openapi.json": (
            "openapi",
            "This document, as OpenAPI 3.1",
            "For generators of clients, and for other tools.",
            {"200": {"description": "The document.", "content": {"application/json": described}}},
        ),
        "/asyncapi.json": (
            "asyncapi",
            "The events, as AsyncAPI 3.0",
            "The messages to webhooks, and on the topic that subscriptions are of.",
            {"200": {"description": "The document.", "content": {"application/json": events}}},
        ),
        "/docs": (
            "docs",
            "This document, as a page",
            "Swagger UI, all of it from this address; nothing comes from elsewhere.",
            {"200": {"description": "The page.", "content": {"text/html": html}}},
        ),
    }
    wake = "/wake/{token}/{task_id}"
    return {path: _public(path, *described) for path, described in paths.items()} | {
        wake: _public(
            wake,
            "wake",
            "Report that a task changed at its provider",
            "The address that a provider is given to call back at. Nothing that it says is believed.",
            {
                "204": {"description": "The provider was, or is being, asked. The call's body is not read."},
                "503": {"description": "Not now: call again.", "headers": {"Retry-After": again}},
            },
            Unauthorized("the signature is missing, wrong or old"),
            NotFound("there is nothing here"),
            Conflict("this call was made before"),
            method="post",
        )
    }
