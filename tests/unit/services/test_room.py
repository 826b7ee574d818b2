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
from reelkeep.domain.room import InLine
from reelkeep.domain.task import DispatchStatus, Failure, FailureClass, Place, Priority, State, Task
from reelkeep.ports import Caller
from reelkeep.services.query import FindPlace
from reelkeep.services.room import LearnSlots
from tests.fakes import FakeSlots
from tests.unit.services.stage import (
    ALICE,
    LONGEST_WAIT,
    MALLORY,
    NOON,
    QUEUED,
    RUNNING,
    FakeProvider,
    FakeProviders,
    Stage,
    creation,
    request,
)

MADE = Succeeded((creation(),))
NO_ROOM = NotYet()
REFUSED = Failure(reason=FailureClass.POLICY)


def stage_with(
    slots: int | None = 1, *observations: Observation, outcomes: tuple[DispatchOutcome, ...] = ()
) -> Stage:
    provider = FakeProvider(slots=slots, observations=list(observations or (RUNNING,)))
    if outcomes:
        provider.outcomes = list(outcomes)
    return Stage(provider=provider)


def submitted(stage: Stage, *owners: Caller, priority: Priority = Priority.NORMAL) -> list[str]:
    """One a second, so that the order of their ids is theirs."""
    task_ids = []
    for owner in owners or (ALICE,):
        stage.pass_(1)
        task_ids.append(stage.submit(request(priority=priority), owner).id)
    return task_ids


def is_waiting(stage: Stage, task_id: str) -> bool:
    return stage.task(task_id).dispatch.status is DispatchStatus.WAITING


def order(stage: Stage, task_ids: list[str]) -> list[str]:
    """In which the tasks start, if each ends before the next one starts."""
    stage.provider.observations = [MADE]
    begun = [task.id for task in stage.provider.dispatched]
    while len(begun) < len(task_ids):
        stage.pass_(60)
        stage.poll(begun[-1])
        next_one = stage.executions.started[-1][0]
        stage.poll(next_one)
        begun.append(next_one)
    return begun


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "learned"])
@pytest.mark.parametrize(("tasks", "takes"), [(100, 5), (1000, 20)])
def test_a_burst_is_placed_whole_and_fair_with_few_refusals_and_slots_that_are_used(
    tasks: int, takes: int, declared: bool
) -> None:
    result = simulate(tasks, takes, declared=declared)
    assert result.is_good, str(result)


def test_what_finds_no_slot_waits_and_has_cost_nothing_when_it_is_cancelled() -> None:
    stage = stage_with(1)
    first, second, third = submitted(stage, ALICE, ALICE, ALICE)
    assert stage.cancel(second).state is State.CANCELLED
    assert len(stage.provider.dispatched) == 1
    stage.provider.observations = [MADE]
    stage.poll(first)
    assert stage.executions.started[-1] == (third, 0)


ENDS: dict[str, tuple[Observation, Callable[[Stage, str], object]]] = {
    "a poll sees it made": (MADE, Stage.poll),
    "a poll sees it fail": (Failed(REFUSED), Stage.poll),
    "its provider calls": (MADE, Stage.call_back),
    "it is cancelled": (QUEUED, Stage.cancel),
}


@pytest.mark.parametrize(("seen", "end"), ENDS.values(), ids=ENDS)
def test_the_next_one_starts_when_one_ends(seen: Observation, end: Callable[[Stage, str], object]) -> None:
    stage = stage_with(1)
    first, second = submitted(stage, ALICE, ALICE)
    stage.poll(first)
    assert is_waiting(stage, second)
    stage.provider.observations = [seen]
    stage.pass_(60)
    end(stage, first)
    assert stage.executions.started[-1] == (second, 0)
    stage.poll(second)
    assert [task.id for task in stage.provider.dispatched] == [first, second]


def test_a_submission_that_is_refused_makes_room_for_the_next_one() -> None:
    stage = stage_with(1, MADE, outcomes=(Accepted("p-1"), Refused(REFUSED), Accepted("p-3")))
    first, second, third = submitted(stage, ALICE, ALICE, ALICE)
    stage.poll(first)
    assert stage.poll(second).finished
    assert stage.executions.started[-1] == (third, 0)


def test_an_owner_with_very_many_waiting_does_not_hold_up_one_with_one() -> None:
    stage = stage_with(1)
    many = submitted(stage, *[ALICE] * 50)
    (one,) = submitted(stage, MALLORY)
    place = FindPlace(stage.slots, stage.clock)(stage.task(one)).place
    assert place is not None
    assert place.position <= 2
    assert place.expected_start == stage.now + place.position * timedelta(seconds=75)
    assert FindPlace(stage.slots, stage.clock)(stage.task(many[0])).place is None
    assert order(stage, [*many, one]).index(one) <= 2


