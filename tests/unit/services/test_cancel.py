from __future__ import annotations

import pytest

from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.observation import Busy, Failed, Missing, NotYet, Observation, Succeeded
from reelkeep.domain.task import Failure, FailureClass, State
from tests.unit.services.stage import MALLORY, QUEUED, RUNNING, FakeProvider, Stage, creation


def test_a_queueing_task_is_cancelled_at_the_provider_and_told_at_the_next_look() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED]))
    id = stage.submit().id
    assert stage.cancel(id).state is State.CANCELLED
    stage.see_through(id)
    assert [told["type"] for told in stage.notices.told] == ["reelkeep.task.cancelled"]


def test_a_task_that_the_provider_will_not_cancel_goes_on() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED], cancels=False))
    id = stage.submit().id
    with pytest.raises(CannotCancel, match="task state is queueing"):
        stage.cancel(id)
    assert stage.task(id).state is State.QUEUEING


@pytest.mark.parametrize("now", [RUNNING, Succeeded((creation(),)), Busy("out of reach"), Missing()])
def test_a_task_that_is_not_in_the_queue_any_more_is_left_alone(now: Observation) -> None:
    stage = Stage(provider=FakeProvider(observations=[now]))
    id = stage.submit().id
    with pytest.raises(CannotCancel) as refused:
        stage.cancel(id)
    assert refused.value.state is (State.PROCESSING if now is RUNNING else State.QUEUEING)
    assert stage.provider.cancellations == 0


def test_a_task_that_was_not_placed_yet_is_cancelled_without_the_provider() -> None:
    stage = Stage(provider=FakeProvider(outcomes=[NotYet()], cancels=False))
    id = stage.submit().id
    assert stage.cancel(id).state is State.CANCELLED
    stage.see_through(id)
    assert len(stage.provider.dispatched) == 1


def test_a_finished_task_cannot_be_cancelled() -> None:
    stage = Stage(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    id = stage.submit().id
    stage.see_through(id)
    with pytest.raises(CannotCancel, match="task state is success"):
        stage.cancel(id)


def test_cancelling_twice_is_fine() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED]))
    id = stage.submit().id
    assert stage.cancel(id) == stage.cancel(id)


def test_another_owners_task_is_not_found() -> None:
    stage = Stage()
    id = stage.submit().id
    with pytest.raises(NotFound):
        stage.cancel(id, MALLORY)


def test_a_task_that_expired_before_it_was_placed_cannot_be_cancelled() -> None:
    stage = Stage(provider=FakeProvider(outcomes=[NotYet()]))
    id = stage.submit().id
    stage.pass_(24 * 3600)
    stage.poll(id)
    with pytest.raises(CannotCancel, match="expired"):
        stage.cancel(id)


def test_what_another_look_saw_done_while_it_was_cancelled_is_kept() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED, Succeeded((creation(),))]))
    id = stage.submit().id
    cancel = stage.provider.cancel
    stage.provider.cancel = lambda task: bool(stage.poll(id)) and cancel(task)
    with pytest.raises(CannotCancel, match="archiving"):
        stage.cancel(id)
    stage.see_through(id)
    assert stage.task(id).state is State.SUCCESS


def test_what_ended_while_it_was_cancelled_is_not_said_to_be_cancelled() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED, Failed(Failure(reason=FailureClass.POLICY))]))
    id = stage.submit().id
    cancel = stage.provider.cancel
    stage.provider.cancel = lambda task: bool(stage.poll(id)) and cancel(task)
    with pytest.raises(CannotCancel, match="failed"):
        stage.cancel(id)
