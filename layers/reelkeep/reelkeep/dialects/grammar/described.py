"""OpenAPI's long words, for dialects that describe their bodies by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reelkeep.domain.wire import Json

TEXT: Mapping[str, Json] = {"type": "string"}
FLAG: Mapping[str, Json] = {"type": "boolean"}
IMAGE: Mapping[str, Json] = {"type": "string", "description": "An http(s) URL, or a data: URI in base64."}
MOMENT: Mapping[str, Json] = {"type": "string", "format": "date-time"}
TASK_ID: Mapping[str, Json] = {"name": "task_id", "in": "path", "required": True, "schema": TEXT}
EXAMPLE_ID = "019b91f8d40000112233445566778899"
EXAMPLE_FILES = f"https://reelkeep.example.com/files/Zm9yIGV2ZXIgYW5kIGEgZGF5/{EXAMPLE_ID}"


def words(*values: str, **more: Json) -> Mapping[str, Json]:
    return {"type": "string", "enum": list(values), **more}


def whole(least: int, most: int, **more: Json) -> Mapping[str, Json]:
    return {"type": "integer", "minimum": least, "maximum": most, **more}


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


def like(example: Json, **said: Json) -> Mapping[str, Json]:
    """What has all the fields of an example, with values of their types. `said` has more about some, at any depth."""
    match example:
        case dict():
            return record({name: said.get(name) or like(value, **said) for name, value in example.items()})
        case list():
            return array(like(example[0], **said))
        case bool():
            return FLAG
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
    return TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Describer:
    """Describes a dialect's operations; `prefix` is what the names of its schemas begin with."""

    prefix: str
    error: Json  # an example
    fault: Json

    def operation(
        self, named: str, summary: str, answer: str, example: Json, *, body: str = "", **more: Json
    ) -> Mapping[str, Json]:
        """`named` is its operationId; `answer` and `body` name schemas; the body's has examples of its own."""
        asked = {"requestBody": {"required": True, "content": self._holds(body)}} if body else {}
        return {
            "operationId": named,
            "summary": summary,
            **more,
            **asked,
            "responses": {
                "200": {"description": "The task.", "content": self._holds(answer, example=example)},
                "4XX": {"description": "Refused.", "content": self._holds("Error", example=self.error)},
                "5XX": {"description": "Our fault.", "content": self._holds("Error", example=self.fault)},
            },
        }

    def _holds(self, schema: str, **more: Json) -> Json:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{self.prefix}{schema}"}, **more}}
