"""The answer to the billable call was lost: what became of it is found out, and it is never repeated blindly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from reelkeep.domain.errors import TryLater
from reelkeep.domain.observation import (
    Absent,
    Accepted,
    DispatchOutcome,
    Finding,
    Found,
    NotYet,
    Uncertain,
    Unknown,
    Untraceable,
)
from reelkeep.domain.schedule import ORDINARY
from reelkeep.domain.task import DispatchStatus, FailureClass, State, Task
from reelkeep.domain.wire import OtherTask
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import NOON, RUNNING, FakeProvider, Harness, request

MINUTE, HOUR = 60.0, 3600.0


def lost(*found: Finding, **changes: object) -> tuple[Harness, str]:
    """A task whose answer was lost at noon."""
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut"), Accepted("p-2")], found=list(found)))
    return harness, harness.submit(request(**changes)).id


def ended(harness: Harness, task_id: str) -> tuple[Task, timedelta]:
    """The task, and how long after noon it ended."""
    harness.see_through(task_id)
    task = harness.task(task_id)
    assert task.finished_at is not None
    return task, task.finished_at - NOON


@pytest.mark.parametrize("off_peak", [False, True])
def test_where_a_provider_can_never_tell_the_task_ends_soon_as_of_unknown_outcome(off_peak: bool) -> None:
    harness, task_id = lost(Untraceable(), off_peak=off_peak)
    task, after = ended(harness, task_id)
    assert after < timedelta(minutes=20)
    assert (task.state, len(harness.provider.dispatched)) == (State.FAILED, 1)
    assert task.failure is not None
    assert task.failure.reason is FailureClass.LOST
    assert task.failure.message.startswith("outcome unknown")
    assert not task.failure.retryable
    assert [notice["type"] for notice in harness.notices.told] == ["reelkeep.task.failed"]


def test_while_another_run_may_be_in_the_call_nobody_gives_up() -> None:
    harness, verdicts = Harness(), []

    class Slow(FakeProvider):
        def dispatch(self, task: Task) -> DispatchOutcome:
            harness.pass_(30)
            verdicts.append(harness.poll(task.id))  # an event that came twice
            return super().dispatch(task)

    harness.provider = Slow(found=[Untraceable()])
    task = harness.submit()
    assert [verdict.finished for verdict in verdicts] == [False]
    assert harness.task(task.id).provider_task_id == "p-1"


def test_a_provider_that_cannot_tell_for_hours_is_asked_for_hours_but_not_for_days() -> None:
    harness, task_id = lost(Uncertain("503"), off_peak=True)
    task, after = ended(harness, task_id)
    assert timedelta(hours=6) <= after < timedelta(hours=7)
    assert task.failure is not None
    assert task.failure.message.startswith("outcome unknown")
    assert len(harness.provider.dispatched) == 1


def test_a_provider_that_lists_again_after_an_hour_is_still_believed() -> None:
    harness, task_id = lost(Uncertain("503"))
    while harness.now < NOON + timedelta(hours=1):
        harness.pass_(harness.poll(task_id).wait_seconds)
    harness.provider.found = [Found("p-1")]
    task, _ = ended(harness, task_id)
    assert (task.state, task.provider_task_id, len(harness.provider.dispatched)) == (State.SUCCESS, "p-1", 1)


def test_the_owner_sees_why_the_outcome_is_not_known_yet() -> None:
    harness, task_id = lost(Uncertain("the provider answered 503"))
    harness.pass_(40)
    assert "the provider answered 503" in harness.poll(task_id).last_error


def test_absence_is_believed_only_half_an_hour_after_the_call() -> None:
    harness, task_id = lost(Absent())
    harness.pass_(30 * MINUTE - 1)
    harness.poll(task_id)
    assert harness.task(task_id).dispatch.status is DispatchStatus.UNKNOWN
    harness.pass_(1)
    harness.poll(task_id)
    assert harness.task(task_id).dispatch.status is DispatchStatus.WAITING


def test_what_did_not_arrive_is_dispatched_again_in_a_while() -> None:
    harness, task_id = lost(Absent())
    harness.pass_(HOUR)
    assert harness.poll(task_id).wait_seconds == 432  # 12 % of its age


def test_a_task_that_waited_long_before_its_call_is_not_believed_absent_any_sooner() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), Unknown("cut"), Accepted("p-2")], found=[Absent()]))
    task_id = harness.submit().id
    harness.pass_(HOUR)
    harness.poll(task_id)
    assert harness.task(task_id).dispatch.status is DispatchStatus.UNKNOWN
    harness.pass_(29 * MINUTE)
    harness.poll(task_id)
    assert harness.task(task_id).dispatch.status is DispatchStatus.UNKNOWN
    harness.pass_(MINUTE)
    harness.poll(task_id)
    assert harness.task(task_id).dispatch.status is DispatchStatus.WAITING


def test_what_is_certainly_absent_is_dispatched_once_more_within_the_deadline() -> None:
    harness, task_id = lost(Absent())
    task, _ = ended(harness, task_id)
    assert (task.state, task.provider_task_id, len(harness.provider.dispatched)) == (State.SUCCESS, "p-2", 2)


def test_a_provider_that_never_names_what_it_accepts_is_given_up() -> None:
    """Its answer cannot be read, and it lists nothing: each call may be paid for."""
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("it named no task")], found=[Absent()]))
    task, _ = ended(harness, harness.submit(request(off_peak=True)).id)
    assert (task.state, len(harness.provider.dispatched)) == (State.FAILED, 3)
    assert task.failure is not None
    assert (task.failure.reason, task.failure.retryable) == (FailureClass.PROVIDER, False)


def test_that_the_provider_was_busy_does_not_count_as_an_answer_that_was_lost() -> None:
    outcomes: list[DispatchOutcome | BaseException] = [NotYet(), NotYet(), Unknown("cut"), Accepted("p-1")]
    harness = Harness(provider=FakeProvider(outcomes=outcomes, found=[Absent()]))
    task, _ = ended(harness, harness.submit(request(off_peak=True)).id)
    assert (task.state, len(harness.provider.dispatched)) == (State.SUCCESS, 4)


def test_what_is_certainly_absent_only_after_the_deadline_may_be_submitted_again() -> None:
    harness, task_id = lost(Uncertain("its list is old"))
    while harness.now < NOON + timedelta(hours=3):
        harness.pass_(harness.poll(task_id).wait_seconds)
    harness.provider.found = [Absent()]
    task, _ = ended(harness, task_id)
    assert (task.state, len(harness.provider.dispatched)) == (State.EXPIRED, 1)
    assert task.failure is not None
    assert task.failure.retryable
    assert task.failure.message.endswith("the submission did not arrive at the provider")


def test_what_was_found_out_about_an_earlier_call_does_not_count_for_a_later_one() -> None:
    """A slow run finds the first call's task absent; meanwhile another run has dispatched it again."""
    harness, task_id = lost(Absent())
    harness.pass_(31 * MINUTE)

    class Slow(FakeProvider):
        meanwhile: Callable[[], object] | None = None

        def find(self, task: Task, other: OtherTask) -> Finding:
            if self.meanwhile:
                act, self.meanwhile = self.meanwhile, None
                act()
            return super().find(task, other)

    def another_run() -> None:
        harness.poll(task_id)
        assert harness.task(task_id).dispatch.status is DispatchStatus.WAITING
        harness.pass_(MINUTE)
        harness.poll(task_id)
        assert harness.task(task_id).dispatch.status is DispatchStatus.UNKNOWN

    provider = Slow(outcomes=[Unknown("cut")], found=[Absent()], dispatched=harness.provider.dispatched)
    provider.meanwhile, harness.provider = another_run, provider
    harness.poll(task_id)
    assert (harness.task(task_id).dispatch.status, len(provider.dispatched)) == (DispatchStatus.UNKNOWN, 2)


