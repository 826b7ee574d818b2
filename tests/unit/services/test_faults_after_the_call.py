"""The client gets its task, whatever fails after the billable call."""

from __future__ import annotations

from datetime import datetime

import pytest

from reelkeep.domain.errors import Refused, TryLater
from reelkeep.domain.observation import Accepted, DispatchOutcome, NotYet, Unknown, Untraceable
from reelkeep.domain.observation import Refused as SaidNo
from reelkeep.domain.task import DispatchStatus, State, Task
from tests.fakes.providers import FakeSlots
from tests.unit.services.harness import FakeArchive, FakeProvider, Harness, request
from tests.unit.services.repeats_harness import ASKED, NO_CREDIT, Acts, DiesAt, then


class DownAfterCall(Acts):
    """The table takes nothing more once the provider has been called."""

    def __init__(self, *placements: DispatchOutcome) -> None:
        super().__init__(*placements)

        def down() -> None:
            raise TryLater("throttled")

        self.provider.after = lambda: setattr(self.tasks, "before_save", down)

    def mended(self) -> None:
        self.provider.after = self.tasks.before_save = lambda: None


@pytest.mark.parametrize("outcome", [Accepted("p-1"), NotYet(), Unknown("cut"), SaidNo(NO_CREDIT)])
def test_the_client_gets_its_task_when_the_outcome_of_the_call_cannot_be_recorded(outcome: DispatchOutcome) -> None:
    harness = DownAfterCall(outcome)
    task = harness.submit(ASKED)
    assert (task.state, task.dispatch.status) == (State.CREATED, DispatchStatus.STARTED)
    assert harness.executions.started == [(task.id, 35)]


def test_nothing_else_is_read_between_the_call_and_its_record() -> None:
    class Gone(FakeSlots):
        gone = False

        def end_reports(self, provider: str, most_held: int = 0) -> tuple[dict[str, datetime], int]:
            if self.gone:
                raise DiesAt
            return {}, 0

    harness = Acts()
    harness.slots = slots = Gone()
    harness.provider.after = lambda: setattr(slots, "gone", True)
    task = harness.submit(ASKED)
    assert (task.dispatch.status, task.provider_task_id) == (DispatchStatus.ACCEPTED, "p-1")


def test_what_could_not_be_recorded_goes_along_to_the_first_poll_also_where_a_provider_can_never_tell() -> None:
    harness = DownAfterCall(Accepted("p-1"))
    task = harness.submit(ASKED)
    harness.mended()
    harness.provider.found = [Untraceable()]
    harness.see_through(task.id)
    assert (harness.task(task.id).state, harness.task(task.id).provider_task_id) == (State.SUCCESS, "p-1")
    assert len(harness.provider.dispatched) == 1


def test_what_could_not_be_recorded_is_found_out_and_paid_once() -> None:
    harness = DownAfterCall(Accepted("p-1"))
    harness.executions.fault = TryLater("throttled")
    task = harness.submit(ASKED)
    harness.mended()
    harness.executions.fault = None
    harness.provider.found = ["p-1"]
    harness.see_through(task.id)
    assert (harness.task(task.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_a_refusal_is_announced_though_it_cannot_be_recorded_that_it_was() -> None:
    harness = Acts(SaidNo(NO_CREDIT))
    harness.tasks.before_save = then(lambda: setattr(harness.tasks, "before_save", _down))
    with pytest.raises(Refused):
        harness.submit(ASKED)


def _down() -> None:
    raise TryLater("throttled")


def test_a_fault_of_ours_in_the_call_leaves_an_unknown_outcome_not_a_lost_task() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[RuntimeError("a secret")], found=["p-1"]))
    task = harness.submit(ASKED)
    assert task.dispatch.status is DispatchStatus.UNKNOWN
    assert "RuntimeError" in task.last_error
    assert "secret" not in task.last_error
    harness.see_through(task.id)
    assert (harness.task(task.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_a_call_for_which_too_little_time_is_left_is_made_by_the_machine() -> None:
    harness = Acts()
    harness.tasks.after_create = lambda: harness.pass_(6)
    task = harness.submit(ASKED)
    assert (task.dispatch.status, harness.provider.dispatched) == (DispatchStatus.WAITING, [])
    assert harness.executions.started == [(task.id, 1)]
    harness.see_through(task.id)
    assert (harness.task(task.id).state, len(harness.provider.dispatched)) == (State.SUCCESS, 1)


def test_a_repeat_starts_what_could_not_be_started() -> None:
    harness = Harness()
    harness.executions.fault = TryLater("throttled")
    task = harness.submit(ASKED, key="k")
    harness.executions.fault = None
    harness.submit(ASKED, key="k")
    assert set(harness.executions.runs) == {task.id}


def test_the_archive_s_faults_leave_the_key_for_another_try() -> None:
    class Down(FakeArchive):
        def store_request(self, task: Task) -> str:
            raise TryLater("the bucket is down")

    harness, big = Harness(archive=Down()), request(body={"images": ["A" * 300_000]})
    with pytest.raises(TryLater):
        harness.submit(big, key="k")
    harness.archive = FakeArchive()
    assert harness.submit(big, key="k").state is State.QUEUEING
