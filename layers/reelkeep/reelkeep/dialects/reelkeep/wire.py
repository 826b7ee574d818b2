"""What the native API's bodies have in common, its errors, and its providers."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.reelkeep import PROBLEMS, problem_type
from reelkeep.dialects.translate import formed
from reelkeep.domain import tags
from reelkeep.domain.task import FailureClass

# --- what is sent ---

Name = Annotated[str, Field(min_length=1, max_length=256)]  # may become part of a key in the table
Tag = Annotated[str, formed(tags.FORM, "must be 1 to 64 letters, digits, '.', '_', ':', '/', '@', '+', '=' or '-'")]


class Body(BaseModel):
    """Other fields than the declared ones are refused, and so is null: a field is there, or it is left out."""

    model_config = ConfigDict(
        defer_build=True, extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=()
    )


def optional(**field: Any) -> Any:
    """A field that may be left out."""
    return Field(None, **field)


# --- what is answered ---

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Failure(TypedDict):
    reason: FailureClass
    code: Annotated[str | None, Field(description="The provider's own word.")]
    message: Annotated[str | None, Field(description="For a person.")]
    retryable: Annotated[bool, Field(description="Whether submitting the same once more could succeed.")]


class FieldError(TypedDict):
    field: str
    message: str


_TYPES = {problem_type(name): f"{status}. {title}." for name, (status, title) in PROBLEMS.items()}
_NAMES = [name.upper().replace("-", "_") for name in PROBLEMS]


class Problem(TypedDict):
    """What went wrong, as RFC 9457 has it."""

    type: Annotated[
        str,
        Field(json_schema_extra={"enum": [*_TYPES], "x-enum-varnames": [*_NAMES], "x-enumDescriptions": {**_TYPES}}),
    ]
    title: str
    status: int
    detail: Annotated[str, Field(description="For a person.")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="The fields that are wrong.")]]
    failure: NotRequired[Annotated[Failure, Field(description="What the provider said.")]]


Error = Problem


class Provider(TypedDict):
    name: Annotated[str, Field(description="What a submission calls it by.")]
    dialect: Annotated[str, Field(description="The wire format that it speaks.")]
    models: Annotated[list[str], Field(description="Patterns of the models that go to it by themselves.")]
    default: Annotated[bool, Field(description="Whether it serves what no pattern claims.")]


class Providers(TypedDict):
    """The providers."""

    providers: list[Provider]
