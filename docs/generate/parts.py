"""Names for what schemas hold: whoever generates a client from the document gets types that can be spoken of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reelkeep.domain.wire import Json


def with_named_parts(schemas: Mapping[str, Json]) -> dict[str, Json]:
    """The schemas, in which every object is one of them: named for the one that holds it, and for its field."""
    parts = _Parts()
    for name, schema in schemas.items():
        parts.add(name, schema)
    return parts.schemas


class _Parts:
    def __init__(self) -> None:
        self.schemas: dict[str, Json] = {}

    def add(self, name: str, schema: Json) -> None:
        if name in self.schemas:
            raise LookupError(f"two schemas would be called {name}")
        self.schemas[name] = {}  # before its parts
        self.schemas[name] = self._whole(name, schema)

    def _whole(self, name: str, schema: Json) -> Json:
        changed = dict(schema)
        if isinstance(properties := schema.get("properties"), Mapping):
            changed["properties"] = {
                field: self._part(name + _title(field), each) for field, each in properties.items()
            }
        if isinstance(schema.get("items"), Mapping):
            changed["items"] = self._part(re.sub("s$", "", name), schema["items"])
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                changed[choice] = [self._part(name, option) for option in schema[choice]]
        return changed

    def _part(self, name: str, schema: Json) -> Json:
        if "properties" not in schema:
            return self._whole(name, schema)
        self.add(name, schema)
        return {"$ref": f"#/components/schemas/{name}"}


def _title(field: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", field))
