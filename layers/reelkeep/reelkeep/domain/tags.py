"""Tags: a client's own words for a task, to find it again, and for subscriptions to filter by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from reelkeep.domain.errors import InvalidRequest

HEADER = "Reelkeep-Tags"  # for dialects that have no field for them
MOST = 10
FORM = r"^[A-Za-z0-9._:/@+=-]{1,64}$"  # safe in a header, a filter, an index and a log


class Labels(NamedTuple):
    """What a client wants a task to be labelled with. None leaves it as it is."""

    task_id: str
    tags: tuple[str, ...] | None = None
    starred: bool | None = None


def check(tags: Iterable[str], field: str) -> tuple[str, ...]:
    """These tags, each once, in their order. Raises InvalidRequest, naming the field."""
    found = tuple(dict.fromkeys(tags))
    if len(found) > MOST:
        raise InvalidRequest(f"{field} must have at most {MOST} tags", field=field)
    for tag in found:
        if not re.fullmatch(FORM, tag):
            message = f"{field} must hold tags of 1 to 64 letters, digits, '.', '_', ':', '/', '@', '+', '=' or '-'"
            raise InvalidRequest(message, field=field)
    return found


def from_header(text: str) -> tuple[str, ...]:
    """The tags of a header's value: `a, b`. Raises InvalidRequest."""
    return check((part.strip() for part in text.split(",")), HEADER) if text.strip() else ()
