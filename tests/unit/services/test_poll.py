from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from reelkeep.adapters import documents
from reelkeep.adapters.s3.layout import quarantine_key
from reelkeep.domain import schedule
from reelkeep.domain.archiving import GIVE_UP_AFTER, CopyError, with_errors
from reelkeep.domain.errors import Stale
from reelkeep.domain.observation import (
    Accepted,
    Busy,
    DispatchOutcome,
    Failed,
    Finding,
    Missing,
    NotYet,
    Observation,
    Pending,
    Succeeded,
    Unknown,
    Unreadable,
)
from reelkeep.domain.task import ArchivedFile, Asset, Creation, Failure, FailureClass, State, Task
from reelkeep.domain.wire import OtherTask
from reelkeep.ports.archive import SourceBusy
from reelkeep.services.poll import Poll
from tests.unit.services.harness import NOON, QUEUED, RUNNING, FakeProvider, FakeProviders, Harness, creation, request

REFUSED = Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation", message="not this one")


def prepared(*observations: object) -> tuple[Harness, str]:
    harness = Harness(provider=FakeProvider(observations=list(observations)))  # type: ignore[arg-type]  # any of the union
    return harness, harness.submit().id


def test_a_running_task_is_not_finished_and_says_when_to_poll_again() -> None:
    harness, id = prepared(RUNNING)
    harness.pass_(60)
    verdict = harness.poll(id)
    assert not verdict.finished
    assert verdict.wait_seconds > 1
    assert harness.task(id).state is State.PROCESSING


def test_success_moves_to_archiving_with_what_is_to_be_archived() -> None:
    harness, id = prepared(Succeeded((creation(),), credits=4, seed=7))
    assert harness.poll(id).finished
    task = harness.task(id)
    assert (task.state, task.credits, task.seed) == (State.ARCHIVING, 4, 7)
    assert task.creations == (replace(creation(), id=f"{id}-1", provider_id="c1"),)


def test_what_the_submission_told_is_kept_if_the_success_does_not_say_it() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Accepted("p-1", credits=20, seed=7)]))
    id = harness.submit().id
    harness.poll(id)
    assert (harness.task(id).state, harness.task(id).credits, harness.task(id).seed) == (State.ARCHIVING, 20, 7)


def test_the_state_machine_gets_only_ids_and_waits() -> None:
    harness, id = prepared(RUNNING)
    assert set(harness.poll(id).answer) == {"task_id", "run", "finished", "wait_seconds"}


def test_a_failure_ends_the_task_with_its_reason() -> None:
    harness, id = prepared(Failed(REFUSED))
    assert harness.poll(id).finished
    assert (harness.task(id).state, harness.task(id).failure) == (State.FAILED, REFUSED)


def test_a_task_cancelled_at_the_provider_ends_as_cancelled() -> None:
    harness, id = prepared(Failed(Failure(reason=FailureClass.CANCELLED, code="UserCancelled")))
    harness.poll(id)
    assert harness.task(id).state is State.CANCELLED


def test_a_status_that_goes_backwards_does_not_move_the_task_back() -> None:
    harness, id = prepared(RUNNING, QUEUED)
    harness.poll(id)
    harness.poll(id)
    assert harness.task(id).state is State.PROCESSING


def test_an_unknown_status_word_is_not_an_end_and_is_remembered() -> None:
    harness, id = prepared(Pending(State.PROCESSING, "image_downloading"))
    assert not harness.poll(id).finished
    assert "image_downloading" in harness.task(id).last_error


def test_the_last_error_is_cleared_once_a_poll_succeeds() -> None:
    harness, id = prepared(Busy("503"), RUNNING)
    assert harness.poll(id).last_error == "503"
    assert harness.poll(id).last_error == ""


def test_every_poll_is_counted_whatever_it_sees() -> None:
    harness, id = prepared(RUNNING, Busy("503"), Missing(), Unreadable("not JSON"), Succeeded((creation(),)))
    harness.see_through(id)
    assert harness.task(id).polling.polls == harness.provider.looks == 5
    harness, id = prepared(RUNNING, Failed(REFUSED))
    harness.see_through(id)
    assert harness.task(id).polling.polls == harness.provider.looks == 2


