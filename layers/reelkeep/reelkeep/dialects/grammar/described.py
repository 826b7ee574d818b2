"""OpenAPI's long words, for dialects that describe their bodies by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reelkeep.domain.wire import Json

TEXT: Mapping[str, Json] = {"type": "string"}
FLAG: Mapping[str, Json] = {"type": "boolean"}


def words(*values: str, **more: Json) -> Mapping[str, Json]:
    return {"type": "string", "enum": list(values), **more}


def array(items: Json, **more: Json) -> Mapping[str, Json]:
    return {"type": "array", "items": items, **more}


def record(fields: Mapping[str, Json], *, required: Iterable[str] | None = None, **more: Json) -> Mapping[str, Json]:
    """An object with these fields; all of them are required unless some are named."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields if required is None else required),
        **more,
    }


def nullable(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    return {"anyOf": [schema, {"type": "null"}]}
