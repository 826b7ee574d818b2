"""The JSON schemas of the bodies that formats declare, as the OpenAPI document has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, reduce
from importlib import import_module
from importlib.util import find_spec
from operator import or_
from types import UnionType
from typing import (
    Annotated,
    Any,
    NotRequired,  # pydantic reads typing's own only from Python 3.12 on
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import literal_schema
from typing_extensions import TypedDict

from reelkeep.dialects.replies import Shape, fields
from reelkeep.domain.wire import Json

_NAMES = {  # the native API's names have no prefix
    "State": "TaskState",
    "Kind": "TaskKind",
    "FailureClass": "FailureReason",
    "Channel": "SubscriptionProtocol",
    "Status": "SubscriptionStatus",
    "BodyFormat": "WebhookBody",
    "PauseReason": "WebhookPause",
    "Outcome": "DeliveryOutcome",
}


class _Plain(GenerateJsonSchema):
    """Without the titles that say nothing."""

    def field_title_should_be_set(self, _: Any) -> bool:
        return False

    def sort(self, value: Any, parent_key: str | None = None) -> Any:  # noqa: ARG002
        return value  # examples read best as they were written

    def literal_schema(self, schema: Any) -> dict[str, Any]:
        """One for each type of its values: generators of clients have no type for a choice of numbers and words."""
        of_type: dict[type, list[Any]] = {}
        for value in schema["expected"]:
            of_type.setdefault(str if isinstance(value, str) else type(value), []).append(value)
        options = [super(_Plain, self).literal_schema(literal_schema(values)) for values in of_type.values()]
        return options[0] if len(options) == 1 else {"anyOf": options}


class _Renamed(_Plain):
    """With names for the domain's words that are clear without a prefix."""

    def normalize_name(self, name: str) -> str:
        return _NAMES.get(name, super().normalize_name(name))


def model_schemas(received: Mapping[str, Any], sent: Iterable[Any], *, prefix: str = "") -> dict[str, Json]:
    """By name: of bodies, one of which may be a choice of several, and of what they hold. All names begin with
    `prefix`."""
    whole, found = TypeAdapter.json_schemas(
        [(name, "validation", TypeAdapter(body)) for name, body in received.items()]
        + [(body.__name__, "serialization", TypeAdapter(_typed(body))) for body in sent],
        ref_template=f"#/components/schemas/{prefix}{{model}}",
        schema_generator=_Plain if prefix else _Renamed,
    )
    unions = {name: whole[name, "validation"] for name in received if name not in found["$defs"]}
    schemas: dict[str, Json] = found["$defs"] | unions
    for schema in schemas.values():
        schema.pop("title", None)  # generators of clients would take it for the name, without the prefix
        for field in schema.get("properties", {}).values():
            if "default" in field:
                _put_into_words(field)
    return {prefix + name: schema for name, schema in schemas.items()}


@cache
def _typed(shape: Any) -> Any:
    """The same, as pydantic reads it."""
    wire, own = f"{shape.__module__.rpartition('.')[0]}.wire", vars(import_module(shape.__module__))
    sent = vars(import_module(wire)) if find_spec(wire) else {}
    names = {name: value for name, value in sent.items() if name not in own}
    hints = get_type_hints(shape, None, names, include_extras=True)
    declared: dict[str, Any] = {}
    for name, field in fields(shape).items():
        hint = _with_types(hints[name])
        if field.says or field.schema:
            more: Any = Field(description=field.says or None, json_schema_extra={**field.schema} or None)
            hint = Annotated[hint, more]
        declared[name] = NotRequired[hint] if field.optional else hint
    made: Any = TypedDict(shape.__name__, declared)  # type: ignore[misc]
    made.__doc__, made.__module__ = shape.__doc__, shape.__module__
    return made


def _with_types(hint: Any) -> Any:
    """With typed dictionaries in the place of the shapes in it."""
    if isinstance(hint, type) and issubclass(hint, Shape):
        shape: Any = hint
        return _typed(shape)
    parts = [_with_types(each) for each in get_args(hint)]
    if get_origin(hint) is UnionType:
        return reduce(or_, parts)
    origin: Any = get_origin(hint)
    return origin[tuple(parts)] if origin in (list, dict) else hint


def _put_into_words(field: dict[str, Json]) -> None:
    """What holds if the field is absent: clients are generated that would always send a `default`, or ask for it."""
    usual = field.pop("default")
    if usual not in ("", None, []):
        field["description"] = f"{field.get('description', '')} `{json.dumps(usual)}` if absent.".lstrip()
