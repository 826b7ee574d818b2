"""Reading what providers say: exact ids, numbers in strings, links. What makes no sense is absent."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from reelkeep.domain.wire import Json

_ID = re.compile(r"\w[\w:.@=+~-]{0,255}", re.ASCII)  # goes into the path of a call
_LATEST = 1e11  # seconds since 1970: the year 5138. Milliseconds reach that in 1973
_LINK = re.compile(r"https?://[^\s/?#\\]\S*")


def fields(value: Json) -> dict[str, Json]:
    """The object's fields; none if it is not an object."""
    return value if isinstance(value, dict) else {}


def text(value: Json) -> str:
    """The string, or "" for anything else."""
    return value if isinstance(value, str) else ""


def identifier(value: Json) -> str:
    """An id as exact text, also one of 18 digits that came as a number; "" if it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**255 else ""  # longer ones Python refuses to write out
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


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


def moment(value: Json) -> datetime | None:
    """A time in RFC 3339, with any number of digits after the second, or counted since 1970: seconds, or, as the size
    of the number tells, milliseconds, microseconds or nanoseconds."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            # Of nine digits the last three are dropped; a time without a zone is taken for UTC.
            parsed = datetime.fromisoformat(value)
            return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        seconds = number(value)
        while seconds and seconds > _LATEST:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def link(value: Json) -> str:
    """An http(s) URL, or ""."""
    found = text(value).strip()
    return found if _LINK.fullmatch(found) else ""
