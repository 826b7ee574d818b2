"""A format's operations and schemas, of what its routes and its `wire` declare. Every example is rendered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from docs.generate.examples import finished, link, queueing
from reelkeep.dialects.dialect import (
    AnyRoute,
    Cancel,
    Content,
    Dialect,
    Http,
    List,
    Operation,
    Remove,
    Reply,
    Show,
    Submit,
)
from reelkeep.dialects.grammar.model_schemas import model_schemas
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Request
from reelkeep.domain.wire import Json

_JSON, _FORM = "application/json", "multipart/form-data"
_MEANINGS = {
    Submit: "The task.",
    Show: "The task.",
    List: "A page of tasks.",
    Cancel: "It is cancelled.",
    Remove: "It is done.",
    Operation: "It is done.",
}


def schemas(dialect: Dialect) -> Mapping[str, Json]:
    """By name: of all that its routes take and answer, and of its errors."""
    spoken: Any = dialect
    return spoken.schemas if hasattr(spoken, "schemas") else _schemas(spoken)  # described by hand, or not any more


@cache
def _schemas(dialect: Any) -> Mapping[str, Json]:
    wire = import_module(f"reelkeep.dialects.{dialect.name}.wire")
    received = dict.fromkeys(name for route in dialect.routes for name in (route.body, route.form) if name)
    sent = dict.fromkeys([*(route.reply for route in dialect.routes if route.reply), "Error"])
    return model_schemas(
        [getattr(wire, name) for name in received], [getattr(wire, name) for name in sent], prefix=_prefix(dialect)
    )


def describe(dialect: Dialect, route: AnyRoute) -> dict[str, Json]:
    """Everything of the operation but what all have."""
    bodies = {kind: name for kind, name in ((_JSON, route.body), (_FORM, route.form)) if name}
    content = {kind: {"schema": _ref(dialect, name)} for kind, name in bodies.items()}
    parameters = [
        {"name": each.name, "in": "query", "description": each.meaning, "schema": each.schema}
        for each in route.parameters
    ]
    missing = InvalidRequest("model is required", field="model", missing=True)
    http = Http(method=route.method, path=route.path, headers={"x-amzn-trace-id": "1-695c8f00-0a1b2c3d4e5f"})
    return {
        "operationId": route.operation,
        "summary": route.summary,
        "description": route.details,
        **({"requestBody": {"required": True, "content": content}} if content else {}),
        "parameters": parameters,
        "responses": {
            **_answer(dialect, route),
            "4XX": _error(dialect, "Refused.", dialect.render_error(missing, http)),
            "5XX": _error(dialect, "Our fault.", dialect.render_fault()),
        },
    }


def _answer(dialect: Dialect, route: AnyRoute) -> dict[str, Json]:
    reply = _rendered(dialect, route)
    headers = {
        "headers": {
            name: {"schema": {"type": "string"}, "example": value, "description": _HEADERS.get(name, "")}
            for name, value in reply.headers.items()
        }
    }
    content = {"content": {_JSON: {"schema": _ref(dialect, route.reply), "example": reply.body}}}
    meaning = "The file is at its permanent link." if isinstance(route, Content) else _MEANINGS[type(route)]
    return {
        str(reply.status): {
            "description": meaning,
            **(headers if reply.headers else {}),
            **(content if route.reply else {}),
        }
    }


_HEADERS = {"openai-poll-after-ms": "When to look again, until the video has come to its end."}


def _rendered(dialect: Dialect, route: AnyRoute) -> Reply:
    """What the route answers about a task that was submitted as the example of a submission says."""
    match route:
        case Submit():
            return route.render(queueing(_asked(dialect, route)))
        case Show():
            return route.render(finished(_asked(dialect)), link)
        case List():
            page = Page(tasks=(finished(_asked(dialect)),), total=1)
            return route.render(page, link, Listing())
        case Cancel() | Remove():
            return route.render(queueing(_asked(dialect)))
        case Content():
            (creation,) = finished(_asked(dialect)).creations
            return Reply(status=302, headers={"Location": link(creation.assets[0].archived)})  # type: ignore[arg-type]
        case Operation():
            raise LookupError(f"{route.path} has no example: it is described by hand")


def _asked(dialect: Dialect, route: Submit | None = None) -> Request:
    wanted = route or next(each for each in dialect.routes if isinstance(each, Submit))
    example = schemas(dialect)[_prefix(dialect) + wanted.body]["examples"][0]
    return wanted.parse(Http(method="POST", path=wanted.path, body=json.dumps(example).encode()))


def _error(dialect: Dialect, meaning: str, reply: Reply) -> Mapping[str, Any]:
    return {"description": meaning, "content": {_JSON: {"schema": _ref(dialect, "Error"), "example": reply.body}}}


def _ref(dialect: Dialect, name: str) -> Json:
    return {"$ref": f"#/components/schemas/{_prefix(dialect)}{name}"}


def _prefix(dialect: Dialect) -> str:
    return "".join(word.title() for word in dialect.name.split("_"))
