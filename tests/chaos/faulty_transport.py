"""What every call to the outside goes through, and what may happen to it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The function that makes the call is dead. Nothing that it does from now on has any effect."""


class Call(NamedTuple):
    """A call that a function makes: which of those of this name, counted from 0 over a whole run."""

    function: str  # submit, poll, finalize, ...
    name: str  # dynamodb.PutItem, vidu POST /ent/v2/text2video, ...
    number: int

    def __str__(self) -> str:
        return f"{self.function}: {self.name} #{self.number}"


class Mode(StrEnum):
    KILLED_AT_ONCE = "killed at once"  # before the first call of an invocation
    KILLED_AFTER = "killed after"
    UNSENT = "not sent"  # no connection; nothing happens there
    LOST = "answer lost"  # it happened there, and then the connection broke
    CUT = "answer cut"  # half of the answer comes
    REFUSED = "refused"  # throttled or 429; nothing happens there
    FAULT = "fault"  # 500 or 503; nothing happens there
    OUTAGE = "outage"  # the same, for every call of this name for twenty minutes


OUTAGE_SECONDS = 1200.0


@dataclass(frozen=True)
class Ways:
    """What a kind of call can come to, each in the words of what it is made with. A mode without a word cannot
    happen to it."""

    happen: Callable[[], object]
    instead: dict[Mode, Callable[[], object]]  # without any effect
    after: dict[Mode, Callable[[object], object]]  # of the answer that came
    only_reads: bool = False

    def modes(self, previous: Call | None, call: Call) -> list[Mode]:
        """Those that leave something else behind than the modes of the call before, `previous`, in this invocation.

        A kill before a call is the kill after the one before, and a kill after a read is the kill before it. To fail
        at the second of several reads is to fail at the first.
        """
        kills = [Mode.KILLED_AFTER] if not self.only_reads else []
        if previous is None:
            return [Mode.KILLED_AT_ONCE, *kills, *self.instead, *self.after]
        if self.only_reads and previous.name == call.name:
            return []
        return [*kills, *self.instead, *self.after]


@dataclass
class FaultyTransport:
    """Counts the calls of one run, and lets happen to each of them what is planned for it."""

    clock: Callable[[], float]
    planned: dict[Call, Mode] = field(default_factory=dict)
    made: dict[Call, list[Mode]] = field(default_factory=dict)  # and all that could have happened to each
    happened: Callable[[str], None] = lambda name: None  # told of every call that had its effect
    _function: str = ""
    _previous: Call | None = None  # of this invocation
    _alive: bool = False
    _counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    _outages: dict[tuple[str, str], float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)  # a file is read by a thread of its own

    def begin(self, function: str) -> None:
        self._function, self._alive, self._previous = function, True, None

    def end(self) -> None:
        self._alive = False

    def call(self, name: str, ways: Ways) -> object:
        if not self._alive:
            raise Killed
        with self._lock:
            key = (self._function, name)
            call = Call(*key, self._counted[key])
            self._counted[key] += 1
            self.made[call] = ways.modes(self._previous, call)
            self._previous = call
        mode = self.planned.get(call)
        if mode is Mode.OUTAGE:
            self._outages[key] = self.clock() + OUTAGE_SECONDS
        if self._outages.get(key, 0.0) > self.clock():
            return ways.instead[Mode.OUTAGE]()
        if mode is Mode.KILLED_AT_ONCE:
            self._kill()
        if mode in ways.instead:
            return ways.instead[mode]()
        answer = ways.happen()
        self.happened(name)
        if mode is Mode.KILLED_AFTER:
            self._kill()
        return ways.after[mode](answer) if mode in ways.after else answer

    def _kill(self) -> None:
        self._alive = False
        raise Killed
