"""One receiver is dead for a day at 100 messages a second: what everybody else notices of it.

    python -m benchmarks.webhooks [--check] [--hours N] [--rate N]

The use cases are the real ones; the table and the queue are the tests' fakes, and time is simulated, also in the
middle of an attempt. A hundred functions deliver. The dead receiver lets every request time out in the first half of
the time, and refuses in the second half. Another webhook of the same owner, and one of somebody else's, take what
they get. A whole day takes about half an hour and 9 GB of memory.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "layers" / "reelkeep"))

from reelkeep.domain.notices.webhooks import Delivery, Outcome
from reelkeep.domain.task import State
from tests.fakes import FakeDeliveries
from tests.unit.services.harness import MALLORY, NOON
from tests.unit.services.webhook_harness import TIMEOUT, Received, WebhookHarness, accepting, task

_DEAD, _BESIDE, _OTHER = "https://dead.test/h", "https://beside.test/h", "https://other.test/h"
_PER_TASK_OF_DEAD: Final = 20  # so many of its messages for each one of the others
_MOST_IN_FLIGHT: Final = 1_000
_USUAL: Final = 1.0  # seconds
_MOST_LATE: Final = TIMEOUT + 1.0  # seconds; when it begins to time out, all functions wait for it once


@dataclass
class LeanDeliveries(FakeDeliveries):
    """Without the bodies of what the dead receiver never takes, and without what has arrived elsewhere."""

    delays: Counter[int] = field(default_factory=Counter)  # in tenths of a second
    outcomes: Counter[Outcome] = field(default_factory=Counter)  # of the dead receiver's

    def add(self, delivery: Delivery) -> Delivery:
        return super().add(replace(delivery, body="") if delivery.url == _DEAD else delivery)

    def save(self, delivery: Delivery) -> Delivery:
        saved = super().save(delivery)
        if saved.outcome is not Outcome.WAITING:
            del self.recorded[saved.owner, saved.webhook_id, saved.id]
            if saved.url == _DEAD:
                self.outcomes[saved.outcome] += 1
            else:
                self.delays[int((saved.attempts[-1].at - saved.created_at).total_seconds() * 10)] += 1
        return saved


def simulated(hours: float, rate: int) -> WebhookHarness:
    dice = random.Random(1)
    harness = WebhookHarness(jitter=lambda: dice.uniform(0.9, 1.1), deliveries=LeanDeliveries())
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
            print(f"after {(tenth + 1) // 36_000:2} h: {len(harness.waiting.all):>9,} wait", flush=True)
    print(f"messages for the dead receiver {number:,}, of which {len(harness.waiting.all):,} wait in the end")
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
