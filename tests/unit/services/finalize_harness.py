"""What the tests of finalize share: a task whose files are to be copied, and time that passes."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from reelkeep.domain.observation import Observation, Succeeded
from reelkeep.domain.task import State
from tests.unit.services.harness import FakeProvider, Harness, creation, request


def archiving(*names: str, task: int = 1, **asked: Any) -> tuple[Harness, str]:
    """A task whose files are ready; each number of one has another id."""
    observations: list[Observation | BaseException] = [
        Succeeded((creation("c1", *names, round=n),)) for n in range(1, 4)
    ]
    harness = Harness(provider=FakeProvider(observations=observations), dice=Random(task))
    id = harness.submit(request(**asked)).id
    harness.poll(id)
    return harness, id


def until(harness: Harness, id: str, state: State) -> timedelta:
    """Lets the state machine run until the task is in this state; how long it took."""
    began = harness.now
    while (wait := harness.finalize(id).wait_seconds) and harness.task(id).state is not state:
        harness.pass_(wait)
    return harness.now - began


def seen(*observations: Observation) -> tuple[Harness, str]:
    harness = Harness(provider=FakeProvider(observations=list(observations)))
    id = harness.submit().id
    harness.poll(id)
    return harness, id


def copied(harness: Harness) -> list[str]:
    return [copy.removeprefix("https://files.test/") for copy in harness.archive.copies]
