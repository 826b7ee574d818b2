"""The JSON schemas of pydantic's models, as the OpenAPI document has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import literal_schema

from reelkeep.domain.wire import Json

_NAMES = {  # among the words of seven dialects, those of the domain are not clear by themselves
    "State": "TaskState",
    "Kind": "TaskKind",
    "FailureClass": "FailureReason",
    "Protocol": "SubscriptionProtocol",
    "Status": "SubscriptionStatus",
}


class _Plain(GenerateJsonSchema):
    """Without the titles that say nothing."""

    def normalize_name(self, name: str) -> str:
        return _NAMES.get(name, super().normalize_name(name))

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def sort(self, value: Any, parent_key: str | None = None) -> Any:
        return value  # examples read best as they were written

    def literal_schema(self, schema: Any) -> dict[str, Any]:
        """One for each type of its values: generators of clients have no type for a choice of numbers and words."""
        of_type: dict[type, list[Any]] = {}
        for value in schema["expected"]:
            of_type.setdefault(type(value), []).append(value)
        options = [super(_Plain, self).literal_schema(literal_schema(values)) for values in of_type.values()]
        return options[0] if len(options) == 1 else {"anyOf": options}


def model_schemas(
    received: Iterable[type[BaseModel]],
    sent: Iterable[type[Any]],
    *,
    unions: Mapping[str, Any] | None = None,
    prefix: str = "",
) -> dict[str, Json]:
    """By name: of bodies, of what they hold, and of `unions` of what is received. All names begin with `prefix`."""
    unions = unions or {}
    whole, found = TypeAdapter.json_schemas(
        [(body.__name__, "validation", TypeAdapter(body)) for body in received]
        + [(name, "validation", TypeAdapter(union)) for name, union in unions.items()]
        + [(body.__name__, "serialization", TypeAdapter(body)) for body in sent],
        ref_template=f"#/components/schemas/{prefix}{{model}}",
        schema_generator=_Plain,
    )
    schemas: dict[str, Json] = found["$defs"] | {name: whole[name, "validation"] for name in unions}
    for schema in schemas.values():
        schema.pop("title", None)  # generators of clients would take it for the name, without the prefix
        for field in schema.get("properties", {}).values():
            if "default" in field:
                _put_into_words(field)
    return {prefix + name: schema for name, schema in schemas.items()}


def _put_into_words(field: dict[str, Json]) -> None:
    """What holds if the field is absent: clients are generated that would always send a `default`, or ask for it."""
    usual = field.pop("default")
    if usual not in ("", None, []):
        field["description"] = f"{field.get('description', '')} `{json.dumps(usual)}` if absent.".lstrip()
