"""What providers say oddly: times of wrong clocks, rows of lists that are none, words in another form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from local.simulator.tasks import Task as Made
from reelkeep.domain.wire import ProviderResponse
from tests.chaos.simulation.world import LISTING, World

_SKEWS = (600.0, -600.0, 3600.0, 8 * 3600.0, -8 * 3600.0, -12 * 3600.0, 14 * 3600.0)  # seconds that a clock is off
_FAR_OFF = (0.0, 0.0, 3 * 86_400.0, -400 * 86_400.0)  # and from the beginning to the end
_WILD = ("", "", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT")  # what Date says all the time
_ALTERATIONS: dict[str, Callable[[Any], Any]] = {  # of what tasks were sent with
    "payload: empty": lambda _: "",
    "payload: its own": lambda payload: f"job-{payload[-6:]}",
    "payload: quoted": json.dumps,
    "execution_expires_after: at most a day": lambda mark: min(mark, 86_400),
    "execution_expires_after: in whole hours": lambda mark: round(mark / 3600) * 3600,
}
_FORMS: dict[str, Callable[[float], Any]] = {
    "local time without a zone": lambda at: (
        datetime.fromtimestamp(at + 8 * 3600, UTC).replace(tzinfo=None).isoformat()
    ),
    "milliseconds": lambda at: int(at * 1000),
    "digits in a string": lambda at: str(int(at)),
    "another zone": lambda at: datetime.fromtimestamp(at - 5 * 3600, UTC).isoformat(),
    "no time at all": lambda _: "soon",
}
_NO_ROWS: tuple[Any, ...] = (None, {}, "a task", {"id": ""}, {"id": None, "created_at": 0}, [])
_WORDS = {"succeeded": "SUCCESS", "success": "Succeeded", "queueing": "QUEUED", "processing": "In-Progress"}


@dataclass(frozen=True)
class Clock:
    """How a provider's clock is for some hours, and how it writes times and what it was sent then."""

    until: datetime
    skew: float = 0.0
    form: str = ""  # its own
    alteration: str = ""
    longest: int = 0  # rows of a list; 0: all


class Odd:
    def __init__(self, world: World, made: Callable[[str], Made | None]) -> None:
        self._world = world
        self._made = made
        self._far_off = {name: world.random.choice(_FAR_OFF) for name in LISTING}
        self._wild = {name: world.random.choice(_WILD) for name, off in self._far_off.items() if not off}
        world.report.happened.update(f"clock: {off / 86_400:.0f} days off" for off in self._far_off.values() if off)
        self._clocks: dict[str, Clock] = {}
        self._skews: dict[str, float] = {}  # of what each task's time was when it was made

    def accepted(self, made: Made) -> None:
        self._skews[made.id] = self._off(made.order.dialect)

    def stamp(self, made: Made) -> float:
        """When it was made, by its provider's clock."""
        return made.created_at + self._skews.get(made.id, 0.0)

    def told(self, name: str, answer: ProviderResponse) -> ProviderResponse:
        """What that provider makes of this answer to a question."""
        try:
            said = json.loads(answer.body)
        except ValueError:
            return answer
        if answer.status != 200 or not isinstance(said, dict):
            return answer
        for rows in (said[each] for each in ("tasks", "items") if isinstance(said.get(each), list)):
            for row in rows:
                self._write_times(name, row)
                self._alter(name, row)
            self._spoil(rows)
        self._alter(name, said)
        if (longest := self._clock(name).longest) and "items" in said:
            said |= {"items": said["items"][:longest], "total": min(longest, said["total"])}
        if self._world.happens("odd: a word in another form", 0.02):
            for field in ("state", "status"):
                if said.get(field) in _WORDS:
                    said[field] = _WORDS[said[field]]
        if self._world.happens("odd: half of an emoji, and a number that is none", 0.02):
            said |= {"prompt": "\ud83d", "progress": float("nan")}
        date = format_datetime(self._world.now + timedelta(seconds=self._off(name)), usegmt=True)
        date = self._wild.get(name) or date
        return ProviderResponse(status=200, headers={**answer.headers, "date": date}, body=json.dumps(said).encode())

    def _off(self, name: str) -> float:
        return self._clock(name).skew + self._far_off.get(name, 0.0)

    def _clock(self, name: str) -> Clock:
        world, clock = self._world, self._clocks.get(name)
        if clock is None or world.now >= clock.until:
            until = world.now + timedelta(seconds=world.random.uniform(3600, 12 * 3600))
            skew = world.random.choice([0.0, 0.0, *_SKEWS])
            form, alteration = (world.random.choice(["", "", *each]) for each in (_FORMS, _ALTERATIONS))
            clock = Clock(until, skew, form, alteration, world.random.choice([0, 0, 50]))
            said = {f"clock: {skew / 3600:.1f} h off": skew, f"clock: {form}": form, alteration: alteration}
            said[f"list: {clock.longest} rows at most"] = clock.longest
            world.report.happened.update(what for what, so in said.items() if so)
            self._clocks[name] = clock
        return clock

    def _write_times(self, name: str, row: dict[str, Any]) -> None:
        made, clock = self._made(str(row["id"]).removeprefix("cgt-")), self._clock(name)
        if made is None:
            return
        off = self.stamp(made) - made.created_at
        times = {"created_at": made.created_at, "updated_at": made.finishes_at or made.created_at}
        for field, moment in times.items():
            if field in row:
                row[field] = self._written(moment + off, row[field], clock.form)

    def _alter(self, name: str, row: dict[str, Any]) -> None:
        alteration = self._clock(name).alteration
        field = alteration.partition(":")[0]
        if row.get(field):
            row[field] = _ALTERATIONS[alteration](row[field])

    def _written(self, at: float, as_usual: Any, form: str) -> Any:
        if form:
            return _FORMS[form](at)
        return int(at) if isinstance(as_usual, int) else datetime.fromtimestamp(at, UTC).isoformat()

    def _spoil(self, rows: list[Any]) -> None:
        """Some rows are no tasks, and some tasks are not listed as they should be."""
        world = self._world
        if rows and world.happens("odd: a row is none", 0.02):
            rows[world.random.randrange(len(rows))] = world.random.choice(_NO_ROWS)
        if rows and world.happens("odd: one row more", 0.02):
            rows.insert(world.random.randrange(len(rows)), world.random.choice(_NO_ROWS))
        if rows and world.happens("odd: a row twice", 0.02):
            rows.insert(world.random.randrange(len(rows)), world.random.choice(rows))
        if rows and world.happens("odd: a row without what it is known by", 0.02):
            row = world.random.choice(rows)
            if isinstance(row, dict):
                row.pop(world.random.choice(["payload", "execution_expires_after", "id", "created_at"]), None)
