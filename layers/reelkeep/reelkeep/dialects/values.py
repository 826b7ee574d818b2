"""Types of the values in bodies, and the messages about wrong ones: no text of pydantic reaches a client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError, core_schema

from reelkeep.domain.errors import InvalidRequest, ItemCountOutOfRange, Missing
from reelkeep.domain.ids import REFERENCE
from reelkeep.domain.wire import Json

_MOST_ERRORS = 20
_FORMS: dict[str, str] = {}  # the message for a text that does not fit a pattern


def formed(pattern: str, sentence: str, longest: int | None = None) -> Any:
    """A text of this form, for Annotated; `sentence` is what follows the field's name if it has another form."""
    _FORMS[pattern] = sentence
    return Field(pattern=pattern, max_length=longest)


@dataclass(frozen=True)
class Whole:
    """A whole number within limits, for Annotated."""

    least: int = 0
    most: int = 86_400

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        message = f"must be a whole number from {self.least} to {self.most}"
        return core_schema.custom_error_schema(
            core_schema.int_schema(strict=True, ge=self.least, le=self.most), _SAID, custom_error_message=message
        )


@dataclass(frozen=True)
class ErrorSentence:
    """One message for whatever is wrong with a value, for Annotated: about the whole, not about an item in it."""

    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.custom_error_schema(handler(source), _SAID, custom_error_message=self.sentence)


_SAID = "said"  # the type of an error whose message is ours
_LACKING = "lacking"  # the same, if it is about what is not there


def unless(other: str) -> Any:
    """A field that is required if the `other` one, declared before it, is not given, for Annotated. It validates
    its default."""

    def check(value: Any, info: ValidationInfo) -> Any:
        if not value and not info.data.get(other, "which is wrong"):
            raise PydanticCustomError(_LACKING, f"or {other} is required")
        return value

    return AfterValidator(check)


_HTTP = r"[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"
IMAGE = rf"{_HTTP}|{REFERENCE}$|data:image/[a-zA-Z0-9.+-]+;base64,[a-zA-Z0-9+/]"


def without_line_breaks(image: str) -> str:
    """A picture in base64 as it is without the line breaks that some encoders put in."""
    return re.sub(r"\s+", "", image) if image.startswith("data:") else image


Name = Annotated[str, Field(max_length=256)]  # may become part of a key in the table
Prompt = Annotated[str, Field(max_length=5000)]
Url = Annotated[str, formed(f"^{_HTTP}", "must be an http(s) URL", 8192)]
Film = Annotated[str, formed(f"^({_HTTP}|{REFERENCE}$)", "must be an http(s) URL", 8192)]
Image = Annotated[
    str,
    formed(f"^({IMAGE})", "must be an http(s) URL, or a data: URI that begins with data:image/…;base64,"),
    AfterValidator(without_line_breaks),
]
RATIO = r"^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$"
Ratio = Annotated[str, formed(RATIO, "must be two whole numbers, as in 16:9")]
Seconds = Annotated[int, Whole(1)]


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value


TextSeconds = Annotated[  # with write=str
    int,
    Whole(1),
    BeforeValidator(_number),
    WithJsonSchema({"type": ["string", "integer"], "description": "A whole number, of seconds."}),
]


# --- what is wrong with a body ---

B = TypeVar("B", bound=BaseModel)


def read(model: type[B], sent: Mapping[str, Json]) -> B:
    """Raises InvalidRequest, with every field that is wrong."""
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise _refusal(error) from error


_SENTENCES: Mapping[str, str] = {  # by pydantic's types of errors; what stands in braces is in their contexts
    "missing": "is required",
    "extra_forbidden": "is not a field here",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
}


_KINDS: Mapping[str, type[InvalidRequest]] = {
    **dict.fromkeys(("missing", _LACKING), Missing),
    **dict.fromkeys(("too_short", "too_long"), ItemCountOutOfRange),
}


def _refusal(refused: ValidationError) -> InvalidRequest:
    found = refused.errors(include_url=False, include_input=False)[:_MOST_ERRORS]
    places = ["".join(map(_step, each["loc"])) for each in found]
    names = (place.lstrip(".")[:200] for place in places)  # a client may have made one up
    wrong = dict(zip(names, map(_sentence, found), strict=True))
    first = found[0]["type"]
    kind = _KINDS.get(first, InvalidRequest)
    message = "; ".join(f"{field} {sentence}" for field, sentence in wrong.items())
    return kind(message, field=next(iter(wrong)), wrong=tuple(wrong.items()))


def _step(step: int | str) -> str:
    """On the way to a field. What begins with a colon is the tag of one of a field's forms."""
    return f"[{step}]" if isinstance(step, int) else "" if step.startswith(":") else f".{step}"


def _sentence(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "said" | "lacking":
            return error["msg"]
        case "string_pattern_mismatch":
            return _FORMS[context["pattern"]]
        case "literal_error" | "enum":
            choices = re.sub(r"<[^:>]+: ('[^']*')>", r"\1", context["expected"])  # of a Literal of an enum's members
            return f"must be one of {choices.replace(' or ', ', ').replace(chr(39), '')}"
        case "string_too_short" | "too_short" if context["min_length"] == 1:
            return "must not be empty"
        case "too_long" if context["max_length"] == 1:
            return "must have at most 1 item"
        case other:
            return _SENTENCES.get(other, "is not valid").format(**context)
