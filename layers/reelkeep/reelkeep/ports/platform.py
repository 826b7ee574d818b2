"""What every service needs: the time, secrets, metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

Clock = Callable[[], datetime]
SecondsLeft = Callable[[], float]  # until this function is stopped
Report = Callable[[str, str, float], None]  # a provider, the name of a metric, its value


class Secret(Protocol):
    def value(self) -> str: ...
