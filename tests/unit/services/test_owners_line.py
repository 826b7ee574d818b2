"""A line instead of a refusal, where an owner wants that."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from reelkeep.domain.limits import Limits
from reelkeep.domain.observation import Succeeded
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.room import waits_for_owner
from reelkeep.domain.task import DispatchStatus, State, Task
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.query import FindPlace
from tests.unit.services.harness import ALICE, MALLORY, creation
from tests.unit.services.limits_harness import Budgeted, refused


class Lined(Budgeted):
    def __init__(self, **limited: Any) -> None:
        super().__init__()
        self.settings = OwnerSettings(limits=Limits(**limited), when_full="queue")
        self.caller = replace(ALICE, settings=self.settings)

    def follow(self, *tasks: Task) -> None:
        for task in tasks or tuple(self.tasks.recorded.values()):
            super().follow(task)
            self.owners_line.left(task)

    def under_way(self) -> int:
        at_provider = (DispatchStatus.STARTED, DispatchStatus.ACCEPTED)
        return sum(
            task.dispatch.status in at_provider and not task.is_generated for task in self.tasks.recorded.values()
        )

    def in_line(self, task: Task) -> int:
        find = FindPlace(self.slots, self.forecasts, self.clock, self.counters.counts)
        place = find(self.task(task.id)).place
        return place.position if place else 0


def test_what_an_owner_may_not_have_at_once_waits_in_line_and_starts_when_another_task_ends() -> None:
    harness = Lined(tasks_at_once=2, money_a_day=Decimal(10), currency="USD")
    tasks = []
    for _ in range(10):
        harness.pass_(1)
        tasks.append(harness.submit(caller=harness.caller))
    assert "may spend 10 USD" in refused(lambda: harness.submit(caller=harness.caller)).message
    assert [harness.in_line(task) for task in tasks] == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert "one of its owner's tasks" in harness.task(tasks[2].id).last_error
    harness.submit(caller=replace(MALLORY, settings=harness.settings))
    assert len(harness.provider.dispatched) == 3
    for number, task in enumerate(tasks):
        harness.provider.observations = [Succeeded((creation(),))]
        harness.poll(task.id)
        harness.follow()
        harness.follow()
        following = [each for each, wait in harness.executions.started if wait == 0]
        assert following == [each.id for each in tasks[2 : number + 3]]
        if number < 8:
            harness.poll(following[-1], 1)
        assert harness.under_way() == 1 + min(2, 9 - number)
        assert harness.counted().tasks_at_once == min(2, 9 - number)
    assert {task.state for task in harness.tasks.recorded.values() if task.owner == "alice"} == {State.ARCHIVING}
    assert len(harness.provider.dispatched) == 11
    assert harness.counted().money_a_day == 10


def test_a_cancelled_task_leaves_its_owner_s_line_and_gives_back_what_it_took() -> None:
    harness = Lined(tasks_at_once=1)
    first, second, third = (harness.submit(caller=harness.caller) for _ in range(3))
    harness.cancel(second.id)
    harness.follow()
    assert (harness.counted().tasks_at_once, harness.counted().videos_a_day) == (1, 2)
    harness.provider.observations = [Succeeded((creation(),))]
    harness.poll(first.id)
    harness.follow()
    assert harness.executions.started[-1] == (third.id, 0)


def test_whoever_dies_before_the_next_task_goes_on_it_checks_by_itself_and_nobody_overtakes_it() -> None:
    harness = Lined(tasks_at_once=1)
    first, second = (harness.submit(caller=harness.caller) for _ in range(2))
    harness.provider.observations = [Succeeded((creation(),))]
    harness.poll(first.id)
    KeepLedger(harness.ledger)(harness.task(first.id))
    harness.pass_(1)
    third = harness.submit(caller=harness.caller)  # its submission starts the one that waits
    assert [waits_for_owner(harness.task(each.id)) for each in (second, third)] == [False, True]
    harness.settings = replace(harness.settings, limits=Limits(), when_full="refuse")
    harness.poll(second.id)
    harness.poll(third.id)
    assert harness.executions.started[-1] == (third.id, 0)
    harness.poll(third.id)
    assert [task.id for task in harness.provider.dispatched] == [first.id, second.id, third.id]


def test_what_waits_in_line_counts_against_a_key_s_own_limit_and_not_while_its_owner_is_stopped() -> None:
    harness = Lined(tasks_at_once=1)
    own = replace(harness.caller, limits=Limits(tasks_at_once=2))
    first, second = (harness.submit(caller=own) for _ in range(2))
    assert "this key may have 2 tasks at once" in refused(lambda: harness.submit(caller=own)).message
    harness.settings = replace(harness.settings, stopped="the invoice is open")
    harness.provider.observations = [Succeeded((creation(),))]
    harness.poll(first.id)
    harness.follow()
    assert harness.in_line(second) == 1
