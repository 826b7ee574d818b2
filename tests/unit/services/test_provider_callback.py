from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reelkeep.domain.errors import Conflict, NotFound, TryLater, Unauthorized
from reelkeep.domain.observation import Busy, Failed, Missing, NotYet, Succeeded, Unknown, Unreadable
from reelkeep.domain.task import ArchivedFile, Failure, FailureClass, State, Task
from reelkeep.ports.archive import SourceBusy
from reelkeep.ports.providers import Source
from reelkeep.services.poll import Verdict
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import QUEUED, RUNNING, FakeProvider, Harness, creation

DONE = Succeeded((creation(),), credits=4, seed=7)
REFUSED = Failed(Failure(reason=FailureClass.POLICY, code="CreationPolicyViolation"))


def prepared(*observations: object) -> tuple[Harness, str]:
    """A task at its provider, whose first execution waits."""
    harness = Harness(provider=FakeProvider(observations=list(observations)))  # type: ignore[arg-type]  # any of the union
    task_id = harness.submit().id
    harness.pass_(10)
    harness.executions.started.clear()
    return harness, task_id


@pytest.mark.parametrize("end", [DONE, REFUSED])
def test_a_task_whose_provider_is_done_is_finalized_at_once_without_another_execution(end: object) -> None:
    harness, id = prepared(end)
    ended = harness.now
    harness.call_back(id)
    assert (harness.finalizing.started, harness.executions.started) == ([(id, 0)], [])
    assert harness.finalize(id, run=0, direct=True).finished
    assert (harness.provider.looks, len(harness.notices.told), harness.executions.started) == (1, 1, [])
    assert harness.now == ended  # nothing waited


@pytest.mark.parametrize("end", [DONE, REFUSED])
def test_the_execution_that_waited_finds_nothing_left_to_do(end: object) -> None:
    harness, id = prepared(end)
    harness.call_back(id)
    harness.finalize(id, run=0, direct=True)
    ended = harness.task(id)
    answer = {"task_id": id, "run": 0, "finished": True, "wait_seconds": 1, "superseded": True}
    assert harness.poll(id, run=0).answer == answer
    assert harness.task(id) == ended
    assert harness.provider.looks == 1


def test_the_execution_that_waited_does_what_was_not_done() -> None:
    harness, id = prepared(DONE)
    harness.finalizing.fault = TryLater("throttled")
    harness.call_back(id)
    verdict = harness.poll(id, run=0)
    assert (verdict.finished, verdict.superseded) == (True, False)
    assert harness.finalize(id, run=0).finished
    assert harness.task(id).state is State.SUCCESS


