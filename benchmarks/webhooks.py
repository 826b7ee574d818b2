"""One receiver is dead for a day at 100 messages a second: what everybody else notices of it.

    python -m benchmarks.webhooks [--check] [--hours N] [--rate N]

The use cases are the real ones; the table and the queue are the tests' fakes, and time is simulated, also in the
middle of an attempt. A hundred functions deliver. The dead receiver lets every request time out in the first half of
the time, and refuses in the second half. Another webhook of the same owner, and one of somebody else's, take what
they get. A whole day takes about half an hour, and half a gigabyte of memory: what can be computed of a message that
was never sent is not remembered.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "layers" / "reelkeep"))

from reelkeep.domain import ids
from reelkeep.domain.notices.webhooks import Delivery, Outcome, WaitingDelivery, delivery_id
from reelkeep.domain.task import State
from tests.fakes.notices import FakeDeliveries, FakeWaiting
from tests.unit.services.harness import MALLORY, NOON
from tests.unit.services.webhook_harness import TIMEOUT, Received, WebhookHarness, accepting, task

_DEAD, _BESIDE, _OTHER = "https://dead.test/h", "https://beside.test/h", "https://other.test/h"
_PER_TASK_OF_DEAD: Final = 20  # so many of its messages for each one of the others
_TENTH: Final = timedelta(seconds=0.1)  # between two batches of changes
_NEVER: Final = -1
_MOST_IN_FLIGHT: Final = 1_000
_USUAL: Final = 1.0  # seconds
_MOST_LATE: Final = TIMEOUT + 1.0  # seconds; when it begins to time out, all functions wait for it once


@dataclass
class Numbers:
    """The messages for the dead receiver: what can be computed of them, and need not be remembered."""

    tasks: int
    rate: int
    sample: Delivery = field(init=False)  # any of them
    _ids: dict[int, str] = field(default_factory=dict)  # the last ones that were asked for

    def of(self, delivery_id: str) -> int:
        """0 if it is none of them."""
        tenth = (ids.created_at(delivery_id.removeprefix("dl_")) - NOON) // _TENTH
        first = tenth * (self.rate // 10) + 1
        numbers = range(first, min(first + self.rate // 10, self.tasks + 1))
        return next((number for number in numbers if self.id(number) == delivery_id), 0)

    def id(self, number: int) -> str:
        if number not in self._ids:
            if len(self._ids) > 100_000:
                self._ids.clear()
            at = self.created_at(number)
            self._ids[number] = delivery_id(self.sample.webhook_id, f"{number:032x}", State.SUCCESS, at)
        return self._ids[number]

    def created_at(self, number: int) -> datetime:
        return NOON + (number - 1) // (self.rate // 10) * _TENTH

    def delivery(self, number: int) -> Delivery:
        return replace(self.sample, id=self.id(number), task_id=f"{number:032x}", created_at=self.created_at(number))


@dataclass
class LeanDeliveries(FakeDeliveries):
    """Remembers a bit of what the dead receiver was never sent, and nothing of what has arrived elsewhere."""

    numbers: Numbers = field(kw_only=True)
    delays: Counter[int] = field(default_factory=Counter)  # in tenths of a second
    outcomes: Counter[Outcome] = field(default_factory=Counter)  # of the dead receiver's
    untried: bytearray = field(init=False)  # by number

    def __post_init__(self) -> None:
        self.untried = bytearray(self.numbers.tasks + 1)

    def add(self, delivery: Delivery) -> Delivery:
        if delivery.url != _DEAD:
            return super().add(delivery)
        self.numbers.sample = delivery = replace(delivery, body="")
        self.untried[int(delivery.task_id, 16)] = True
        return delivery

    def get(self, owner: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        if found := super().get(owner, webhook_id, delivery_id):
            return found
        number = self.numbers.of(delivery_id) if webhook_id == self.numbers.sample.webhook_id else 0
        return self.numbers.delivery(number) if self.untried[number] else None

    def save(self, delivery: Delivery) -> Delivery:
        if delivery.url == _DEAD and self.untried[number := int(delivery.task_id, 16)]:
            self.untried[number] = False
            super().add(self.numbers.delivery(number))
        saved = super().save(delivery)
        if saved.outcome is not Outcome.WAITING:
            del self.recorded[saved.owner, saved.webhook_id, saved.id]
            if saved.url == _DEAD:
                self.outcomes[saved.outcome] += 1
            else:
                self.delays[int((saved.attempts[-1].at - saved.created_at).total_seconds() * 10)] += 1
        return saved


@dataclass
class LeanWaiting(FakeWaiting):
    """Remembers two moments of each message for the dead receiver, in microseconds."""

    numbers: Numbers = field(kw_only=True)
    waits: bytearray = field(init=False)  # by number
    since: array[int] = field(init=False)
    due: array[int] = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.waits = bytearray(self.numbers.tasks + 1)
        self.since = array("q", [_NEVER]) * len(self.waits)
        self.due = array("q", [_NEVER]) * len(self.waits)

    def put(self, waiting: WaitingDelivery) -> None:
        if not self._is_for_dead(waiting.receiver):
            return super().put(waiting)
        number = _number_in(waiting.place)
        self.count += not self.waits[number]
        self.waits[number] = True
        self.since[number], self.due[number] = map(_microseconds, (waiting.since, waiting.due))
        return None

    def first(self, delivery: Delivery) -> WaitingDelivery | None:
        if delivery.url != _DEAD:
            return super().first(delivery)
        number = int(delivery.task_id, 16)
        return self._read(number) if self.waits[number] else None

    def remove(self, delivery: Delivery) -> None:
        if delivery.url != _DEAD:
            return super().remove(delivery)
        number = int(delivery.task_id, 16)
        self.count -= self.waits[number]
        self.waits[number] = False
        return None

    def page(self, owner: str, receiver: str, after: str, size: int) -> list[WaitingDelivery]:
        if not self._is_for_dead(receiver):
            return super().page(owner, receiver, after, size)
        found, number = list[WaitingDelivery](), _number_in(after) if after else 0
        while len(found) < size and (number := self.waits.find(True, number + 1)) > 0:
            found.append(self._read(number))
        return found

    def _is_for_dead(self, receiver: str) -> bool:
        return receiver == self.numbers.sample.receiver

    def _read(self, number: int) -> WaitingDelivery:
        since, due = (
            None if each == _NEVER else NOON + timedelta(microseconds=each) for each in self._moments(number)
        )
        return replace(self.numbers.delivery(number).waiting, since=since, due=due)

    def _moments(self, number: int) -> tuple[int, int]:
        return self.since[number], self.due[number]


def _number_in(place: str) -> int:
    return int(place.partition("#")[0], 16)


def _microseconds(moment: datetime | None) -> int:
    return (moment - NOON) // timedelta(microseconds=1) if moment else _NEVER


def simulated(hours: float, rate: int) -> WebhookHarness:
    dice = random.Random(1)
    numbers = Numbers(int(hours * 36_000) * (rate // 10), rate)
    waiting = LeanWaiting(numbers=numbers)
    harness = WebhookHarness(
        jitter=lambda: dice.uniform(0.9, 1.1), deliveries=LeanDeliveries(numbers=numbers), waiting=waiting
    )
    turn = NOON + timedelta(hours=hours) / 2

    def dead(received: Received) -> tuple[int, float]:
        if received.at < NOON + timedelta(minutes=1):
            return accepting(received)
        return (200, 1e9) if received.at < turn else (503, 0.1)

    harness.webhook(_DEAD, dead, states=(State.SUCCESS,))
    harness.webhook(_BESIDE, states=(State.FAILED,))
    harness.webhook(_OTHER, caller=MALLORY)
    first, number, longest = task(), 0, 0
    for tenth in range(int(hours * 36_000)):
        before = replace(first, updated_at=harness.now - timedelta(seconds=1))
        for _ in range(rate // 10):
            number += 1
            before = replace(before, id=f"{number:032x}")
            harness.change(before, State.SUCCESS)
            if number % _PER_TASK_OF_DEAD == 0:
                harness.change(before, State.FAILED)  # which only the second one asks for
                harness.change(replace(before, owner=MALLORY.owner), State.SUCCESS)
        harness.pass_(timedelta(seconds=0.1))
        harness.received.clear()
        longest = max(longest, len(harness.queue.messages))
        if tenth % 36_000 == 35_999:
            print(f"after {(tenth + 1) // 36_000:2} h: {waiting.count:>9,} wait", flush=True)
    print(f"messages for the dead receiver {number:,}, of which {waiting.count:,} wait in the end")
    print(f"in the queue at once           {longest:,}")
    return harness


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="end with status 1 if a target is missed")
    parser.add_argument("--hours", type=float, default=24, help="that the receiver is dead for")
    parser.add_argument("--rate", type=int, default=100, help="messages for it in a second, a multiple of 10")
    chosen = parser.parse_args()
    gc.disable()  # nothing here is garbage for long
    harness = simulated(chosen.hours, chosen.rate)
    deliveries = harness.deliveries
    assert isinstance(deliveries, LeanDeliveries)
    delays, total = deliveries.delays, deliveries.delays.total()
    late = sum(count for tenths, count in delays.items() if tenths >= _USUAL * 10)
    print(f"in flight at once              {harness.queue.most_in_flight:,} (target: below {_MOST_IN_FLIGHT:,})")
    print(f"given up                       {deliveries.outcomes[Outcome.FAILED]:,}")
    print(f"messages of others             {total:,}, later than {_USUAL:.0f} s: {late:,}")
    print(f"the latest of them             {max(delays) / 10:.1f} s (target: {_MOST_LATE:.0f} s, once)")
    good = harness.queue.most_in_flight < _MOST_IN_FLIGHT and max(delays) / 10 <= _MOST_LATE and late < total / 1000
    return 0 if good or not chosen.check else 1


if __name__ == "__main__":
    raise SystemExit(main())
