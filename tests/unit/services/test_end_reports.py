"""While a provider's callbacks arrive, its tasks are polled late, as a fallback. One that is lost costs a delay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import Observation, Succeeded
from reelkeep.domain.room import Lease
from reelkeep.domain.task import State, Task
from reelkeep.domain.watch import ENOUGH
from reelkeep.services.end_reports import EndReports
from tests.fakes.providers import FakeSlots
from tests.unit.services.harness import NOON, RUNNING, FakeProvider, Harness, creation

TAKES = 75  # seconds, which is about what such a task is expected to take


@dataclass
class Punctual(FakeProvider):
    """Each of its tasks takes so many seconds."""

    harness: Harness | None = None

    def observe(self, task: Task) -> Observation:
        assert self.harness
        self.looks += 1
        age = (self.harness.now - task.created_at).total_seconds()
        return Succeeded((creation(),)) if age >= TAKES else RUNNING


def prepared() -> Harness:
    harness = Harness(provider=(provider := Punctual()))
    provider.harness = harness
    return harness


def seen_through(harness: Harness, *, called_back: bool) -> tuple[int, float]:
    """The polls of one task's execution, and the seconds from its end until that was seen."""
    task, polls = harness.submit(), 0
    end = task.created_at.timestamp() + TAKES
    wait: float = harness.executions.started[-1][1]
    seen_after = 0.0
    while True:
        before = harness.now.timestamp()
        if called_back and before < end <= before + wait:
            harness.pass_(end - before)
            harness.call_back(task.id)
            harness.finalize(task.id, run=0, direct=True)
            harness.pass_(wait - (end - before))
        else:
            harness.pass_(wait)
        verdict = harness.poll(task.id, run=0)
        polls += 1
        if verdict.finished:
            if not called_back:
                seen_after = harness.now.timestamp() - end
                harness.finalize(task.id, run=0)
            assert harness.task(task.id).state is State.SUCCESS
            return polls, seen_after
        wait = verdict.wait_seconds


def test_while_callbacks_arrive_a_task_is_polled_once() -> None:
    harness = prepared()
    seen_through(harness, called_back=True)
    assert [seen_through(harness, called_back=True)[0] for _ in range(5)] == [1] * 5


def test_a_callback_that_is_lost_costs_a_delay_once_and_then_tasks_are_polled_as_usual_for_an_hour() -> None:
    harness = prepared()
    for _ in range(5):
        seen_through(harness, called_back=True)
    polls, delay = seen_through(harness, called_back=False)
    assert polls == 1
    assert TAKES < delay < 4 * TAKES
    for called_back in (False, True, False):
        assert seen_through(harness, called_back=called_back)[1] < TAKES / 2
    harness.pass_(3600)
    seen_through(harness, called_back=True)
    assert seen_through(harness, called_back=False)[1] > TAKES / 2


def test_of_many_submissions_within_seconds_one_reads_what_reports_ends() -> None:
    class Counted(FakeSlots):
        readings = 0

        def end_reports(self, provider: str, most_held: int = 0) -> tuple[dict[str, datetime], int]:
            self.readings += 1
            return super().end_reports(provider, most_held)

    slots, vidu, ark = Counted(), FakeProvider(), FakeProvider(name="ark")
    reports = EndReports(slots)
    for seconds in range(5):
        reports.read(vidu, NOON + timedelta(seconds=seconds))
    assert slots.readings == 1
    reports.read(ark, NOON)
    reports.read(vidu, NOON + timedelta(seconds=5))
    assert slots.readings == 3
    reports.forget(vidu)  # as after the start of a watch
    reports.read(vidu, NOON + timedelta(seconds=5))
    assert slots.readings == 4


def test_what_reports_ends_is_read_again_when_there_may_be_enough_in_flight_for_a_watch() -> None:
    vidu, slots = FakeProvider(lists=True), FakeSlots()
    reports = EndReports(slots)

    def lacks_watch(number: int) -> bool:
        slots.lease("vidu", Lease(f"slot-{number}", f"task-{number}", NOON + timedelta(hours=1)))
        return reports.read(vidu, NOON).lacks_watch(NOON)

    assert [lacks_watch(number) for number in range(ENOUGH)] == [False] * (ENOUGH - 1) + [True]


def test_if_callbacks_cannot_be_looked_up_tasks_are_polled_as_usual() -> None:
    class Broken(FakeSlots):
        def end_reports(self, provider: str, most_held: int = 0) -> tuple[dict[str, datetime], int]:
            raise TryLater("the table is out of order")

        def record_end_report(self, provider: str, name: str, until: datetime) -> None:
            raise TryLater("the table is out of order")

    harness = prepared()
    harness.slots = Broken()
    for _ in range(5):
        seen_through(harness, called_back=True)
    assert seen_through(harness, called_back=False)[1] < TAKES / 2


def test_a_task_that_takes_long_is_polled_until_its_deadline() -> None:
    harness = prepared()
    seen_through(harness, called_back=True)
    harness.provider = FakeProvider(observations=[RUNNING])
    task = harness.submit()
    harness.pass_(harness.executions.started[-1][1])
    while not (verdict := harness.poll(task.id, run=0)).finished:
        harness.pass_(verdict.wait_seconds)
    assert harness.task(task.id).state is State.EXPIRED
    assert harness.now.timestamp() <= task.deadline.timestamp() + 3600
    assert harness.provider.looks < 25