def test_the_execution_that_waited_may_come_while_the_files_are_copied() -> None:
    harness, id = prepared(DONE)
    harness.call_back(id)
    archive, verdicts = harness.archive.archive, list[Verdict]()

    def meanwhile(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        verdicts.extend(step(id, run=0) for step in (harness.poll, harness.finalize))
        return archive(task, number, name, source, seconds)

    harness.archive.archive = meanwhile
    assert harness.finalize(id, run=0, direct=True).finished
    polled, finalized = verdicts
    assert (polled.finished, polled.superseded, finalized.finished) == (True, False, False)
    assert harness.finalize(id, run=0).finished  # when it comes again
    assert (len(harness.notices.told), len(harness.archive.copies)) == (1, 1)


def test_a_file_that_cannot_be_fetched_yet_is_left_to_the_next_run_and_only_once() -> None:
    harness, id = prepared(DONE)
    harness.call_back(id)
    harness.archive.faults = {"video": [SourceBusy("not yet")]}
    verdict = harness.finalize(id, run=0, direct=True)
    assert harness.executions.started == [(id, verdict.wait_seconds)]
    assert harness.executions.runs[id] == {0, 1}
    harness.finalize(id, run=0, direct=True)  # Lambda may repeat it
    assert len(harness.executions.started) == 1
    harness.archive.faults = {}
    harness.pass_(verdict.wait_seconds)
    harness.poll(id, run=1)
    assert harness.finalize(id, run=1).finished
    assert harness.poll(id, run=0).superseded


def test_a_task_that_still_goes_on_keeps_its_one_execution_and_its_next_poll() -> None:
    harness, id = prepared(RUNNING)
    before, harness.finalizing.fault = harness.task(id), AssertionError("there is nothing to start")
    harness.call_back(id)
    after = harness.task(id)
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
def test_a_poll_that_learns_nothing_counts_no_error_of_the_task(answer: object) -> None:
    harness, id = prepared(answer)
    before = harness.task(id)
    for _ in range(20):
        harness.call_back(id)
    after = harness.task(id)
    assert replace(after, version=before.version).with_polling(called_back_at=None) == before


def test_the_state_is_read_from_the_provider_and_never_moves_back() -> None:
    harness, id = prepared(RUNNING, QUEUED)
    harness.call_back(id)
    harness.call_back(id)
    assert harness.task(id).state is State.PROCESSING


def test_a_wrong_token_is_not_found_and_nobody_is_asked() -> None:
    harness, id = prepared(DONE)
    before = harness.task(id)
    for token, task_id in (("guessed", id), ("", id), ("given-to-the-provider", "../keys"), ("guessed", "0" * 32)):
        with pytest.raises(NotFound):
            harness.call_back(task_id, token)
    assert (harness.task(id), harness.provider.looks, harness.executions.started) == (before, 0, [])


def test_a_call_that_the_provider_did_not_sign_is_refused_and_nobody_is_asked() -> None:
    harness, id = prepared(DONE)
    before, harness.provider.signs = harness.task(id), False
    with pytest.raises(Unauthorized):
        harness.call_back(id)
    assert (harness.task(id), harness.provider.looks, harness.executions.started) == (before, 0, [])


def test_a_call_that_was_taken_is_refused_and_nobody_is_asked() -> None:
    harness, id = prepared(RUNNING)
    harness.provider.signature = "first"
    harness.call_back(id)
    assert harness.seen_callbacks.until == harness.now + timedelta(
        minutes=10
    )  # as long as its signature could be good
    before = harness.task(id)
    harness.pass_(60)
    with pytest.raises(Conflict):
        harness.call_back(id)
    assert (harness.task(id), harness.provider.looks) == (before, 1)
    harness.provider.signature = "second"
    harness.call_back(id)
    assert harness.provider.looks == 2


def test_a_call_that_was_accepted_without_need_is_refused_when_it_comes_again() -> None:
    harness, id = prepared(DONE)
    harness.see_through(id)
    harness.provider.signature = "first"
    harness.call_back(id)
    with pytest.raises(Conflict):
        harness.call_back(id)


def test_a_call_that_a_stranger_made_is_not_remembered() -> None:
    harness, id = prepared(DONE)
    harness.provider.signature, harness.provider.signs = "first", False
    with pytest.raises(Unauthorized):
        harness.call_back(id)
    with pytest.raises(NotFound):
        harness.call_back(id, "guessed")
    assert harness.seen_callbacks.known == set()


def test_a_call_that_met_a_fault_of_ours_may_be_repeated_as_it_was() -> None:
    harness, id = prepared(RUNNING, DONE)
    harness.provider.signature = "first"

    class Broken(FakeTasks):
        def get(self, task_id: str) -> Task | None:
            raise TryLater("the table is out of order")

    whole, harness.tasks = harness.tasks, Broken()
    with pytest.raises(TryLater):
        harness.call_back(id)
    harness.tasks = whole
    harness.call_back(id)
    assert harness.provider.looks == 1


def test_a_call_that_cannot_be_remembered_is_asked_for_again() -> None:
    harness, id = prepared(RUNNING, DONE)
    harness.provider.signature, harness.seen_callbacks.fault = "first", TryLater("the table is out of order")
    with pytest.raises(TryLater):
        harness.call_back(id)
    harness.seen_callbacks.fault = None
    harness.pass_(1)
    harness.call_back(id)
    assert harness.finalizing.started == [(id, 0)]
    with pytest.raises(Conflict):
        harness.call_back(id)


def test_calls_that_nobody_signs_cannot_be_told_apart_and_may_come_again() -> None:
    harness, id = prepared(RUNNING)
    harness.call_back(id)
    harness.pass_(60)
    harness.call_back(id)
    assert (harness.provider.looks, harness.seen_callbacks.known) == (2, set())


def test_a_call_about_a_task_that_is_over_or_gone_changes_nothing() -> None:
    harness, id = prepared(DONE)
    harness.see_through(id)
    ended = harness.task(id)
    harness.call_back(id)
    harness.call_back("0" * 32)
    assert (harness.task(id), harness.provider.looks, harness.executions.started) == (ended, 1, [])


@pytest.mark.parametrize("placement", [NotYet(30), Unknown("lost")], ids=lambda each: type(each).__name__)
def test_a_call_about_a_task_whose_dispatch_is_open_changes_nothing(placement: object) -> None:
    harness = Harness(provider=FakeProvider(outcomes=[placement]))  # type: ignore[list-item]  # any of the union
    before = harness.task(harness.submit().id)
    harness.call_back(before.id)
    assert harness.task(before.id) == before
    assert (harness.provider.looks, len(harness.provider.dispatched)) == (0, 1)


def test_a_flood_of_calls_is_one_poll_a_second() -> None:
    harness, id = prepared(RUNNING)
    began = harness.now
    for _ in range(100):
        harness.pass_(0.01)
        harness.call_back(id)
    assert harness.provider.looks <= 1 + (harness.now - began).total_seconds()
    assert harness.executions.started == []


def test_calls_at_the_same_moment_are_one_poll() -> None:
    harness, id = prepared(RUNNING)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: harness.call_back(id), range(64)))
    assert harness.provider.looks == 1


