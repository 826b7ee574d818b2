"""What the bodies that clients send to the native API have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from reelkeep.dialects.values import formed
from reelkeep.domain import tags

Name = Annotated[str, Field(min_length=1, max_length=256)]  # may become part of a key in the table
Tag = Annotated[str, formed(tags.FORM, "must be 1 to 64 letters, digits, '.', '_', ':', '/', '@', '+', '=' or '-'")]


class Body(BaseModel):
    """Other fields than the declared ones are refused, and so is null: a field is there, or it is left out."""

    model_config = ConfigDict(
        defer_build=True, extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=()
    )


def optional(says: str = "", **field: Any) -> Any:
    """A field that may be left out."""
    more = {"description": says, **field} if says else field
    return Field(None, **more)
