"""Waiting for what happens elsewhere: it is checked again and again, up to a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T | None], *, what: str, within: float = 300.0, every: float = 0.25) -> T:
    """What `look` finds, as soon as it finds anything."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {within:.0f} s for {what}"
        time.sleep(every)
    return found