def test_a_call_just_after_a_poll_is_not_forgotten() -> None:
    harness, id = prepared(RUNNING, DONE)
    harness.call_back(id)
    harness.pass_(0.1)
    began = harness.now
    harness.call_back(id)
    assert harness.task(id).state is State.ARCHIVING
    assert (harness.now - began).total_seconds() < 1


def test_a_scheduled_poll_that_comes_first_is_not_undone() -> None:
    harness, id = prepared(RUNNING)
    both = Succeeded((creation("c1", "video", "cover"),))

    class Meanwhile(FakeProvider):
        def observe(self, task: Task) -> object:  # type: ignore[override]  # any of the union
            self.looks += 1
            if self.looks == 1:
                harness.poll(id)
                harness.finalize(id)
            return both

    harness.provider = Meanwhile()
    harness.archive.faults = {"cover": [SourceBusy("not yet")]}
    harness.call_back(id)
    task = harness.task(id)
    assert (task.state, task.executions) == (State.ARCHIVING, 0)
    assert [bool(asset.archived) for asset in task.creations[0].assets] == [True, False]


def test_a_call_is_not_lost_when_the_record_changes_meanwhile() -> None:
    harness, id = prepared(DONE)

    class Contended(FakeTasks):
        others = 3

        def save(self, task: Task) -> Task:
            if self.others:
                self.others -= 1
                super().save(replace(self.recorded[task.id], last_error="somebody else was here"))
            return super().save(task)

    harness.tasks = Contended(harness.tasks.recorded)
    harness.call_back(id)
    assert harness.finalizing.started == [(id, 0)]


@pytest.mark.parametrize("end", [DONE, REFUSED])
def test_without_any_callback_scheduled_polls_alone_end_every_task(end: Any) -> None:
    for seconds in (3, 40, 600, 7000):
        harness = Harness()
        id = harness.submit().id
        done_at = harness.now.timestamp() + seconds

        class Later(FakeProvider):
            def observe(self, task: Task, harness: Harness = harness, done_at: float = done_at) -> Any:
                return end if harness.now.timestamp() >= done_at else RUNNING

        harness.provider = Later()
        harness.pass_(harness.executions.started[0][1])
        harness.see_through(id)
        assert harness.task(id).state is (State.SUCCESS if end is DONE else State.FAILED)
        assert harness.now.timestamp() - done_at <= max(60, 0.13 * seconds)