def test_a_place_far_back_is_told_by_the_least_it_can_be_and_read_once_for_all_who_ask() -> None:
    @dataclass
    class CountedSlots(FakeSlots):
        most: list[int] = field(default_factory=list)  # items, by query

        def line(self, provider: str, owner: str, most: int) -> list[InLine]:
            self.most.append(most)
            return super().line(provider, owner, most)

    stage, slots = stage_with(1), CountedSlots()
    stage.slots = slots
    _, *tasks = submitted(stage, *[ALICE] * (room.MOST_COUNTED + 11))
    find = FindPlace(slots, stage.clock)
    places = [find(stage.task(each)).place for each in tasks]
    assert [place and (place.position, place.at_least) for place in places] == [
        (min(number, room.MOST_COUNTED + 1), number > room.MOST_COUNTED) for number in range(1, len(tasks) + 1)
    ]
    assert slots.most == [room.MOST_COUNTED]
    (late,) = submitted(stage, MALLORY)
    assert find(stage.task(late)).place == Place(2, stage.now + timedelta(seconds=2 * 75))
    stage.pass_(room.COUNTED_FOR.total_seconds())
    find(stage.task(late))
    assert slots.most == [room.MOST_COUNTED] * 3


def test_among_one_owners_tasks_the_more_urgent_goes_first_and_then_the_older() -> None:
    stage = stage_with(1)
    tasks = submitted(stage)
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.NORMAL, Priority.HIGH):
        tasks += submitted(stage, priority=priority)
    first, low, normal, high, later_normal, later_high = tasks
    assert order(stage, tasks) == [first, high, later_high, normal, later_normal, low]


def test_a_task_has_its_whole_time_from_when_it_is_sent() -> None:
    stage = stage_with(1)
    first, second = submitted(stage, ALICE, ALICE)
    assert stage.task(second).deadline == stage.now + LONGEST_WAIT
    stage.pass_(10 * 3600)
    stage.provider.observations = [MADE]
    stage.poll(first)
    stage.poll(second)
    assert stage.task(second).deadline == stage.now + schedule.ORDINARY


def test_what_finds_no_room_for_too_long_expires_and_may_be_submitted_again() -> None:
    stage = stage_with(1)
    _, second = submitted(stage, ALICE, ALICE)
    stage.pass_(LONGEST_WAIT.total_seconds())
    assert stage.poll(second).finished
    task = stage.task(second)
    assert (task.state, len(stage.provider.dispatched)) == (State.EXPIRED, 1)
    assert task.failure is not None
    assert task.failure.retryable
    assert task.failure.message.startswith("not started within 1 day")


def test_an_off_peak_task_waits_at_its_provider_and_takes_no_slot() -> None:
    stage = stage_with(1)
    stage.submit(request(off_peak=True))
    assert not is_waiting(stage, submitted(stage)[0])


def test_a_provider_that_says_nothing_of_its_slots_gets_all_until_it_refuses_one() -> None:
    stage = stage_with(None, outcomes=(Accepted("p-1"), Accepted("p-2"), NO_ROOM, Accepted("p-4")))
    first, _, third, fourth = submitted(stage, *[ALICE] * 4)
    assert [task.id for task in stage.provider.dispatched] == [first, _, third]
    assert is_waiting(stage, third)
    assert is_waiting(stage, fourth)
    stage.provider.observations = [MADE]
    stage.poll(first)
    assert stage.executions.started[-1] == (third, 0)


def test_a_provider_that_is_full_of_others_tasks_is_asked_again_by_one_of_ours_alone() -> None:
    stage = stage_with(5, outcomes=(NO_ROOM, NO_ROOM, Accepted("p-1")))
    first, *_ = submitted(stage, *[ALICE] * 5)
    assert [task.id for task in stage.provider.dispatched] == [first]
    while len(stage.provider.dispatched) < 3:
        stage.pass_(stage.poll(first).wait_seconds)
    assert stage.task(first).state is State.QUEUEING


def test_a_provider_that_is_out_of_reach_does_not_make_all_that_wait_run_against_it() -> None:
    stage = stage_with(2, outcomes=(NotYet(reached=False),))
    submitted(stage, *[ALICE] * 20)
    assert len(stage.provider.dispatched) == 2


def test_a_provider_that_tells_its_slots_gets_no_more_until_it_is_asked_again() -> None:
    stage = stage_with(None)
    stage.provider.tells_slots = 2
    learn = LearnSlots(stage.slots, FakeProviders(stage.provider), stage.clock)
    assert learn() == {"vidu": 2}
    waiting = submitted(stage, *[ALICE] * 3)[2]
    assert (len(stage.provider.dispatched), is_waiting(stage, waiting)) == (2, True)
    stage.provider.slots = 1
    assert learn() == {}


