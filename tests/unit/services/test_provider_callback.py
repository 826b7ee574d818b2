from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.domain.errors import Conflict, NotFound, TryLater, Unauthorized
from reelkeep.domain.observation import Busy, Failed, Missing, NotYet, Succeeded, Unknown, Unreadable
from reelkeep.domain.task import ArchivedFile, Failure, FailureClass, State, Task
from reelkeep.ports import Source, SourceBusy
from reelkeep.services.poll import Verdict
from tests.fakes import FakeTasks
from tests.unit.services.stage import QUEUED, RUNNING, FakeProvider, Stage, creation

DONE = Succeeded((creation(),), credits=4, seed=7)
REFUSED = Failed(Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation"))


def staged(*observations: object) -> tuple[Stage, str]:
    """A task at its provider, whose first execution waits."""
    stage = Stage(provider=FakeProvider(observations=list(observations)))  # type: ignore[arg-type]  # any of the union
    task_id = stage.submit().id
    stage.pass_(10)
    stage.executions.started.clear()
    return stage, task_id


@pytest.mark.parametrize("end", [DONE, REFUSED])
def test_a_provider_that_is_done_ends_the_wait(end: object) -> None:
    stage, id = staged(end)
    ended = stage.now
    stage.call_back(id)
    assert stage.executions.started == [(id, 0)]
    assert stage.executions.runs[id] == {0, 1}
    assert stage.poll(id, run=1).finished
    assert stage.finalize(id, run=1).finished
    assert stage.provider.looks == 1
    assert len(stage.notices.told) == 1
    assert stage.now == ended  # nothing waited


@pytest.mark.parametrize("end", [DONE, REFUSED])
def test_the_run_that_waited_ends_at_its_next_step_and_touches_nothing(end: object) -> None:
    stage, id = staged(end)
    stage.call_back(id)
    stage.poll(id, run=1)
    stage.finalize(id, run=1)
    ended = stage.task(id)
    assert ended.executions == 1
    for step in (stage.poll, stage.finalize):
        assert step(id, run=0).answer == {
            "task_id": id,
            "run": 0,
            "finished": True,
            "wait_seconds": 1,
            "superseded": True,
        }
    assert stage.task(id) == ended
    assert (stage.provider.looks, len(stage.notices.told), len(stage.archive.copies)) == (1, 1, int(end is DONE))


def test_the_run_that_waited_may_come_while_the_new_one_copies() -> None:
    stage, id = staged(DONE)
    stage.call_back(id)
    archive, verdicts = stage.archive.archive, list[Verdict]()

    def meanwhile(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        verdicts.extend(step(id, run=0) for step in (stage.poll, stage.finalize))
        return archive(task, number, name, source, seconds)

    stage.archive.archive = meanwhile
    assert stage.finalize(id, run=1).finished
    assert [verdict.superseded for verdict in verdicts] == [True, True]
    assert stage.task(id).state is State.SUCCESS
    assert (len(stage.notices.told), len(stage.archive.copies)) == (1, 1)


def test_a_task_that_still_goes_on_keeps_its_one_execution_and_its_next_look() -> None:
    stage, id = staged(RUNNING)
    before, stage.executions.fault = stage.task(id), AssertionError("there is nothing to start")
    stage.call_back(id)
    after = stage.task(id)
    assert (after.state, after.polling.next_poll_at, after.executions) == (
        State.PROCESSING,
        before.polling.next_poll_at,
        0,
    )


@pytest.mark.parametrize(
    "answer",
    [Busy("503", retry_after=600), Missing(), Unreadable("no JSON", b"<html>")],
    ids=lambda a: type(a).__name__,
)
def test_what_a_look_does_not_learn_is_not_held_against_the_task(answer: object) -> None:
    stage, id = staged(answer)
    before = stage.task(id)
    for _ in range(20):
        stage.call_back(id)
    after = stage.task(id)
    assert replace(after, version=before.version).with_polling(called_back_at=None) == before


def test_the_state_is_read_from_the_provider_and_never_moves_back() -> None:
    stage, id = staged(RUNNING, QUEUED)
    stage.call_back(id)
    stage.call_back(id)
    assert stage.task(id).state is State.PROCESSING


def test_a_wrong_token_is_not_found_and_nobody_is_asked() -> None:
    stage, id = staged(DONE)
    before = stage.task(id)
    for token, task_id in (("guessed", id), ("", id), ("given-to-the-provider", "../keys"), ("guessed", "0" * 32)):
        with pytest.raises(NotFound):
            stage.call_back(task_id, token)
    assert (stage.task(id), stage.provider.looks, stage.executions.started) == (before, 0, [])


def test_a_call_that_the_provider_did_not_sign_is_refused_and_nobody_is_asked() -> None:
    stage, id = staged(DONE)
    before, stage.provider.signs = stage.task(id), False
    with pytest.raises(Unauthorized):
        stage.call_back(id)
    assert (stage.task(id), stage.provider.looks, stage.executions.started) == (before, 0, [])


def test_a_call_that_was_taken_is_refused_and_nobody_is_asked() -> None:
    stage, id = staged(RUNNING)
    stage.provider.signature = "first"
    stage.call_back(id)
    assert stage.seen_callbacks.until == stage.now + timedelta(minutes=10)  # as long as its signature could be good
    before = stage.task(id)
    stage.pass_(60)
    with pytest.raises(Conflict):
        stage.call_back(id)
    assert (stage.task(id), stage.provider.looks) == (before, 1)
    stage.provider.signature = "second"
    stage.call_back(id)
    assert stage.provider.looks == 2


def test_a_call_that_was_taken_without_need_is_refused_just_as_well() -> None:
    stage, id = staged(DONE)
    stage.see_through(id)
    stage.provider.signature = "first"
    stage.call_back(id)
    with pytest.raises(Conflict):
        stage.call_back(id)


def test_a_call_that_a_stranger_made_is_not_remembered() -> None:
    stage, id = staged(DONE)
    stage.provider.signature, stage.provider.signs = "first", False
    with pytest.raises(Unauthorized):
        stage.call_back(id)
    with pytest.raises(NotFound):
        stage.call_back(id, "guessed")
    assert stage.seen_callbacks.known == set()


def test_a_call_that_met_our_own_trouble_may_be_repeated_as_it_was() -> None:
    stage, id = staged(RUNNING, DONE)
    stage.provider.signature = "first"

    class Broken(FakeTasks):
        def get(self, task_id: str) -> Task | None:
            raise TryLater("the table is out of order")

    whole, stage.tasks = stage.tasks, Broken()
    with pytest.raises(TryLater):
        stage.call_back(id)
    stage.tasks = whole
    stage.call_back(id)
    assert stage.provider.looks == 1


def test_a_call_that_cannot_be_remembered_is_asked_for_again() -> None:
    stage, id = staged(RUNNING, DONE)
    stage.provider.signature, stage.seen_callbacks.fault = "first", TryLater("the table is out of order")
    with pytest.raises(TryLater):
        stage.call_back(id)
    stage.seen_callbacks.fault = None
    stage.pass_(1)
    stage.call_back(id)
    assert stage.executions.started == [(id, 0)]
    with pytest.raises(Conflict):
        stage.call_back(id)


def test_calls_that_nobody_signs_cannot_be_told_apart_and_may_come_again() -> None:
    stage, id = staged(RUNNING)
    stage.call_back(id)
    stage.pass_(60)
    stage.call_back(id)
    assert (stage.provider.looks, stage.seen_callbacks.known) == (2, set())


def test_a_call_about_a_task_that_is_over_or_gone_changes_nothing() -> None:
    stage, id = staged(DONE)
    stage.see_through(id)
    ended = stage.task(id)
    stage.call_back(id)
    stage.call_back("0" * 32)
    assert (stage.task(id), stage.provider.looks, stage.executions.started) == (ended, 1, [])


@pytest.mark.parametrize("placement", [NotYet(30), Unknown("lost")], ids=lambda each: type(each).__name__)
def test_a_task_whose_placement_is_open_is_left_to_those_who_know(placement: object) -> None:
    stage = Stage(provider=FakeProvider(outcomes=[placement]))  # type: ignore[list-item]  # any of the union
    before = stage.task(stage.submit().id)
    stage.call_back(before.id)
    assert stage.task(before.id) == before
    assert (stage.provider.looks, len(stage.provider.dispatched)) == (0, 1)


def test_a_flood_of_calls_is_one_look_a_second() -> None:
    stage, id = staged(RUNNING)
    began = stage.now
    for _ in range(100):
        stage.pass_(0.01)
        stage.call_back(id)
    assert stage.provider.looks <= 1 + (stage.now - began).total_seconds()
    assert stage.executions.started == []


def test_calls_at_the_same_moment_are_one_look() -> None:
    stage, id = staged(RUNNING)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: stage.call_back(id), range(64)))
    assert stage.provider.looks == 1