def test_retry_after_is_honoured() -> None:
    harness, id = prepared(Busy("429", retry_after=333))
    assert harness.poll(id).wait_seconds == 333


def test_a_busy_provider_is_asked_less_and_less_often() -> None:
    harness, id = prepared(Busy("503"))
    waits = [harness.poll(id).wait_seconds for _ in range(6)]
    assert waits == sorted(waits)
    assert waits[-1] > 8 * waits[0]


def test_a_provider_that_is_known_to_take_long_is_asked_less_often() -> None:
    harness, id = prepared(RUNNING)
    usual = harness.poll(id).wait_seconds
    harness.provider.typical_seconds = 1000
    assert harness.poll(id).wait_seconds > 5 * usual


def test_a_success_without_links_is_polled_again_within_seconds_and_then_less_and_less_often() -> None:
    harness, id = prepared(Unreadable("success without a link", made=True))
    harness.pass_(3600)
    waits = []
    for _ in range(8):
        waits.append(harness.poll(id).wait_seconds)
        harness.pass_(waits[-1])
    assert waits[:4] == [2, 4, 8, 16]
    assert waits == sorted(waits)


NONSENSE = [Unreadable("not JSON"), Pending(State.PROCESSING, "thinking")]


@pytest.mark.parametrize("said", NONSENSE)
def test_a_task_whose_answers_were_never_understood_is_waited_for_and_never_retryable(said: Observation) -> None:
    harness, id = prepared(said)
    harness.see_through(id)
    task = harness.task(id)
    assert task.finished_at is not None
    assert timedelta(hours=6) <= task.finished_at - task.deadline < timedelta(hours=7)
    assert (task.state, task.failure and task.failure.reason) == (State.FAILED, FailureClass.LOST)
    assert task.failure is not None
    assert not task.failure.retryable
    assert "not in words that are understood" in task.failure.message
    assert task.last_error in task.failure.message


@pytest.mark.parametrize("said", NONSENSE)
def test_operators_get_one_event_about_answers_that_are_not_understood_while_there_is_time(said: Observation) -> None:
    harness, id = prepared(said)
    while not harness.notices.alerts:
        harness.pass_(harness.poll(id).wait_seconds)
    assert timedelta(minutes=10) <= harness.now - NOON < timedelta(minutes=40)
    for _ in range(3):
        harness.pass_(harness.poll(id).wait_seconds)
    [alert] = harness.notices.alerts
    assert (alert["type"], alert["subject"]) == ("reelkeep.task.not-understood", id)
    assert alert["data"]["reason"] == harness.task(id).last_error
    assert datetime.fromisoformat(alert["data"]["deadline"]) > harness.now


def test_a_word_that_is_not_understood_for_a_moment_is_forgotten() -> None:
    harness, id = prepared(Pending(State.PROCESSING, "thinking"), RUNNING)
    harness.see_through(id)
    failure = harness.task(id).failure
    assert failure is not None
    assert (failure.reason, failure.retryable) == (FailureClass.DEADLINE, True)
    assert harness.notices.alerts == []


def test_a_task_whose_answers_are_understood_only_now_and_then_is_not_retryable() -> None:
    said: list[Observation | BaseException] = [RUNNING, Unreadable("odd", b"odd")] * 30
    harness, id = prepared(*said, RUNNING)
    harness.see_through(id)
    failure = harness.task(id).failure
    assert failure is not None
    assert (failure.reason, failure.retryable) == (FailureClass.DEADLINE, False)


def test_an_unreadable_answer_is_kept_for_diagnosis_and_the_task_goes_on() -> None:
    harness, id = prepared(Unreadable("not JSON", b"<html>"), Succeeded((creation(),)))
    assert not harness.poll(id).finished
    assert [odd[2] for odd in harness.tasks.raw_responses] == [b"<html>"]
    assert harness.poll(id).finished


