from __future__ import annotations

from dataclasses import replace

import pytest

from reelkeep.domain import schedule
from reelkeep.domain.observation import Busy, Failed, Missing, Pending, Succeeded, Unreadable
from reelkeep.domain.task import Failure, FailureClass, State
from tests.unit.services.stage import QUEUED, RUNNING, FakeProvider, Stage, creation, request

REFUSED = Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation", message="not this one")


def staged(*observations: object) -> tuple[Stage, str]:
    stage = Stage(provider=FakeProvider(observations=list(observations)))  # type: ignore[arg-type]  # any of the union
    return stage, stage.submit().id


def test_a_running_task_is_not_finished_and_says_when_to_look_again() -> None:
    stage, id = staged(RUNNING)
    stage.pass_(60)
    verdict = stage.poll(id)
    assert not verdict.finished
    assert verdict.wait_seconds > 1
    assert stage.task(id).state is State.PROCESSING


def test_success_moves_to_archiving_with_what_is_to_be_kept() -> None:
    stage, id = staged(Succeeded((creation(),), credits=4, seed=7))
    assert stage.poll(id).finished
    task = stage.task(id)
    assert (task.state, task.credits, task.seed) == (State.ARCHIVING, 4, 7)
    assert task.creations == (replace(creation(), id=f"{id}-1", provider_id="c1"),)


def test_the_machine_is_told_ids_and_waits_only() -> None:
    stage, id = staged(RUNNING)
    assert set(stage.poll(id).answer) == {"task_id", "finished", "wait_seconds"}


def test_a_failure_ends_the_task_with_its_reason() -> None:
    stage, id = staged(Failed(REFUSED))
    assert stage.poll(id).finished
    assert (stage.task(id).state, stage.task(id).failure) == (State.FAILED, REFUSED)


def test_a_task_cancelled_at_the_provider_ends_as_cancelled() -> None:
    stage, id = staged(Failed(Failure(reason=FailureClass.CANCELLED, code="UserCancelled")))
    stage.poll(id)
    assert stage.task(id).state is State.CANCELLED


def test_a_status_that_goes_backwards_does_not_move_the_task_back() -> None:
    stage, id = staged(RUNNING, QUEUED)
    stage.poll(id)
    stage.poll(id)
    assert stage.task(id).state is State.PROCESSING


def test_an_unknown_status_word_is_not_an_end_and_is_remembered() -> None:
    stage, id = staged(Pending(State.PROCESSING, "image_downloading"))
    assert not stage.poll(id).finished
    assert "image_downloading" in stage.task(id).trouble


def test_retry_after_is_honoured() -> None:
    stage, id = staged(Busy("429", retry_after=333))
    assert stage.poll(id).wait_seconds == 333


def test_a_busy_provider_is_asked_less_and_less_often() -> None:
    stage, id = staged(Busy("503"))
    waits = [stage.poll(id).wait_seconds for _ in range(6)]
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]


def test_an_unreadable_answer_is_kept_for_diagnosis_and_the_task_goes_on() -> None:
    stage, id = staged(Unreadable("not JSON", b"<html>"), Succeeded((creation(),)))
    assert not stage.poll(id).finished
    assert [odd[2] for odd in stage.tasks.odd_answers] == [b"<html>"]
    assert stage.poll(id).finished


def test_a_task_the_provider_does_not_know_is_given_time_and_then_ends_as_lost() -> None:
    stage, id = staged(Missing())
    assert not stage.poll(id).finished
    stage.see_through(id)
    failure = stage.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST


def test_a_task_that_never_ends_expires_at_its_deadline_with_the_last_trouble() -> None:
    stage, id = staged(Busy("the provider answered 503"))
    stage.see_through(id)
    task = stage.task(id)
    assert task.state is State.EXPIRED
    assert task.finished_at is not None
    assert 0 <= (task.finished_at - task.deadline).total_seconds() < 2
    assert task.failure is not None
    assert "503" in task.failure.message


def test_a_task_whose_provider_is_gone_from_the_configuration_waits_until_somebody_mends_that() -> None:
    stage, id = staged(Succeeded((creation(),)))
    stage.provider.unknown = True
    verdict = stage.poll(id)
    assert (verdict.finished, verdict.trouble) == (False, "the provider 'vidu' is gone")
    assert verdict.wait_seconds > 1
    stage.provider.unknown = False
    assert stage.poll(id).finished
    assert stage.task(id).state is State.ARCHIVING


def test_a_task_whose_provider_never_comes_back_ends_at_its_deadline() -> None:
    stage, id = staged(Succeeded((creation(),)))
    stage.provider.unknown = True
    stage.see_through(id)
    failure = stage.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.DEADLINE
    assert "is gone" in failure.message


def test_a_result_seen_at_the_deadline_still_counts() -> None:
    stage, id = staged(Succeeded((creation(),)))
    stage.pass_(schedule.ORDINARY.total_seconds() + 5)
    stage.poll(id)
    assert stage.task(id).state is State.ARCHIVING


def test_an_off_peak_task_of_48_hours_fits_into_one_execution() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED]))
    task = stage.submit(request(off_peak=True))
    waits = list(stage.see_through(task.id))
    assert sum(waits) >= 48 * 3600
    assert 9 * len(waits) < 25_000 / 2


def test_a_late_poll_of_a_finished_task_changes_nothing() -> None:
    stage, id = staged(Succeeded((creation(),)))
    stage.see_through(id)
    before = stage.task(id)
    assert stage.poll(id).finished
    assert stage.task(id) == before


def test_an_event_about_a_task_that_nobody_recorded_is_a_fault() -> None:
    with pytest.raises(LookupError):
        Stage().poll("0" * 32)
