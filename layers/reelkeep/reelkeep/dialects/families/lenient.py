"""Reads providers' answers: exact ids, numbers in strings, links. What makes no sense is absent."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote

from reelkeep.domain.wire import Json, repair_json

T = TypeVar("T")
_LONGEST_ID = 8192  # characters; servers take no longer URLs
_LATEST = 1e11  # seconds since 1970: the year 5138. Milliseconds reach that in 1973
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_URL = re.compile(r"(?i:(https?):)?(//[^\s/?#\\]+)(.*)")
_PATH = re.compile(
    r"(/[^/]|\.{1,2}/|[^:?#]+\.(?i:mp4|mov|webm|png|jpe?g|webp)(?=[?#]|$)"
    r"|(?!(video|image|application)/)[\w.-]{2,64}(/[\w.-]{1,128}){1,8}(?=[?#]|$)).*"  # of no file type, but no "n/a"
)
_UNESCAPED = "%/?:;@&=+$,#!'()*[]|^~\\"  # what browsers leave as it is in a URL, beside letters and digits


class JsonObject:
    """An object of an answer, maybe written as JSON in a string. Whatever is not an object has no fields.

    A field has several names where providers differ; the first that says something counts. Names are in snake_case,
    also those that came in camelCase.
    """

    def __init__(self, value: Json) -> None:
        self.fields = fields(value)

    def __bool__(self) -> bool:
        return bool(self.fields)

    def first(self, read: Callable[[Json], T], names: tuple[str, ...]) -> T:
        for name in names:
            value = self.fields.get(name)
            if value is not None and (found := read(value)) not in (None, ""):
                return found
        return read(None)

    def text(self, *names: str) -> str:
        return self.first(text, names)

    def id(self, *names: str) -> str:
        return self.first(identifier, names)

    def number(self, *names: str) -> float | None:
        return self.first(number, names)

    def whole(self, *names: str) -> int | None:
        return self.first(whole, names)

    def quantity(self, *names: str) -> int | Decimal | None:
        return self.first(quantity, names)

    def moment(self, *names: str) -> datetime | None:
        return self.first(moment, names)

    def link(self, *names: str) -> str:
        return self.first(link, names)

    def object(self, name: str) -> JsonObject:
        return JsonObject(self.fields.get(name))


def fields(value: Json) -> dict[str, Json]:
    """The object's fields; none if it is not an object."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = repair_json(value.encode(errors="replace"))
        except ValueError:
            return {}
    if not isinstance(value, dict):
        return {}
    if all(map(str.islower, value)):
        return value
    return {_CAMEL.sub("_", name).lower(): field for name, field in value.items()} | {
        name: field for name, field in value.items() if name.islower() and field is not None
    }


def text(value: Json) -> str:
    """The string, or "" for anything else."""
    return value if isinstance(value, str) else ""


def identifier(value: Json) -> str:
    """An id as exact text, also one of 18 digits that came as a number; "" if it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    found = value.strip() if isinstance(value, str) else ""
    return found if found not in (".", "..") and len(found) <= _LONGEST_ID else ""


def number(value: Json) -> float | None:
    """A finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) and parsed >= 0 else None


def whole(value: Json) -> int | None:
    parsed = number(value)
    return None if parsed is None or parsed >= 2**53 else int(parsed)


def quantity(value: Json) -> int | Decimal | None:
    """Not negative. A fraction is decimal, to a millionth."""
    if whole(value) is None:
        return None
    exact = round(Decimal(str(value)), 6)
    return int(exact) if exact == int(exact) else exact.normalize()


def moment(value: Json) -> datetime | None:
    """A time in RFC 3339, with any number of digits after the second, or counted since 1970: seconds, or, as the size
    of the number shows, milliseconds, microseconds or nanoseconds."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            # Of nine digits the last three are dropped; a time without a zone is taken for UTC.
            parsed = datetime.fromisoformat(value)
            return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        seconds = number(value)
        for _ in ("milliseconds", "microseconds", "nanoseconds"):
            seconds = seconds / 1000 if seconds and seconds > _LATEST else seconds
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def link(value: Json) -> str:
    """An http(s) URL or a reference to be resolved against the provider's address, escaped as browsers do; or ""."""
    found = re.sub(r"[\t\r\n]", "", text(value)).strip()
    if found.startswith("gs://"):  # a bucket of Google's, as its own clients read it
        found = f"https://storage.googleapis.com/{found.removeprefix('gs://')}"
    if url := _URL.fullmatch(found):
        scheme, host, rest = url.groups()
        return f"{(scheme or 'https').lower()}:{host}{quote(rest, safe=_UNESCAPED)}"
    return quote(found, safe=_UNESCAPED) if _PATH.fullmatch(found) else ""
