"""The native API's providers: which there are, so that a submission can name one. Nothing of their keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reelkeep.dialects.dialect import Reply
from reelkeep.dialects.reelkeep.openapi import answer, problems
from reelkeep.dialects.reelkeep.operations import nothing, operations
from reelkeep.domain.upstream import Upstream

SCHEMAS: dict[str, Any] = {
    "Provider": {
        "type": "object",
        "required": ["name", "dialect", "models", "default"],
        "properties": {
            "name": {"type": "string", "description": "What a submission calls it by."},
            "dialect": {"type": "string", "description": "The wire format that it speaks."},
            "models": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Patterns of the models that go to it by themselves.",
            },
            "default": {"type": "boolean", "description": "Whether it serves what no pattern claims."},
        },
    },
    "Providers": {
        "type": "object",
        "required": ["providers"],
        "properties": {"providers": {"type": "array", "items": {"$ref": "#/components/schemas/Provider"}}},
    },
}
_EXAMPLE = {"providers": [{"name": "vidu", "dialect": "vidu_ent_v2", "models": ["vidu*"], "default": True}]}
_LIST = {
    "operationId": "listProviders",
    "summary": "List the providers",
    "description": "In the order of the configuration, which is the order in which they are asked for.",
    "responses": {
        "200": answer("The providers.", "Providers", _EXAMPLE),
        **problems(),
    },
}


def _listed(upstreams: Iterable[Upstream]) -> Reply:
    return Reply(body={"providers": [_shown(upstream) for upstream in upstreams]})


def _shown(upstream: Upstream) -> dict[str, Any]:
    return {
        "name": upstream.name,
        "dialect": upstream.dialect,
        "models": list(upstream.models),
        "default": upstream.default,
    }


ROUTES = operations(("GET", "/providers", _LIST, "list_providers", nothing, _listed))
