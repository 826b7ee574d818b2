"""The functions that announce and deliver are killed at each of their calls, before it and after it: nothing is lost,
and the order of a task's messages stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.domain.notices.webhooks import Outcome
from reelkeep.domain.task import State
from tests.unit.services.harness import NOON
from tests.unit.services.webhook_harness import Killed, Received, Receiver, WebhookHarness, task

WAY = (State.PROCESSING, State.ARCHIVING, State.SUCCESS)
URL = "https://one.test/h"


@dataclass
class Killer:
    """Counts the calls of all ports, and kills the caller at the one of this number."""

    number: int = -1
    after: bool = False
    calls: int = 0

    def __call__(self, port: Any) -> Any:
        return _Port(port, self)

    def call(self, real: Callable[..., Any], *values: Any) -> Any:
        self.calls += 1
        if self.calls - 1 != self.number:
            return real(*values)
        if self.after:
            real(*values)
        raise Killed


@dataclass
class _Port:
    real: Any
    killer: Killer

    def __call__(self, *values: Any) -> Any:
        return self.killer.call(self.real, *values)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *values: self.killer.call(getattr(self.real, name), *values)


def takes_after_a_while(received: Received) -> tuple[int, float]:
    """It refuses each message at first, then lets three time out, and takes all after an hour."""
    minutes = (received.at - NOON) / timedelta(minutes=1)
    if minutes < 2:
        return 503, 0.1
    return 200, 1e9 if minutes < 60 else 0.1


def refuses_for_good(_: Received) -> tuple[int, float]:
    return 503, 0.1


def life(killer: Killer, receiver: Receiver) -> WebhookHarness:
    harness = WebhookHarness()
    harness.webhook(URL, receiver, states=WAY if receiver is takes_after_a_while else WAY[-1:])
    harness.build(killer)
    going = task()
    for state in WAY:
        try:
            going = harness.change(going, state)
        except Killed:  # the stream repeats it
            going = harness.change(going, state)
        harness.pass_(timedelta(seconds=20))
    harness.pass_(timedelta(days=2))
    return harness


@pytest.mark.parametrize(
    ("receiver", "outcome"), [(takes_after_a_while, Outcome.DELIVERED), (refuses_for_good, Outcome.FAILED)]
)
def test_a_crash_at_any_call_loses_no_message_and_no_order(receiver: Receiver, outcome: Outcome) -> None:
    whole = Killer()
    expected = len(life(whole, receiver).deliveries.recorded)
    states = [str(state) for state in WAY] if outcome is Outcome.DELIVERED else []
    assert whole.calls > 100
    for number in range(0, whole.calls, whole.calls // 60):  # a receiver that refuses for days is probed very often
        for after in (False, True):
            harness = life(Killer(number, after), receiver)
            assert harness.is_done, (number, after)
            found = [*harness.deliveries.recorded.values()]
            assert [each.outcome for each in found] == [outcome] * expected, (number, after)
            arrived = [json.loads(each.body)["data"]["state"] for each in harness.received]
            assert list(dict.fromkeys(arrived)) == states, (number, after)
            given_up = {each.id for each in found if each.outcome is Outcome.FAILED}
            assert set(harness.queue.undelivered) == given_up, (number, after)