def test_what_is_found_again_has_its_whole_time_from_its_call_on() -> None:
    """The call was made an hour late, and the function died in it."""
    outcomes: list[DispatchOutcome | BaseException] = [NotYet(), KeyboardInterrupt("killed")]
    harness = Harness(provider=FakeProvider(outcomes=outcomes, found=[Found("p-1")], observations=[RUNNING]))
    task_id = harness.submit().id
    harness.pass_(HOUR)
    with pytest.raises(KeyboardInterrupt):
        harness.poll(task_id)
    harness.pass_(MINUTE)
    harness.poll(task_id)
    assert harness.task(task_id).deadline == NOON + timedelta(hours=1) + ORDINARY


def test_a_doubt_does_not_undo_what_another_poll_found_out() -> None:
    harness, task_id = lost(off_peak=True)
    harness.pass_(7 * HOUR)

    class Slow(FakeProvider):
        def find(self, task: Task, other: OtherTask) -> Finding:
            if not self.looks:
                self.looks += 1
                harness.poll(task_id)  # which hears that it is absent
            return super().find(task, other)

    harness.provider = Slow(found=[Absent(), Uncertain("503")])
    harness.poll(task_id)
    assert (harness.task(task_id).state, harness.task(task_id).dispatch.status) == (
        State.CREATED,
        DispatchStatus.WAITING,
    )


def test_what_another_task_of_ours_became_at_the_provider_is_not_taken_for_this_one() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Accepted("p-1"), Unknown("cut")], found=[Found("p-1")]))
    first, second = harness.submit().id, harness.submit().id
    harness.poll(second)
    assert (harness.task(second).dispatch.status, harness.task(second).provider_task_id) == (
        DispatchStatus.UNKNOWN,
        "",
    )
    assert harness.task(first).provider_task_id == "p-1"


