"""Where a provider has a list, one call in a few seconds sees the ends of all tasks that are in flight there."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean

import pytest

from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Failed, Observation, Pending, Unreadable
from reelkeep.domain.task import Failure, FailureClass, State, Task
from reelkeep.domain.watch import GRACE
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import QUEUED, Harness
from tests.unit.services.watch_harness import SWEEPS_EVERY, Shop, Stack


def busy(shop: Shop | None = None, seconds: float = 900, tasks: FakeTasks | None = None) -> Stack:
    """A task comes every four seconds, and takes 70 to 130: 25 are in flight."""
    stack, dice = Stack(shop or Shop(), tasks), random.Random(14)
    stack.shop.takes = lambda: dice.uniform(70, 130)
    for number in range(int(seconds / 4)):
        stack.at(number * 4, stack.submit)
    return stack


def settle(stack: Stack, seconds: float) -> tuple[float, float]:
    """Polls and readings a task, and the mean delay, of the time that follows."""
    polls, readings, seen = stack.shop.polls, stack.shop.readings, len(stack.seen)
    stack.run(seconds)
    ended = len(stack.seen) - seen
    calls = (stack.shop.polls - polls + stack.shop.readings - readings) / ended
    return calls, fmean([*stack.seen.values()][seen:])


def test_all_ends_are_seen_soon_and_hardly_a_task_is_polled() -> None:
    stack = busy()
    stack.run(300)
    calls, delay = settle(stack, 600)
    assert calls < 0.7
    assert delay < 6.5
    assert all(task.state is State.SUCCESS or task.unfinished for task in stack.harness.tasks.recorded.values())


def test_a_watch_begins_when_enough_is_in_flight_and_ends_when_nothing_is() -> None:
    stack = busy(seconds=24)
    stack.run(30)
    assert not stack.harness.executions.watches
    more = busy(seconds=40)
    more.run(45)
    assert len(more.harness.executions.watches) == 1
    more.run(600)
    assert len(more.seen) == 10
    assert more.harness.slots.watches["vidu"][1] <= more.harness.now
    readings = more.shop.readings
    more.run(3600)
    assert more.shop.readings == readings


def test_a_watch_that_dies_costs_a_delay_until_another_one_is_started() -> None:
    stack = busy()
    stack.run(310)
    stack.is_dead = True
    stack.run(60)  # its minute is over
    stack.is_dead = False
    stack.run(SWEEPS_EVERY)
    assert max(stack.seen.values()) < 3 * 130
    calls, delay = settle(stack, 230)
    assert calls < 0.7
    assert delay < 6.5


def test_without_any_watch_every_task_ends_all_the_same() -> None:
    stack = busy(seconds=400)
    stack.run(60)
    stack.is_dead = True
    stack.run(3600)
    assert len(stack.seen) == 100


@pytest.mark.parametrize("lag", [None, 600])
def test_a_list_that_shows_nothing_or_far_too_late_is_not_relied_on_for_an_hour(lag: float | None) -> None:
    stack = busy()
    stack.shop.lag = None if lag is None else timedelta(seconds=lag)
    stack.run(450)
    readings = stack.shop.readings
    stack.run(450)
    assert stack.shop.readings == readings < 80


def test_two_watches_do_not_read_the_same_list() -> None:
    stack = busy()
    stack.run(300)
    assert stack._watch("vidu", "another") is None
    (name, _), readings = stack.harness.slots.watches["vidu"], stack.shop.readings
    assert name != "another"
    stack.run(60)
    assert stack.shop.readings > readings


def test_what_a_list_says_beyond_a_success_with_its_files_is_asked_of_the_task_itself() -> None:
    class Terse(Shop):
        def observe_all(self, tasks: Sequence[Task]) -> Mapping[str, Observation]:
            shown = super().observe_all(tasks)
            without = Unreadable("the provider reported success without a link to a video", made=True)
            return {name: each if isinstance(each, Pending) else without for name, each in shown.items()}

    stack = busy(Terse(), seconds=400)
    stack.run(700)
    assert len(stack.seen) == 100
    assert fmean(stack.seen.values()) < 10


def test_a_failure_in_the_list_ends_the_task_in_the_words_of_its_own_poll() -> None:
    refused = Failed(Failure(reason=FailureClass.POLICY, message="a word that is not allowed"))

    class Failing(Shop):
        def _state(self, name: str, now: datetime) -> Observation:
            return Failed(Failure(reason=FailureClass.PROVIDER))

        def observe(self, task: Task) -> Observation:
            return refused

    stack = busy(Failing(), seconds=60)
    stack._see = lambda task_id: None
    stack.run(300)
    failures = {task.failure for task in stack.harness.tasks.recorded.values()}
    assert failures == {refused.failure}


def test_a_state_that_the_list_shows_is_recorded_once() -> None:
    class Queueing(Shop):
        def _state(self, name: str, now: datetime) -> Observation:
            is_in_line = now < self.ends[name] - timedelta(seconds=40)
            return QUEUED if is_in_line else super()._state(name, now)

    class Noting(FakeTasks):
        def save(self, task: Task) -> Task:
            states.append((task.id, task.state))
            return super().save(task)

    states = list[tuple[str, State]]()
    stack = busy(Queueing(), seconds=60, tasks=Noting())
    stack.run(400)
    *_, last = stack.harness.tasks.recorded  # whose watch was there before it
    assert [state for task_id, state in states if task_id == last].count(State.PROCESSING) == 1


def test_a_provider_that_cannot_be_reached_is_asked_seldom_and_then_not_at_all() -> None:
    class Away(Shop):
        def observe_all(self, tasks: Sequence[Task]) -> Mapping[str, Observation]:
            self.readings += 1
            raise TryLater("503")

    stack = busy(Away(), seconds=1000)
    stack.run(1000)
    assert stack.shop.readings == 3


@pytest.mark.parametrize(("reads_after", "is_late"), [(20.0, True), (100.0, False)])
def test_what_may_end_before_the_watch_reads_again_is_polled_as_usual(reads_after: float, is_late: bool) -> None:
    alone, watched = Harness(), Harness()
    watched.slots.hold_watch("vidu", "watch", watched.now + timedelta(seconds=reads_after) + GRACE, watched.now)
    usual, found = (each.submit().polling.next_poll_at for each in (alone, watched))
    assert usual
    assert found
    assert (found > usual) is is_late
