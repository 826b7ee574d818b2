"""What the bodies of several things hold, and what is said of one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import BaseModel, Field, StrictInt, StrictStr, ValidationError
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.reelkeep.problems import PROBLEMS, InvalidFields, problem_type
from reelkeep.domain import tags
from reelkeep.domain.task import FailureClass
from reelkeep.domain.wire import Json

# --- what a client sends ---

_URL = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"
_IMAGE = (
    r"^([hH][tT][tT][pP][sS]?://[^\s/?#]\S*|data:image/[a-zA-Z0-9.+-]+;base64,[a-zA-Z0-9+/][a-zA-Z0-9+/\s]*[=\s]*)$"
)
_RATIO = r"^([1-9][0-9]{0,3}:[1-9][0-9]{0,3}|auto|adaptive)$"
_FORMS = {
    tags.FORM: "must be 1 to 64 letters, digits, '.', '_', ':', '/', '@', '+', '=' or '-'",
    _URL: "must be an http(s) URL",
    _IMAGE: "must be an http(s) URL or a data URI (data:image/…;base64,…)",
    _RATIO: "must be two whole numbers, as in 16:9, or a word that the provider knows (auto, adaptive)",
}

Name = Annotated[StrictStr, Field(min_length=1, max_length=256)]  # may become part of a key in the table
Prompt = Annotated[StrictStr, Field(min_length=1, max_length=5000)]
Url = Annotated[StrictStr, Field(pattern=_URL, max_length=8192, examples=["https://example.com/boat.mp4"])]
Image = Annotated[StrictStr, Field(pattern=_IMAGE, examples=["https://example.com/boat.png"])]
Ratio = Annotated[StrictStr, Field(pattern=_RATIO)]
Seconds = Annotated[StrictInt, Field(ge=1, le=600)]
Tag = Annotated[StrictStr, Field(pattern=tags.FORM)]
Seed = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]

Body = TypeVar("Body", bound=BaseModel)


def read(kind: type[Body], body: Mapping[str, Json], what: str, *parts: str) -> Body:
    """Raises InvalidFields, naming every field that is wrong with a body that should be a `what`."""
    inner = [
        (f"{part}.{name}", value)
        for part in parts
        if isinstance(body.get(part), dict)
        for name, value in body[part].items()
    ]
    if nulls := [name for name, value in [*body.items(), *inner] if value is None]:
        raise InvalidFields([(name, "must not be null: leave it out") for name in nulls])
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise _refusal(what, error) from error


def _refusal(what: str, refused: ValidationError) -> InvalidFields:
    """What pydantic found wrong with a body that should be a `what`, in words for who wrote it."""
    found = refused.errors(include_url=False, include_input=False)
    wrong = []
    for error in found:
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
        match error["type"]:
            case "missing":
                message = "is required"
            case "extra_forbidden":
                message = f"is not a field of {what}"
            case "string_pattern_mismatch":
                message = _FORMS[error["ctx"]["pattern"]]
            case _:
                message = re.sub(r"^\w+ should ", "must ", error["msg"]).replace(" after validation", "")
        wrong.append((field.lstrip("."), message))
    return InvalidFields(wrong[:100], missing=found[0]["type"] == "missing")


# --- what it gets ---

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Failure(TypedDict):
    reason: FailureClass
    code: Annotated[str | None, Field(description="The provider's own word.")]
    message: Annotated[str | None, Field(description="For a person.")]
    retryable: Annotated[bool, Field(description="Whether submitting the same once more could succeed.")]


class FieldError(TypedDict):
    field: str
    message: str


class Problem(TypedDict):
    """What went wrong, as RFC 9457 has it."""

    type: Annotated[
        str,
        Field(
            json_schema_extra={
                "enum": [problem_type(name) for name in PROBLEMS],
                "x-enum-varnames": [name.upper().replace("-", "_") for name in PROBLEMS],
                "x-enumDescriptions": {
                    problem_type(name): f"{status}. {title}." for name, (status, title) in PROBLEMS.items()
                },
            }
        ),
    ]
    title: str
    status: int
    detail: Annotated[str, Field(description="For a person.")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="The fields that are wrong.")]]
    failure: NotRequired[Annotated[Failure, Field(description="What the provider said.")]]


# --- their JSON schemas ---


def described(
    received: Iterable[type[BaseModel]], sent: Iterable[type[Any]], *, unions: Mapping[str, Any] | None = None
) -> dict[str, Json]:
    """The JSON schemas of bodies, and of what they hold, by name. `unions` are some of what is received."""
    from reelkeep.dialects.grammar.model_schemas import model_schemas  # only for the OpenAPI document

    received = list(received)
    schemas = model_schemas(received, sent, unions=unions)
    for body in received:
        fields = schemas[body.__name__]["properties"]
        for name, field in fields.items():  # null is not a way to leave a field out
            inner = [option for option in field.get("anyOf", ()) if option != {"type": "null"}]
            if len(inner) == 1:
                fields[name] = inner[0] | {key: value for key, value in field.items() if key != "anyOf"}
    return schemas
