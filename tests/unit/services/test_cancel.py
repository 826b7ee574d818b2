from __future__ import annotations

import pytest

from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.observation import Busy, Failed, Missing, NotYet, Observation, Succeeded
from reelkeep.domain.task import Failure, FailureClass, State
from tests.unit.services.harness import MALLORY, QUEUED, RUNNING, FakeProvider, Harness, creation


def test_a_queueing_task_is_cancelled_at_the_provider_and_announced_at_the_next_poll() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED]))
    id = harness.submit().id
    assert harness.cancel(id).state is State.CANCELLED
    harness.see_through(id)
    assert [told["type"] for told in harness.notices.told] == ["reelkeep.task.cancelled"]


def test_a_task_that_the_provider_will_not_cancel_goes_on() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED], cancels=False))
    id = harness.submit().id
    with pytest.raises(CannotCancel, match="task state is queueing"):
        harness.cancel(id)
    assert harness.task(id).state is State.QUEUEING


@pytest.mark.parametrize("now", [RUNNING, Succeeded((creation(),)), Busy("out of reach"), Missing()])
def test_a_task_that_is_not_in_the_queue_any_more_is_left_alone(now: Observation) -> None:
    harness = Harness(provider=FakeProvider(observations=[now]))
    id = harness.submit().id
    with pytest.raises(CannotCancel) as refused:
        harness.cancel(id)
    assert refused.value.state is (State.PROCESSING if now is RUNNING else State.QUEUEING)
    assert harness.provider.cancellations == 0


def test_a_task_that_was_not_dispatched_yet_is_cancelled_without_the_provider() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet()], cancels=False))
    id = harness.submit().id
    assert harness.cancel(id).state is State.CANCELLED
    harness.see_through(id)
    assert len(harness.provider.dispatched) == 1


def test_a_finished_task_cannot_be_cancelled() -> None:
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    id = harness.submit().id
    harness.see_through(id)
    with pytest.raises(CannotCancel, match="task state is success"):
        harness.cancel(id)


def test_cancelling_twice_is_fine() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED]))
    id = harness.submit().id
    assert harness.cancel(id) == harness.cancel(id)


def test_another_owners_task_is_not_found() -> None:
    harness = Harness()
    id = harness.submit().id
    with pytest.raises(NotFound):
        harness.cancel(id, MALLORY)


def test_a_task_that_expired_before_it_was_dispatched_cannot_be_cancelled() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet()]))
    id = harness.submit().id
    harness.pass_(24 * 3600)
    harness.poll(id)
    with pytest.raises(CannotCancel, match="expired"):
        harness.cancel(id)


def test_what_another_poll_saw_made_during_a_cancellation_is_archived() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED, Succeeded((creation(),))]))
    id = harness.submit().id
    cancel = harness.provider.cancel
    harness.provider.cancel = lambda task: bool(harness.poll(id)) and cancel(task)
    with pytest.raises(CannotCancel, match="archiving"):
        harness.cancel(id)
    harness.see_through(id)
    assert harness.task(id).state is State.SUCCESS


def test_what_ended_during_a_cancellation_is_not_shown_as_cancelled() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED, Failed(Failure(reason=FailureClass.POLICY))]))
    id = harness.submit().id
    cancel = harness.provider.cancel
    harness.provider.cancel = lambda task: bool(harness.poll(id)) and cancel(task)
    with pytest.raises(CannotCancel, match="failed"):
        harness.cancel(id)
