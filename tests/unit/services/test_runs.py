"""A task has one current run. What another one does changes nothing, and no file is copied twice at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from reelkeep.domain.observation import Accepted, NotYet, Observation, Succeeded
from reelkeep.domain.task import ArchivedFile, State, Task
from reelkeep.ports.providers import Source
from reelkeep.services.poll import Verdict
from tests.unit.services.harness import QUEUED, RUNNING, FakeArchive, FakeProvider, Harness, creation

FILES = ("video", "cover", "watermarked")


def archiving(**changes: Any) -> tuple[Harness, str]:
    """A task whose files are ready."""
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation("c1", *FILES),))]), **changes)
    id = harness.submit().id
    harness.poll(id)
    return harness, id


def superseding(harness: Harness, id: str, run: int = 1) -> None:
    harness.tasks.save(replace(harness.task(id), executions=run))


@pytest.mark.parametrize("step", ["poll", "finalize"])
def test_a_run_that_is_not_the_current_one_ends_at_once_and_touches_nothing(step: str) -> None:
    harness, id = archiving()
    superseding(harness, id, run=3)
    before = harness.task(id)
    for run in (0, 1, 2):
        verdict = getattr(harness, step)(id, run=run)
        assert (verdict.run, verdict.finished, verdict.superseded) == (run, True, True)
    assert (harness.task(id), harness.archive.copies, harness.notices.told) == (before, [], [])


def test_a_poll_that_was_under_way_when_a_newer_run_took_over_records_nothing() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED]))
    id = harness.submit().id

    class TakenOver(FakeProvider):
        def observe(self, task: Task) -> Observation:
            superseding(harness, id)
            return RUNNING

    harness.provider = TakenOver()
    assert harness.poll(id, run=0).superseded
    assert (harness.task(id).state, harness.task(id).polling.polls) == (State.QUEUEING, 0)


def test_a_copy_that_was_under_way_when_a_newer_run_took_over_is_the_last_one() -> None:
    harness, id = archiving()
    archive = harness.archive.archive

    def taken_over(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        superseding(harness, id)
        return archive(task, number, name, source, seconds)

    harness.archive.archive = taken_over
    assert harness.finalize(id, run=0).superseded
    assert len(harness.archive.copies) == 1
    assert not any(asset.archived for asset in harness.task(id).assets)


def test_what_only_an_earlier_run_knows_of_the_submission_is_not_lost_with_it() -> None:
    """Its answer could not be recorded, and travels with that run alone."""
    harness = Harness(provider=FakeProvider(outcomes=[NotYet(), Accepted("another one")]))
    id = harness.submit().id
    superseding(harness, id)
    harness.executions.unrecorded[id] = "p-1"
    assert harness.poll(id, run=0).superseded
    assert (harness.task(id).provider_task_id, harness.task(id).executions) == ("p-1", 1)
    assert len(harness.provider.dispatched) == 1


def test_a_newer_run_takes_over_with_its_first_write() -> None:
    harness, id = archiving()
    harness.finalize(id, run=2)
    assert harness.task(id).executions == 2
    assert harness.finalize(id, run=1).superseded


def test_an_execution_that_knows_no_number_goes_on_as_the_current_run() -> None:
    harness, id = archiving()
    superseding(harness, id, run=4)
    assert (harness.poll(id).answer["run"], harness.finalize(id).answer["run"]) == (4, 4)
    assert harness.task(id).state is State.SUCCESS


def test_two_finalizes_at_once_copy_each_file_once() -> None:
    together = Barrier(2)

    class Meeting(FakeArchive):
        """The first copy begins when the other finalize has had its turn, too."""

        def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
            if not self.copies:
                together.wait(10)
            return super().archive(task, number, name, source, seconds)

    harness, id = archiving(archive=Meeting())

    def finalize(_: int) -> Verdict:
        verdict = harness.finalize(id, run=0)
        if not verdict.finished:
            together.wait(10)
        return verdict

    with ThreadPoolExecutor(2) as threads:
        verdicts = list(threads.map(finalize, range(2)))
    assert sorted(verdict.finished for verdict in verdicts) == [False, True]
    assert sorted(harness.archive.copies) == sorted(asset.source for asset in creation("c1", *FILES).assets)
    assert (harness.task(id).state, len(harness.notices.told)) == (State.SUCCESS, 1)
    assert harness.finalize(id, run=0).finished  # whoever had to wait


def test_a_finalize_that_was_killed_holds_the_files_no_longer_than_it_could_have_lived() -> None:
    harness, id = archiving()

    def killed(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        raise KeyboardInterrupt

    archive, harness.archive.archive, harness.seconds_left = harness.archive.archive, killed, 300
    with pytest.raises(KeyboardInterrupt):
        harness.finalize(id)
    harness.archive.archive, killed_at = archive, harness.now
    while not (verdict := harness.finalize(id)).finished:
        harness.pass_(verdict.wait_seconds)
    assert harness.now - killed_at == timedelta(seconds=300)
    assert len(harness.archive.copies) == len(FILES)


def test_a_finalize_that_met_a_fault_of_ours_leaves_the_files_to_the_next_one() -> None:
    harness, id = archiving()
    harness.archive.faults["cover"] = [RuntimeError("the bucket is out of order"), None]
    with pytest.raises(RuntimeError):
        harness.finalize(id)
    assert harness.finalize(id).finished
    assert len(harness.archive.copies) == len(FILES)


def test_a_run_that_the_sweep_starts_does_not_wait_for_one_that_died() -> None:
    harness, id = archiving()
    harness.tasks.save(replace(harness.task(id), copying_until=harness.now + timedelta(minutes=15)))
    harness.sweep(everything=True)
    assert harness.finalize(id, run=1).finished


def test_a_finalize_that_copies_for_long_is_not_overdue() -> None:
    harness, id = archiving()
    archive = harness.archive.archive

    def slow(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        harness.pass_(800)
        assert harness.sweep().restarted == 0
        harness.archive.archive = archive
        return archive(task, number, name, source, seconds)

    harness.archive.archive = slow
    assert harness.finalize(id).finished