def test_a_provider_that_cannot_be_asked_for_its_slots_costs_no_other_one_the_question() -> None:
    slots = FakeSlots()
    odd, other = FakeProvider("odd", tells_slots=KeyError("slots")), FakeProvider(tells_slots=2)

    class Both(FakeProviders):
        def accounts(self) -> list[list[FakeProvider]]:
            return [[odd], [other]]

    learn = LearnSlots(slots, Both(other), Stage().clock)
    assert learn() == {"odd": "KeyError('slots')", "vidu": 2}
    assert slots.limits.keys() == {"vidu"}


# --- functions that die ---


def test_a_slot_that_was_taken_for_a_task_that_nobody_recorded_is_free_after_a_while() -> None:
    stage = stage_with(1)
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
    assert stage.room.enter(lost, stage.provider)
    (waiting,) = submitted(stage)
    assert is_waiting(stage, waiting)
    stage.pass_(room.LEASE.total_seconds())
    stage.poll(waiting)
    assert stage.executions.started[-1] == (waiting, 0)


def test_a_lease_that_ran_out_while_its_task_is_at_the_provider_is_still_one() -> None:
    stage = stage_with(1)
    first, second = submitted(stage, ALICE, ALICE)
    for _ in range(3):
        stage.pass_(room.LEASE.total_seconds() * 2)
        stage.poll(second)
    assert [task.id for task in stage.provider.dispatched] == [first]


def test_what_no_function_started_starts_by_itself() -> None:
    stage = stage_with(1, MADE)
    first, second = submitted(stage, ALICE, ALICE)
    stage.slots.withdraw(room.waiting(stage.task(second)))  # by a function that died after that
    stage.poll(first)
    assert is_waiting(stage, second)
    stage.poll(second)
    assert not is_waiting(stage, second)


def test_what_was_started_but_has_no_execution_is_started_by_its_own_timer() -> None:
    stage = stage_with(1, MADE)
    first, second = submitted(stage, ALICE, ALICE)
    stage.executions.fault = TryLater("Step Functions is busy")
    stage.poll(first)
    stage.poll(second)
    assert [task.id for task in stage.provider.dispatched] == [first, second]


@pytest.mark.parametrize("reads", ["slots", "task"])
def test_a_task_that_is_called_up_while_it_looks_by_itself_keeps_its_slot(reads: str) -> None:
    """And no second one is started on it, nor is it an error of the function."""
    stage = stage_with(1)
    first, second, other = submitted(stage, ALICE, ALICE, MALLORY)
    stage.pass_(60)
    leases = stage.slots.leases

    def called_up(provider: str) -> Any:
        stage.slots.leases = leases
        found = leases(provider) if reads == "slots" else None
        stage.provider.observations = [Failed(REFUSED)]
        stage.poll(first, 0)
        stage.provider.observations = [RUNNING]
        return found or leases(provider)

    stage.slots.leases = called_up
    stage.poll(second, 0)
    stage.poll(second, 1)
    stage.cancel(other, MALLORY)
    for task_id in submitted(stage, ALICE, ALICE):
        stage.poll(task_id)
    at_provider = [
        task.id
        for task in stage.tasks.recorded.values()
        if task.dispatch.status is DispatchStatus.ACCEPTED and not task.is_generated
    ]
    assert at_provider == [second]


def test_one_refusal_that_is_about_the_rate_holds_up_the_others_for_seconds_only() -> None:
    stage = stage_with(None)
    submitted(stage)  # nobody hears of it for long: it keeps its slot
    stage.provider.outcomes = [NO_ROOM]
    [refused] = submitted(stage)
    stage.provider.outcomes = [Accepted("p2")]
    others = submitted(stage, *[ALICE] * 5)
    assert all(is_waiting(stage, task_id) for task_id in (refused, *others))
    stage.pass_(15)
    stage.poll(refused)
    while stage.executions.started and (started := stage.executions.started.pop(0)[0]):
        stage.poll(started)
    assert not any(is_waiting(stage, task_id) for task_id in (refused, *others))


def test_a_waiting_task_of_the_release_before_ends_at_its_deadline() -> None:
    stage = stage_with(None, outcomes=(NotYet(reached=False),))
    [task_id] = submitted(stage)
    task = stage.task(task_id)
    stage.tasks.recorded[task_id] = replace(task, dispatch=replace(task.dispatch, start_by=None, slot=""))
    while stage.now < NOON + 2 * LONGEST_WAIT and not stage.task(task_id).state.terminal:
        stage.pass_(stage.poll(task_id).wait_seconds)
    assert stage.task(task_id).state is State.EXPIRED


def test_tasks_that_wait_do_not_all_look_at_the_same_moment() -> None:
    stage = stage_with(1)
    waiting = submitted(stage, *[ALICE] * 40)[1:]
    moments = {stage.task(each).polling.next_poll_at for each in waiting}
    assert len(moments) > 30
    assert max(moment for moment in moments if moment) <= stage.now + timedelta(minutes=15)