def test_a_task_the_provider_does_not_know_is_given_time_and_then_ends_as_lost() -> None:
    harness, id = prepared(Missing())
    assert not harness.poll(id).finished
    harness.see_through(id)
    assert harness.provider.looks == 6
    failure = harness.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.LOST


def test_a_task_that_never_ends_expires_with_the_first_poll_after_its_deadline() -> None:
    harness, id = prepared(RUNNING)
    harness.see_through(id)
    task = harness.task(id)
    assert task.state is State.EXPIRED
    assert task.finished_at is not None
    assert 2 <= (task.finished_at - task.deadline).total_seconds() <= 900


def test_an_answer_at_the_deadline_that_was_an_old_one_costs_no_result() -> None:
    harness, id = prepared(RUNNING)
    while harness.now < harness.task(id).deadline:
        harness.pass_(harness.poll(id).wait_seconds)
    assert not harness.poll(id).finished
    harness.provider.observations = [Succeeded((creation(),))]
    harness.see_through(id)
    assert harness.task(id).state is State.SUCCESS


def test_a_task_that_is_late_without_errors_says_no_more_than_that() -> None:
    harness, id = prepared(RUNNING)
    harness.see_through(id)
    failure = harness.task(id).failure
    assert failure is not None
    assert (failure.message, failure.retryable) == ("no result within 2:00:00", True)


def test_a_provider_that_cannot_be_heard_at_the_deadline_is_waited_for_six_hours() -> None:
    harness, id = prepared(Busy("the provider answered 503"))
    looks = len(list(harness.see_through(id)))
    task = harness.task(id)
    assert task.state is State.EXPIRED
    assert task.finished_at is not None
    assert 6 <= (task.finished_at - task.deadline).total_seconds() / 3600 < 6.3
    assert looks < 60
    assert task.failure is not None
    assert "503" in task.failure.message


def test_a_task_whose_provider_is_gone_from_the_configuration_waits_until_it_is_back() -> None:
    harness, id = prepared(Succeeded((creation(),)))
    harness.provider.unknown = True
    verdict = harness.poll(id)
    assert (verdict.finished, verdict.last_error) == (False, "the provider 'vidu' is gone")
    assert verdict.wait_seconds > 1
    harness.provider.unknown = False
    assert harness.poll(id).finished
    assert harness.task(id).state is State.ARCHIVING


def test_a_provider_that_was_down_at_the_deadline_is_believed_after_it() -> None:
    harness, id = prepared(*[Busy("503")] * 16, Succeeded((creation(),)))
    harness.see_through(id)
    task = harness.task(id)
    assert task.state is State.SUCCESS
    assert task.finished_at is not None
    assert task.finished_at > task.deadline


def test_what_is_found_again_after_the_deadline_is_polled_before_it_is_given_up() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[Unknown("cut")], found=["p-1"]))
    id = harness.submit().id
    harness.pass_(24 * 3600)
    assert harness.poll(id).finished
    assert harness.task(id).state is State.ARCHIVING


def test_a_task_whose_provider_never_comes_back_ends_after_its_deadline() -> None:
    harness, id = prepared(Succeeded((creation(),)))
    harness.provider.unknown = True
    harness.see_through(id)
    failure = harness.task(id).failure
    assert failure is not None
    assert failure.reason is FailureClass.DEADLINE
    assert "is gone" in failure.message


def test_a_result_seen_at_the_deadline_still_counts() -> None:
    harness, id = prepared(Succeeded((creation(),)))
    harness.pass_(schedule.ORDINARY.total_seconds() + 5)
    harness.poll(id)
    assert harness.task(id).state is State.ARCHIVING


def test_an_answer_of_before_does_not_end_a_task_that_nobody_polled_until_after_its_deadline() -> None:
    harness, id = prepared(RUNNING, Succeeded((creation(),)))
    harness.pass_(schedule.ORDINARY.total_seconds() + 3600)
    verdict = harness.poll(id)
    assert not verdict.finished
    harness.pass_(verdict.wait_seconds)
    harness.poll(id)
    assert harness.task(id).state is State.ARCHIVING


