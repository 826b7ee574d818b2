"""Changes a record under an optimistic lock: it is read again when somebody else was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reelkeep.domain.errors import Stale

T = TypeVar("T")
_ATTEMPTS = 8


def change(read: Callable[[], T], edit: Callable[[T], T], save: Callable[[T], T], *, found: T | None = None) -> T:
    """The record as it is afterwards; `found` saves the first read. What an edit leaves as it is, is not written.

    Raises Stale if others win every time.
    """
    for _ in range(_ATTEMPTS):
        found = read() if found is None else found
        edited = edit(found)
        if edited == found:
            return found
        try:
            return save(edited)
        except Stale as stale:
            found, lost = None, stale
    raise Stale("this record changes too often") from lost
