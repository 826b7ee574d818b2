"""What an operator settles for an owner, and what is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reelkeep.domain.claims import LONGEST_WINDOW
from reelkeep.domain.errors import InvalidRequest, wrong
from reelkeep.domain.limits import NO_LIMITS, Limits, check
from reelkeep.domain.task import Record

NEW_OWNERS = "*"  # stands for them: their settings are what an owner begins with
_LONGEST_REASON = 200
REFUSE, QUEUE = "refuse", "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSettings(Record):
    """What holds for all keys of an owner."""

    repeat_window: int = 0  # seconds in which an identical body is taken as a repeat; 0 is never
    limits: Limits = NO_LIMITS
    stopped: str = ""  # why it may submit nothing
    when_full: str = REFUSE  # what becomes of a submission beyond `limits.tasks_at_once`
    version: int = 0

    @property
    def queues(self) -> bool:
        return self.when_full == QUEUE and self.limits.tasks_at_once is not None


USUAL_SETTINGS = OwnerSettings()


@dataclass(frozen=True, slots=True)
class Stopped:
    """What an operator stopped: no task of these is started."""

    providers: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()


NOTHING_STOPPED = Stopped()


@dataclass(frozen=True, slots=True)
class OwnerChange:
    name: str
    said: Mapping[str, Any]
    whole: bool = False  # what is not said is as it is by default

    def of(self, settings: OwnerSettings) -> OwnerSettings:
        before = replace(USUAL_SETTINGS, version=settings.version) if self.whole else settings
        return replace(before, **self.said)


def check_settings(settings: OwnerSettings) -> None:
    """Raises InvalidRequest."""
    seconds = int(LONGEST_WINDOW.total_seconds())
    if not 0 <= settings.repeat_window <= seconds:
        raise InvalidRequest(f"a repeat window is 0 (off) to {seconds} seconds", field="repeat_window")
    if settings.when_full not in (REFUSE, QUEUE):
        raise wrong("when_full", f"must be {REFUSE} or {QUEUE}")
    if len(settings.stopped) > _LONGEST_REASON or not settings.stopped.isprintable():
        raise wrong("stopped", f"must be at most {_LONGEST_REASON} printable characters")
    check(settings.limits)