def test_such_a_task_expires_by_its_next_answer() -> None:
    harness, id = prepared(RUNNING)
    harness.pass_(schedule.ORDINARY.total_seconds() + 3600)
    harness.pass_(harness.poll(id).wait_seconds)
    assert harness.poll(id).finished
    assert harness.task(id).state is State.EXPIRED


def test_an_off_peak_task_of_48_hours_fits_into_one_execution() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED]))
    task = harness.submit(request(off_peak=True))
    waits = list(harness.see_through(task.id))
    assert sum(waits) >= 48 * 3600
    assert 9 * len(waits) < 25_000 / 2


def of_many_files(count: int, link: int) -> Creation:
    files = (Asset(name=f"moderation-{n}", source="https://files.test/".ljust(link, "x")) for n in range(count))
    return Creation(id="c1", assets=(*creation().assets, *files))


@pytest.mark.parametrize("many", [of_many_files(400, 1000), of_many_files(1500, 40), of_many_files(1, 900_000)])
def test_more_files_than_a_record_holds_are_asked_for_again_and_given_up_in_the_end(many: Creation) -> None:
    harness, id = prepared(Succeeded((many,)))
    assert not harness.poll(id).finished
    task = harness.task(id)
    assert (task.state, task.creations, task.succeeded_at) == (State.QUEUEING, (), harness.now)
    assert "more files than a task's record has room for" in task.last_error
    harness.see_through(id)
    assert harness.task(id).failure == Failure(
        reason=FailureClass.LOST, message=f"the provider says that it made it, but not where; last: {task.last_error}"
    )


def failing(task: Task, now: datetime) -> Task:
    """None of its files can be fetched, and all are in quarantine."""
    page = ArchivedFile(
        key=quarantine_key(task.id, 1, "moderation-100"),
        bytes=10**9,
        sha256="ab" * 32,
        content_type="application/json",
    )
    errors = [CopyError(1, each.name, f"{each.name}: " + "x" * 100, quarantined=page) for each in task.assets]
    return with_errors(task, errors, now + GIVE_UP_AFTER)


def test_many_files_are_archived_and_announced_within_what_a_record_and_a_notice_hold() -> None:
    for many in (of_many_files(100, 1200), of_many_files(250, 100)):
        harness, id = prepared(Succeeded((many,)))
        assert harness.poll(id).finished
        assert len(documents.write(harness.task(id))) < 400_000
        assert len(documents.write(failing(harness.task(id), harness.now))) < 400_000
        harness.see_through(id)
        assert harness.task(id).state is State.SUCCESS
        assert len(documents.write(harness.task(id))) < 400_000
        assert len(json.dumps(harness.notices.told)) < 256 * 1024


def test_a_late_poll_of_a_finished_task_changes_nothing() -> None:
    harness, id = prepared(Succeeded((creation(),)))
    harness.see_through(id)
    before = harness.task(id)
    assert harness.poll(id).finished
    assert harness.task(id) == before


@dataclass
class Meanwhile(FakeProvider):
    """While it answers for the first time, something else happens."""

    happens: Callable[[], object] | None = None

    def observe(self, task: Task) -> Observation:
        self._happen()
        return super().observe(task)

    def find(self, task: Task, other: OtherTask) -> Finding:
        self._happen()
        return super().find(task, other)

    def _happen(self) -> None:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()


