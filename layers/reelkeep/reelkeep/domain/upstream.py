"""What is known of a provider: what a client may know, and what an operator sees."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reelkeep.domain.durations import Combination, Known
from reelkeep.domain.room import Lease, Limit, capacity

_CURRENT_FOR = timedelta(minutes=10)  # after a fault was last seen; tasks under way show it again sooner
_MOST_TIMES = 100  # combinations, those that were seen last


class Health(StrEnum):
    """The first that is true."""

    KEY_REFUSED = "key-refused"
    OUT_OF_CREDIT = "out-of-credit"
    UNREACHABLE = "unreachable"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What went wrong with a provider, again and again without a pause of ten minutes."""

    kind: Health
    message: str
    since: datetime
    last_at: datetime

    def goes_on(self, now: datetime) -> bool:
        return now - self.last_at < _CURRENT_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualTime:
    """How long tasks of a combination took there, in seconds."""

    of: Combination
    seen: int  # tasks
    p50: float
    p90: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """How a provider does at one moment, for operators."""

    health: Health
    troubles: tuple[Trouble, ...]  # the latest first, also those that are over
    slots: int | None  # how many tasks it takes at once, as far as is known
    in_flight: int  # tasks that are there, without off-peak ones
    in_line: int  # tasks that wait for room there
    at_least: bool  # whether more may be in line
    expected_start: datetime  # of a task that joins the line now
    times: tuple[UsualTime, ...]


@dataclass(frozen=True, slots=True)
class Upstream:
    name: str
    dialect: str
    models: tuple[str, ...]  # patterns
    default: bool
    default_model: str = ""  # of submissions that name none
    stopped: bool = False  # whether an operator has stopped submissions to it
    status: ProviderStatus | None = None  # for operators


def health(troubles: Iterable[Trouble], now: datetime) -> Health:
    kinds = {each.kind for each in troubles if each.goes_on(now)}
    return next((each for each in Health if each in kinds), Health.OK)


def usual_times(known: Known) -> tuple[UsualTime, ...]:
    """Of the combinations that were seen last, in the order of their names."""
    latest = sorted(known.ends.items(), key=lambda each: max(end.at for end in each[1].values()), reverse=True)
    times = []
    for combination, ends in sorted(latest[:_MOST_TIMES], key=lambda each: str(each[0])):
        seconds = sorted(end.seconds for end in ends.values())
        p50, p90 = (seconds[math.ceil(share * len(seconds)) - 1] for share in (0.5, 0.9))
        times.append(UsualTime(of=combination, seen=len(seconds), p50=p50, p90=p90))
    return tuple(times)


def usual_seconds(times: Iterable[UsualTime], otherwise: float) -> float:
    """How long a task takes there of which nothing is known."""
    known = sorted(each.p50 for each in times if not each.of.off_peak)
    return known[len(known) // 2] if known else otherwise


def slots_of(declared: int | None, learned: Limit | None, now: datetime) -> int | None:
    """How many tasks it is known to take at once: without the one that is tried from time to time."""
    most = capacity(declared, learned, now)
    return min(most, learned.slots) if most is not None and learned else most


def expected_start(leases: list[Lease], slots: int | None, in_line: int, usual: float, now: datetime) -> datetime:
    """If the tasks before it take their usual time."""
    if not in_line and (slots is None or len(leases) < slots):
        return now
    return now + timedelta(seconds=(in_line + 1) * usual / max(1, len(leases)))
