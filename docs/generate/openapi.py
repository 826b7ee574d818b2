"""The OpenAPI document: every route of every dialect, and what needs no key."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from docs.generate import operations
from docs.generate.examples import ADDRESS
from docs.generate.parts import with_named_parts
from docs.generate.version import VERSION
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import AnyRoute, Dialect, Http, Submit
from reelkeep.dialects.grammar.described import TEXT, record
from reelkeep.dialects.reelkeep.openapi import TOO_MANY, problem
from reelkeep.domain import tags
from reelkeep.domain.claims import HEADER, KEY_PATTERN, LIFE, LONGEST_KEY, key_reused
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
        f"{LIFE.days} days it gives the same task, which is generated and paid for once."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": f"^{KEY_PATTERN}$"},
    "example": "order-4711-take-1",
}
_TAGS = {
    "name": tags.HEADER,
    "in": "header",
    "description": f"Up to {tags.MOST} words of yours, with commas between them, for subscriptions to filter by.",
    "schema": {"type": "string", "maxLength": 1024},
    "example": "campaign-7, summer",
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
    description = dict(route.description) or operations.describe(dialect, route)
    parameters = list(description.pop("parameters", ()))
    described = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    parameters += [_in_path(name) for name in re.findall(r"\{(\w+)\}", route.path) if name not in described]
    if isinstance(route, Submit):
        parameters += [_REPEATABLE, _TAGS]
        description["responses"] = _with_key_reused(dialect, route, description["responses"])
    operation = {"tags": [dialect.name], **description}
    return operation | ({"parameters": parameters} if parameters else {})


def _with_key_reused(dialect: Dialect, route: Submit, responses: Mapping[str, Any]) -> dict[str, Json]:
    """The responses and that to a key of another request: a refusal as the dialect's others are."""
    error = key_reused()
    reply = dialect.render_error(error, Http(method=route.method, path=route.path))
    status, meaning = str(reply.status), f"The {HEADER} was sent before, with another request."
    other = responses.get(status)
    ((kind, media),) = (other or responses["4XX"])["content"].items()
    examples = {"key reused": {"value": reply.body}}
    if other:
        meaning = f"{other['description']} Or: {meaning}"
        examples |= {"refused": {"value": media["example"]}}
    content = {kind: {"schema": media["schema"], "examples": examples}}
    return {**responses, status: {"description": meaning, "content": content}}


def _in_path(name: str) -> dict[str, Json]:
    schema = {"type": "string"}
    return {"name": name, "in": "path", "required": True, "description": _IN_PATHS[name], "schema": schema}


_IN_PATHS = {
    "task_id": "The task's id.",
    "token": "What makes the address unguessable.",
    "file": "The file's name, as in 1-video.mp4.",
}


def _public(
    operation_id: str, summary: str, description: str, responses: dict[str, Any], *names: str
) -> dict[str, Json]:
    parameters = [_in_path(name) for name in names]
    return {
        "get": {
            "tags": [_PUBLIC],
            "operationId": operation_id,
            "summary": summary,
            "description": description,
            "security": [],
            **({"parameters": parameters} if parameters else {}),
            "responses": responses | {"429": TOO_MANY, "500": problem("fault")},
        }
    }


def _wake() -> dict[str, Json]:
    described = _public(
        "wake",
        "Tell that a task changed at its provider",
        "The address that a provider is given to call back at. Nothing that it says is believed.",
        {
            "204": {"description": "The provider was, or is being, looked at. Its call's body is not read."},
            "401": problem("unauthorized", "the signature is missing, wrong or old"),
            "404": problem("not-found", "there is nothing here"),
            "409": problem("conflict", "this call was made before"),
            "503": {
                "description": "Not now: call again.",
                "headers": {
                    "Retry-After": {
                        "description": "In so many seconds.",
                        "schema": {"type": "integer"},
                        "example": 1,
                    }
                },
            },
        },
        "token",
        "task_id",
    )
    return {"post": described["get"]}


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
    html = {"schema": {"type": "string"}, "example": "<!doctype html>"}
    described = {"schema": record({"openapi": TEXT}), "example": {"openapi": "3.1.0"}}
    events = {"schema": record({"asyncapi": TEXT}), "example": {"asyncapi": "3.0.0"}}
    return {
        "/files/{token}/{task_id}/{file}": _public(
            "followLink",
            "Follow a permanent link",
            "Links such as this are what tasks show. They work for years, and as often as you like.",
            {"302": signed, "404": problem("not-found")},
            "token",
            "task_id",
            "file",
        ),
        "/wake/{token}/{task_id}": _wake(),
        "/openapi.json": _public(
            "openapi",
            "This document, as OpenAPI 3.1",
            "For generators of clients, and for other tools.",
            {"200": {"description": "The document.", "content": {"application/json": described}}},
        ),
        "/asyncapi.json": _public(
            "asyncapi",
            "The events, as AsyncAPI 3.0",
            "What is told to webhooks, and on the topic that subscriptions are of.",
            {"200": {"description": "The document.", "content": {"application/json": events}}},
        ),
        "/docs": _public(
            "docs",
            "This document, as a page",
            "Swagger UI, all of it from this address; nothing comes from elsewhere.",
            {"200": {"description": "The page.", "content": {"text/html": html}}},
        ),
    }