@pytest.mark.parametrize("late", [Succeeded((creation(),)), RUNNING, Missing(), Failed(REFUSED), Busy("503")])
def test_what_is_being_archived_is_not_changed_by_a_late_poll(late: Observation) -> None:
    provider = Meanwhile(observations=[Succeeded((creation("c1", "video", "cover"),)), late])
    harness = Harness(provider=provider)
    id = harness.submit().id
    harness.archive.faults["cover"] = [SourceBusy("503")]

    def another() -> None:
        harness.poll(id)
        harness.finalize(id)

    provider.happens = another
    assert harness.poll(id).finished
    task = harness.task(id)
    assert (task.state, [asset.consecutive_errors for asset in task.assets]) == (State.ARCHIVING, [0, 1])
    assert [asset.archived is not None for asset in task.creations[0].assets] == [True, False]


def test_a_deadline_that_passes_does_not_end_what_another_poll_saw_made() -> None:
    harness, id = prepared(Busy("503"), Succeeded((creation(),)))
    harness.pass_(schedule.ORDINARY.total_seconds() + 7 * 3600)
    moments: Iterator[Callable[[], object]] = iter([lambda: None, lambda: None, lambda: harness.poll(id)])

    def clock() -> datetime:
        next(moments)()
        return harness.now

    poll = Poll(
        tasks=harness.tasks,
        claims=harness.claims,
        requests=harness.archive,
        providers=FakeProviders(harness.provider),
        notices=harness.notices,
        room=harness.room,
        forecasts=harness.forecasts,
        clock=clock,
    )
    assert poll(id).finished
    assert harness.task(id).state is State.ARCHIVING


def test_a_provider_that_was_down_does_not_make_the_first_absence_a_loss() -> None:
    harness, id = prepared(*[Busy("503")] * 9, Missing(), Succeeded((creation(),)))
    harness.see_through(id)
    assert harness.task(id).state is State.SUCCESS


def test_a_list_that_lags_behind_a_call_made_late_does_not_lead_to_another_call() -> None:
    outcomes: list[DispatchOutcome | BaseException] = [NotYet(retry_after=900), Unknown("cut"), Accepted("p-2")]
    harness = Harness(provider=FakeProvider(outcomes=outcomes, found=["", "p-1"]))
    id = harness.submit().id
    harness.pass_(900)
    harness.see_through(id)
    assert harness.task(id).provider_task_id == "p-1"
    assert len(harness.provider.dispatched) == 2


def test_an_absence_seen_before_a_call_does_not_lead_to_another_one_after_it() -> None:
    outcomes: list[DispatchOutcome | BaseException] = [Unknown("cut"), Unknown("cut"), Accepted("p-2")]
    provider = Meanwhile(outcomes=outcomes, found=["", "", "p-1"])
    harness = Harness(provider=provider)
    id = harness.submit().id
    harness.pass_(1800)

    def another() -> None:
        harness.poll(id)
        harness.poll(id)

    provider.happens = another
    harness.poll(id)
    harness.poll(id)
    assert harness.task(id).provider_task_id == "p-1"
    assert len(provider.dispatched) == 2


def test_what_is_dispatched_late_has_its_whole_time() -> None:
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), Accepted("p-1")], observations=[RUNNING]))
    id = harness.submit().id
    harness.pass_(schedule.ORDINARY.total_seconds() - 60)
    harness.poll(id)
    harness.pass_(3600)
    assert not harness.poll(id).finished


def test_an_event_about_a_task_that_nobody_recorded_is_a_fault() -> None:
    with pytest.raises(LookupError):
        Harness().poll("0" * 32)


def test_a_task_that_others_change_every_time_is_tried_later() -> None:
    harness, id = prepared(RUNNING)

    def always_stale(task: Task) -> Task:
        raise Stale("somebody else")

    harness.tasks.save = always_stale
    with pytest.raises(Stale, match="changes too often"):
        harness.poll(id)


def test_a_task_that_a_newer_release_has_taken_over_is_left_to_it() -> None:
    harness, id = prepared(Succeeded((creation(),)))
    taken_over = replace(harness.task(id), extra={"state": "reviewing"})
    harness.tasks.recorded[id] = taken_over
    verdict = harness.poll(id)
    assert (verdict.finished, verdict.wait_seconds, harness.provider.looks) == (False, 300, 0)
    assert harness.task(id) == taken_over
