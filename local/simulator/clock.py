"""The simulator's time: the machine's clock, plus what it was told to skip."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time


@dataclass
class Clock:
    """Seconds since the epoch; it can be moved forward, never back."""

    wall: Callable[[], float] = time
    skipped: float = 0.0

    def now(self) -> float:
        return self.wall() + self.skipped

    def advance(self, seconds: float) -> None:
        if not 0 <= seconds <= 10 * 365 * 86400:
            raise ValueError("advance_seconds must be between 0 and ten years")
        self.skipped += seconds


def rfc3339(moment: float) -> str:
    """With nine fractional digits, as the real provider was seen to write it."""
    nanoseconds = int(moment * 1_000_000_000)
    whole, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def from_rfc3339(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