def test_a_call_just_after_a_look_is_not_forgotten() -> None:
    stage, id = staged(RUNNING, DONE)
    stage.call_back(id)
    stage.pass_(0.1)
    began = stage.now
    stage.call_back(id)
    assert stage.task(id).state is State.ARCHIVING
    assert (stage.now - began).total_seconds() < 1


def test_a_look_in_turn_that_comes_first_is_not_undone() -> None:
    stage, id = staged(RUNNING)
    both = Succeeded((creation("c1", "video", "cover"),))

    class Meanwhile(FakeProvider):
        def observe(self, task: Task) -> object:  # type: ignore[override]  # any of the union
            self.looks += 1
            if self.looks == 1:
                stage.poll(id)
                stage.finalize(id)
            return both

    stage.provider = Meanwhile()
    stage.archive.faults = {"cover": [SourceBusy("not yet")]}
    stage.call_back(id)
    task = stage.task(id)
    assert (task.state, task.executions) == (State.ARCHIVING, 0)
    assert [bool(asset.archived) for asset in task.creations[0].assets] == [True, False]


def test_a_record_that_changes_meanwhile_does_not_lose_the_call() -> None:
    stage, id = staged(DONE)

    class Contended(FakeTasks):
        others = 3

        def save(self, task: Task) -> Task:
            if self.others:
                self.others -= 1
                super().save(replace(self.recorded[task.id], last_error="somebody else was here"))
            return super().save(task)

    stage.tasks = Contended(stage.tasks.recorded)
    stage.call_back(id)
    assert stage.executions.started == [(id, 0)]


def test_a_new_execution_that_cannot_be_started_is_left_to_the_one_that_waits() -> None:
    stage, id = staged(DONE)
    stage.executions.fault = TryLater("throttled")
    stage.call_back(id)
    stage.executions.fault = None
    stage.see_through(id)
    assert stage.task(id).state is State.SUCCESS


@pytest.mark.parametrize("end", [DONE, REFUSED])
def test_without_any_call_the_schedule_alone_ends_every_task(end: Any) -> None:
    for seconds in (3, 40, 600, 7000):
        stage = Stage()
        id = stage.submit().id
        done_at = stage.now.timestamp() + seconds

        class Later(FakeProvider):
            def observe(self, task: Task, stage: Stage = stage, done_at: float = done_at) -> Any:
                return end if stage.now.timestamp() >= done_at else RUNNING

        stage.provider = Later()
        stage.pass_(stage.executions.started[0][1])
        stage.see_through(id)
        assert stage.task(id).state is (State.SUCCESS if end is DONE else State.FAILED)
        assert stage.now.timestamp() - done_at <= max(60, 0.13 * seconds)