def test_what_an_adopted_task_holds_is_not_archived_twice() -> None:
    harness, task_id = lost(Found("p-1"))
    adopted = replace(harness.task(task_id), id="0" * 32, provider_task_id="p-1")
    harness.tasks.create(adopted.with_dispatch(status=DispatchStatus.ACCEPTED))
    harness.poll(task_id)
    assert harness.task(task_id).provider_task_id == ""


class Unrecordable(FakeTasks):
    """Its table takes nothing of what was accepted while it is out of order."""

    out_of_order = True

    def save(self, task: Task) -> Task:
        if self.out_of_order and task.dispatch.status is DispatchStatus.ACCEPTED:
            raise TryLater("the table is out of order")
        return super().save(task)


def test_an_id_that_could_not_be_recorded_is_carried_on_from_poll_to_poll() -> None:
    """At a provider without a list, it could never be found again."""
    tasks = Unrecordable()
    harness = Harness(tasks=tasks)
    harness.provider = FakeProvider(outcomes=[NotYet(), Accepted("p-1")], found=[Untraceable()])
    task_id = harness.submit().id
    harness.pass_(MINUTE)
    answer = harness.poll(task_id).answer
    assert answer == {"task_id": task_id, "run": 0, "finished": False, "wait_seconds": 1, "provider_task_id": "p-1"}
    harness.executions.unrecorded[task_id] = "p-1"  # as the state machine hands it on
    with pytest.raises(TryLater):  # which it repeats
        harness.poll(task_id)
    harness.provider.unknown = True  # nor is it forgotten while the configuration is wrong
    assert harness.poll(task_id).answer["provider_task_id"] == "p-1"
    tasks.out_of_order, harness.provider.unknown = False, False
    assert "provider_task_id" not in harness.poll(task_id).answer
    assert (harness.task(task_id).provider_task_id, len(harness.provider.dispatched)) == ("p-1", 2)


def test_what_is_known_to_be_accepted_is_not_dispatched_again_whatever_the_record_says() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet()]))
    task_id = harness.submit().id
    harness.executions.unrecorded[task_id] = "p-1"
    harness.poll(task_id)
    assert (harness.task(task_id).provider_task_id, len(harness.provider.dispatched)) == ("p-1", 1)


def test_each_call_is_recorded_with_the_account_that_it_is_made_with() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), Unknown("cut")]))
    task = harness.submit()
    assert task.dispatch.account == "account-1"
    harness.provider.account = "account-2"  # an operator changes the key
    harness.pass_(60)
    harness.poll(task.id)
    assert harness.provider.dispatched[-1].dispatch.account == "account-2"
    assert harness.task(task.id).dispatch.account == "account-2"


def test_a_late_finding_does_not_move_a_task_that_is_under_way() -> None:
    harness, task_id = lost(Untraceable())
    harness.pass_(HOUR)

    class Slow(FakeProvider):
        def find(self, task: Task, other: OtherTask) -> Finding:
            accepted = harness.task(task.id).with_dispatch(status=DispatchStatus.ACCEPTED)
            harness.tasks.save(accepted.advanced(State.QUEUEING, harness.now, provider_task_id="p-1"))
            return super().find(task, other)

    harness.provider = Slow(found=[Untraceable()])
    harness.poll(task_id)
    assert (harness.task(task_id).state, harness.task(task_id).provider_task_id) == (State.QUEUEING, "p-1")


@pytest.mark.parametrize("index_lags", [False, True])
def test_two_tasks_whose_answers_were_lost_never_take_the_same_one_for_theirs(index_lags: bool) -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=[Found("p-1")]))
    if index_lags:
        harness.tasks.by_provider_task = lambda *_: []
    first, second = harness.submit().id, harness.submit().id
    harness.poll(first)
    harness.poll(second)
    assert harness.task(first).provider_task_id == "p-1"
    assert (harness.task(second).dispatch.status, harness.task(second).provider_task_id) == (
        DispatchStatus.UNKNOWN,
        "",
    )
    task, _ = ended(harness, second)
    assert task.failure is not None
    assert task.failure.message.startswith("outcome unknown")
    assert len(harness.provider.dispatched) == 2


def test_the_same_task_may_find_itself_again_when_its_record_failed() -> None:
    harness, task_id = lost(Found("p-1"))
    harness.poll(task_id)
    unknown = harness.task(task_id).with_dispatch(status=DispatchStatus.UNKNOWN)
    harness.tasks.recorded[task_id] = replace(unknown, provider_task_id="", state=State.CREATED)
    harness.poll(task_id)
    assert harness.task(task_id).provider_task_id == "p-1"
