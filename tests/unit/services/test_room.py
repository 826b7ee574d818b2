"""Room at a provider that takes one or two tasks at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.room import simulate
from reelkeep.domain import room, schedule
from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Accepted, DispatchOutcome, Failed, NotYet, Observation, Refused, Succeeded
from reelkeep.domain.owner_settings import Stopped
from reelkeep.domain.room import InLine, Lease, Limit, Turn
from reelkeep.domain.task import DispatchStatus, Failure, FailureClass, Priority, State, Task
from reelkeep.ports.owners import Caller
from reelkeep.services.query import FindPlace
from reelkeep.services.room import LearnSlots
from tests.fakes.providers import FakeSlots
from tests.unit.services.harness import (
    ALICE,
    LONGEST_WAIT,
    MALLORY,
    NOON,
    QUEUED,
    RUNNING,
    FakeProvider,
    FakeProviders,
    Harness,
    creation,
    request,
)

MADE = Succeeded((creation(),))
NO_ROOM = NotYet()
REFUSED = Failure(reason=FailureClass.POLICY)

USUAL = timedelta(seconds=75)  # that a task takes, as long as nothing is learned


def harness_with(
    slots: int | None = 1, *observations: Observation, outcomes: tuple[DispatchOutcome, ...] = ()
) -> Harness:
    provider = FakeProvider(slots=slots, observations=list(observations or (RUNNING,)))
    if outcomes:
        provider.outcomes = list(outcomes)
    return Harness(provider=provider)


def submitted(harness: Harness, *owners: Caller, priority: Priority = Priority.NORMAL) -> list[str]:
    """One a second, so that the order of their ids is theirs."""
    task_ids = []
    for owner in owners or (ALICE,):
        harness.pass_(1)
        task_ids.append(harness.submit(request(priority=priority), owner).id)
    return task_ids


def is_waiting(harness: Harness, task_id: str) -> bool:
    return harness.task(task_id).dispatch.status is DispatchStatus.WAITING


def order(harness: Harness, task_ids: list[str]) -> list[str]:
    """In which the tasks start, if each ends before the next one starts."""
    harness.provider.observations = [MADE]
    begun = [task.id for task in harness.provider.dispatched]
    while len(begun) < len(task_ids):
        harness.pass_(60)
        harness.poll(begun[-1])
        next_one = harness.executions.started[-1][0]
        harness.poll(next_one)
        begun.append(next_one)
    return begun


@pytest.mark.parametrize(("tasks", "takes", "declared"), [(100, 5, True), (100, 5, False), (1000, 20, False)])
def test_a_burst_is_dispatched_whole_and_fairly_with_few_refusals_and_no_idle_slots(
    tasks: int, takes: int, declared: bool
) -> None:
    result = simulate(tasks, takes, declared=declared)
    assert result.is_good, str(result)


def test_what_finds_no_slot_waits_and_has_cost_nothing_when_it_is_cancelled() -> None:
    harness = harness_with(1)
    first, second, third = submitted(harness, ALICE, ALICE, ALICE)
    assert harness.cancel(second).state is State.CANCELLED
    assert len(harness.provider.dispatched) == 1
    harness.provider.observations = [MADE]
    harness.poll(first)
    assert harness.executions.started[-1] == (third, 0)


ENDS: dict[str, tuple[Observation, Callable[[Harness, str], object]]] = {
    "a poll sees it made": (MADE, Harness.poll),
    "a poll sees it fail": (Failed(REFUSED), Harness.poll),
    "its provider calls": (MADE, Harness.call_back),
    "it is cancelled": (QUEUED, Harness.cancel),
}


@pytest.mark.parametrize(("seen", "end"), ENDS.values(), ids=ENDS)
def test_the_next_one_starts_when_one_ends(seen: Observation, end: Callable[[Harness, str], object]) -> None:
    harness = harness_with(1)
    first, second = submitted(harness, ALICE, ALICE)
    harness.poll(first)
    assert is_waiting(harness, second)
    harness.provider.observations = [seen]
    harness.pass_(60)
    end(harness, first)
    assert harness.executions.started[-1] == (second, 0)
    harness.poll(second)
    assert [task.id for task in harness.provider.dispatched] == [first, second]


@pytest.mark.parametrize("stopped", [Stopped(providers=frozenset({"vidu"})), Stopped(owners=frozenset({"alice"}))])
def test_what_waits_is_not_started_while_its_provider_or_owner_is_stopped(stopped: Stopped) -> None:
    harness = harness_with(1, MADE)
    first, second, other = submitted(harness, ALICE, ALICE, MALLORY)
    harness.stopped = stopped
    harness.pass_(60)
    harness.poll(first)
    others = [] if stopped.providers else [other]
    called_up = [task_id for task_id, _ in harness.executions.started[3:]]
    assert called_up == others
    for task_id in called_up:
        harness.poll(task_id)
    for _ in range(3):
        harness.poll(second)
        harness.pass_(60)
    assert [task.id for task in harness.provider.dispatched] == [first, *others]
    harness.stopped = Stopped()
    for task_id in (*others, second, second):  # it finds that there is a line, and is the first in it
        harness.poll(task_id)
    assert harness.task(second).dispatch.status is DispatchStatus.ACCEPTED


def test_a_task_that_was_called_up_as_its_owner_was_stopped_gives_its_slot_to_the_next_one() -> None:
    harness = harness_with(1, MADE)
    first, second, other = submitted(harness, ALICE, ALICE, MALLORY)
    harness.pass_(60)
    harness.poll(first)
    called_up = harness.executions.started[-1][0]
    owner, left = ("alice", other) if called_up == second else ("mallory", second)
    harness.stopped = Stopped(owners=frozenset({owner}))
    harness.poll(called_up)
    assert is_waiting(harness, called_up)
    assert harness.executions.started[-1][0] == left


def test_a_submission_that_is_refused_makes_room_for_the_next_one() -> None:
    harness = harness_with(1, MADE, outcomes=(Accepted("p-1"), Refused(REFUSED), Accepted("p-3")))
    first, second, third = submitted(harness, ALICE, ALICE, ALICE)
    harness.poll(first)
    assert harness.poll(second).finished
    assert harness.executions.started[-1] == (third, 0)


def test_an_owner_with_very_many_waiting_does_not_hold_up_one_with_one() -> None:
    harness = harness_with(1)
    many = submitted(harness, *[ALICE] * 50)
    (one,) = submitted(harness, MALLORY)
    place = FindPlace(harness.slots, harness.forecasts, harness.clock)(harness.task(one)).place
    assert place is not None
    assert place.position <= 2
    assert (place.expected_start - harness.now) / place.position == pytest.approx(USUAL, abs=timedelta(seconds=4))
    assert FindPlace(harness.slots, harness.forecasts, harness.clock)(harness.task(many[0])).place is None
    assert order(harness, [*many, one]).index(one) <= 2


def test_a_place_far_back_in_line_is_shown_as_a_minimum_and_read_once_for_all_who_ask() -> None:
    @dataclass
    class CountedSlots(FakeSlots):
        most: list[int] = field(default_factory=list)  # items, by query

        def line(self, provider: str, owner: str, most: int) -> list[InLine]:
            self.most.append(most)
            return super().line(provider, owner, most)

    harness, slots = harness_with(1), CountedSlots()
    harness.slots = slots
    _, *tasks = submitted(harness, *[ALICE] * (room.MOST_COUNTED + 11))
    find = FindPlace(slots, harness.forecasts, harness.clock)
    places = [find(harness.task(each)).place for each in tasks]
    assert [place and (place.position, place.at_least) for place in places] == [
        (min(number, room.MOST_COUNTED + 1), number > room.MOST_COUNTED) for number in range(1, len(tasks) + 1)
    ]
    assert slots.most == [room.MOST_COUNTED]
    (late,) = submitted(harness, MALLORY)
    found = find(harness.task(late)).place
    assert found is not None
    assert found.position == 2
    assert (found.expected_start - harness.now) / 2 == pytest.approx(USUAL, abs=timedelta(seconds=4))
    harness.pass_(room.COUNTED_FOR.total_seconds())
    find(harness.task(late))
    assert slots.most == [room.MOST_COUNTED] * 3


def test_among_one_owners_tasks_the_more_urgent_goes_first_and_then_the_older() -> None:
    harness = harness_with(1)
    tasks = submitted(harness)
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.NORMAL, Priority.HIGH):
        tasks += submitted(harness, priority=priority)
    first, low, normal, high, later_normal, later_high = tasks
    assert order(harness, tasks) == [first, high, later_high, normal, later_normal, low]


def test_a_task_has_its_whole_time_from_when_it_is_sent() -> None:
    harness = harness_with(1)
    first, second = submitted(harness, ALICE, ALICE)
    assert harness.task(second).deadline == harness.now + LONGEST_WAIT
    harness.pass_(10 * 3600)
    harness.provider.observations = [MADE]
    harness.poll(first)
    harness.poll(second)
    assert harness.task(second).deadline == harness.now + schedule.ORDINARY


def test_what_finds_no_room_for_too_long_expires_and_may_be_submitted_again() -> None:
    harness = harness_with(1)
    _, second = submitted(harness, ALICE, ALICE)
    harness.pass_(LONGEST_WAIT.total_seconds())
    assert harness.poll(second).finished
    task = harness.task(second)
    assert (task.state, len(harness.provider.dispatched)) == (State.EXPIRED, 1)
    assert task.failure is not None
    assert task.failure.retryable
    assert task.failure.message.startswith("not started within 1 day")


def test_an_off_peak_task_waits_at_its_provider_and_takes_no_slot() -> None:
    harness = harness_with(1)
    harness.submit(request(off_peak=True))
    assert not is_waiting(harness, submitted(harness)[0])


def test_a_provider_that_does_not_say_its_slots_gets_all_tasks_until_it_refuses_one() -> None:
    harness = harness_with(None, outcomes=(Accepted("p-1"), Accepted("p-2"), NO_ROOM, Accepted("p-4")))
    first, _, third, fourth = submitted(harness, *[ALICE] * 4)
    assert [task.id for task in harness.provider.dispatched] == [first, _, third]
    assert is_waiting(harness, third)
    assert is_waiting(harness, fourth)
    harness.provider.observations = [MADE]
    harness.poll(first)
    assert harness.executions.started[-1] == (third, 0)


def test_a_provider_that_is_full_of_others_tasks_is_asked_again_by_one_of_ours_alone() -> None:
    harness = harness_with(5, outcomes=(NO_ROOM, NO_ROOM, Accepted("p-1")))
    first, *_ = submitted(harness, *[ALICE] * 5)
    assert [task.id for task in harness.provider.dispatched] == [first]
    while len(harness.provider.dispatched) < 3:
        harness.pass_(harness.poll(first).wait_seconds)
    assert harness.task(first).state is State.QUEUEING


def test_a_provider_that_is_out_of_reach_is_not_tried_by_all_waiting_tasks() -> None:
    harness = harness_with(2, outcomes=(NotYet(reached=False),))
    submitted(harness, *[ALICE] * 20)
    assert len(harness.provider.dispatched) == 2


def test_a_provider_that_says_how_many_slots_it_has_gets_no_more_until_it_is_asked_again() -> None:
    harness = harness_with(None)
    harness.provider.tells_slots = 2
    learn = LearnSlots(harness.slots, FakeProviders(harness.provider), harness.clock)
    assert learn() == {"vidu": 2}
    waiting = submitted(harness, *[ALICE] * 3)[2]
    assert (len(harness.provider.dispatched), is_waiting(harness, waiting)) == (2, True)
    harness.provider.slots = 1
    assert learn() == {}


def test_a_provider_that_cannot_be_asked_for_its_slots_does_not_keep_others_from_being_asked() -> None:
    slots = FakeSlots()
    odd, other = FakeProvider("odd", tells_slots=KeyError("slots")), FakeProvider(tells_slots=2)

    class Both(FakeProviders):
        def accounts(self) -> list[list[FakeProvider]]:
            return [[odd], [other]]

    learn = LearnSlots(slots, Both(other), Harness().clock)
    assert learn() == {"odd": "KeyError('slots')", "vidu": 2}
    assert slots.limits.keys() == {"vidu"}


def test_two_providers_of_one_account_share_its_slots_and_the_line() -> None:
    harness = harness_with(1)
    harness.provider.line = "account"
    first, second = submitted(harness, ALICE, ALICE)
    other = Harness(provider=FakeProvider("other", slots=1, line="account", observations=[MADE]), slots=harness.slots)
    other.pass_(60)
    (third,) = submitted(other)
    assert (is_waiting(harness, second), is_waiting(other, third)) == (True, True)
    place = FindPlace(other.slots, other.forecasts, other.clock)(other.task(third)).place
    assert place is not None
    assert place.position == 2
    harness.provider.observations = [MADE]
    harness.poll(first)
    assert harness.executions.started[-1] == (second, 0)


def test_a_provider_without_a_limit_costs_a_lease_its_end_and_one_read_in_ten_seconds() -> None:
    @dataclass
    class CountedSlots(FakeSlots):
        looks: int = 0

        def learned(self, provider: str) -> Limit | None:
            self.looks += 1
            return super().learned(provider)

        def leases(self, provider: str) -> tuple[Limit | None, list[Lease]]:
            raise AssertionError("nobody counts them")

        def turns(self, provider: str) -> list[Turn]:
            raise AssertionError("nobody waits")

    slots = CountedSlots()
    harness = Harness(provider=FakeProvider(observations=[MADE]), slots=slots)
    room_of_one_function = harness.room
    tasks = [replace(harness.task(each)) for each in submitted(harness, *[ALICE] * 3)]
    before = slots.looks
    for task in tasks:
        room_of_one_function.leave(task)
    assert (slots.looks - before, slots.held) == (1, {})
    harness.pass_(10)
    assert room_of_one_function.enter(tasks[0], harness.provider)
    assert slots.looks - before == 2


# --- functions that die ---


def test_a_slot_that_was_taken_for_a_task_that_nobody_recorded_is_free_after_a_while() -> None:
    harness = harness_with(1)
    lost = Task(
        id="f" * 32,
        owner="alice",
        key_id="",
        provider="vidu",
        request=request(),
        created_at=NOON,
        updated_at=NOON,
        deadline=NOON,
    )
    assert harness.room.enter(lost, harness.provider)
    (waiting,) = submitted(harness)
    assert is_waiting(harness, waiting)
    harness.pass_(room.LEASE.total_seconds())
    harness.poll(waiting)
    assert harness.executions.started[-1] == (waiting, 0)


def test_a_lease_that_ran_out_while_its_task_is_at_the_provider_is_still_one() -> None:
    harness = harness_with(1)
    first, second = submitted(harness, ALICE, ALICE)
    for _ in range(3):
        harness.pass_(room.LEASE.total_seconds() * 2)
        harness.poll(second)
    assert [task.id for task in harness.provider.dispatched] == [first]


def test_what_no_function_started_starts_by_itself() -> None:
    harness = harness_with(1, MADE)
    first, second = submitted(harness, ALICE, ALICE)
    harness.slots.withdraw(room.waiting(harness.task(second)))  # by a function that died after that
    harness.poll(first)
    assert is_waiting(harness, second)
    harness.poll(second)
    assert not is_waiting(harness, second)


def test_what_was_started_but_has_no_execution_is_started_by_its_own_timer() -> None:
    harness = harness_with(1, MADE)
    first, second = submitted(harness, ALICE, ALICE)
    harness.executions.fault = TryLater("Step Functions is busy")
    harness.poll(first)
    harness.poll(second)
    assert [task.id for task in harness.provider.dispatched] == [first, second]


@pytest.mark.parametrize("reads", ["slots", "task"])
def test_a_task_whose_turn_comes_while_it_checks_by_itself_keeps_its_slot(reads: str) -> None:
    """And no second one is started on it, nor is it an error of the function."""
    harness = harness_with(1)
    first, second, other = submitted(harness, ALICE, ALICE, MALLORY)
    harness.pass_(60)
    leases = harness.slots.leases

    def called_up(provider: str) -> Any:
        harness.slots.leases = leases
        found = leases(provider) if reads == "slots" else None
        harness.provider.observations = [Failed(REFUSED)]
        harness.poll(first, 0)
        harness.provider.observations = [RUNNING]
        return found or leases(provider)

    harness.slots.leases = called_up
    harness.poll(second, 0)
    harness.poll(second, 1)
    harness.cancel(other, MALLORY)
    for task_id in submitted(harness, ALICE, ALICE):
        harness.poll(task_id)
    at_provider = [
        task.id
        for task in harness.tasks.recorded.values()
        if task.dispatch.status is DispatchStatus.ACCEPTED and not task.is_generated
    ]
    assert at_provider == [second]


def test_one_refusal_that_is_about_the_rate_holds_up_the_others_for_seconds_only() -> None:
    harness = harness_with(None)
    submitted(harness)  # nobody hears of it for long: it keeps its slot
    harness.provider.outcomes = [NO_ROOM]
    [refused] = submitted(harness)
    harness.provider.outcomes = [Accepted("p2")]
    others = submitted(harness, *[ALICE] * 5)
    assert all(is_waiting(harness, task_id) for task_id in (refused, *others))
    harness.pass_(15)
    harness.poll(refused)
    while harness.executions.started and (started := harness.executions.started.pop(0)[0]):
        harness.poll(started)
    assert not any(is_waiting(harness, task_id) for task_id in (refused, *others))


def test_a_waiting_task_of_the_release_before_ends_at_its_deadline() -> None:
    harness = harness_with(None, outcomes=(NotYet(reached=False),))
    [task_id] = submitted(harness)
    task = harness.task(task_id)
    harness.tasks.recorded[task_id] = replace(task, dispatch=replace(task.dispatch, start_by=None, slot=""))
    while harness.now < NOON + 2 * LONGEST_WAIT and not harness.task(task_id).state.terminal:
        harness.pass_(harness.poll(task_id).wait_seconds)
    assert harness.task(task_id).state is State.EXPIRED


def test_waiting_tasks_do_not_all_check_at_the_same_moment() -> None:
    harness = harness_with(1)
    waiting = submitted(harness, *[ALICE] * 40)[1:]
    moments = {harness.task(each).polling.next_poll_at for each in waiting}
    assert len(moments) > 30
    assert max(moment for moment in moments if moment) <= harness.now + timedelta(minutes=15)
