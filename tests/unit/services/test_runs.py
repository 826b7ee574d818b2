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
from reelkeep.ports import Source
from reelkeep.services.poll import Verdict
from tests.unit.services.stage import QUEUED, RUNNING, FakeArchive, FakeProvider, Stage, creation

FILES = ("video", "cover", "watermarked")


def archiving(**changes: Any) -> tuple[Stage, str]:
    """A task whose files are ready."""
    stage = Stage(provider=FakeProvider(observations=[Succeeded((creation("c1", *FILES),))]), **changes)
    id = stage.submit().id
    stage.poll(id)
    return stage, id


def superseding(stage: Stage, id: str, run: int = 1) -> None:
    stage.tasks.save(replace(stage.task(id), executions=run))


@pytest.mark.parametrize("step", ["poll", "finalize"])
def test_a_run_that_is_not_the_current_one_ends_at_once_and_touches_nothing(step: str) -> None:
    stage, id = archiving()
    superseding(stage, id, run=3)
    before = stage.task(id)
    for run in (0, 1, 2):
        verdict = getattr(stage, step)(id, run=run)
        assert (verdict.run, verdict.finished, verdict.superseded) == (run, True, True)
    assert (stage.task(id), stage.archive.copies, stage.notices.told) == (before, [], [])


def test_a_poll_that_was_under_way_when_a_newer_run_took_over_records_nothing() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED]))
    id = stage.submit().id

    class TakenOver(FakeProvider):
        def observe(self, task: Task) -> Observation:
            superseding(stage, id)
            return RUNNING

    stage.provider = TakenOver()
    assert stage.poll(id, run=0).superseded
    assert (stage.task(id).state, stage.task(id).polling.polls) == (State.QUEUEING, 0)


def test_a_copy_that_was_under_way_when_a_newer_run_took_over_is_the_last_one() -> None:
    stage, id = archiving()
    archive = stage.archive.archive

    def taken_over(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        superseding(stage, id)
        return archive(task, number, name, source, seconds)

    stage.archive.archive = taken_over
    assert stage.finalize(id, run=0).superseded
    assert len(stage.archive.copies) == 1
    assert not any(asset.archived for asset in stage.task(id).assets)


def test_what_only_an_earlier_run_knows_of_the_submission_is_not_lost_with_it() -> None:
    """Its answer could not be recorded, and travels with that run alone."""
    stage = Stage(provider=FakeProvider(outcomes=[NotYet(), Accepted("another one")]))
    id = stage.submit().id
    superseding(stage, id)
    stage.executions.unrecorded[id] = "p-1"
    assert stage.poll(id, run=0).superseded
    assert (stage.task(id).provider_task_id, stage.task(id).executions) == ("p-1", 1)
    assert len(stage.provider.dispatched) == 1


def test_a_newer_run_takes_over_with_its_first_write() -> None:
    stage, id = archiving()
    stage.finalize(id, run=2)
    assert stage.task(id).executions == 2
    assert stage.finalize(id, run=1).superseded


def test_an_execution_that_knows_no_number_goes_on_as_the_current_run() -> None:
    stage, id = archiving()
    superseding(stage, id, run=4)
    assert (stage.poll(id).answer["run"], stage.finalize(id).answer["run"]) == (4, 4)
    assert stage.task(id).state is State.SUCCESS


def test_two_finalizes_at_once_copy_each_file_once() -> None:
    together = Barrier(2)

    class Meeting(FakeArchive):
        """The first copy begins when the other finalize has had its turn, too."""

        def archive(self, task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
            if not self.copies:
                together.wait(10)
            return super().archive(task, number, name, source, seconds)

    stage, id = archiving(archive=Meeting())

    def finalize(_: int) -> Verdict:
        verdict = stage.finalize(id, run=0)
        if not verdict.finished:
            together.wait(10)
        return verdict

    with ThreadPoolExecutor(2) as threads:
        verdicts = list(threads.map(finalize, range(2)))
    assert sorted(verdict.finished for verdict in verdicts) == [False, True]
    assert sorted(stage.archive.copies) == sorted(asset.source for asset in creation("c1", *FILES).assets)
    assert (stage.task(id).state, len(stage.notices.told)) == (State.SUCCESS, 1)
    assert stage.finalize(id, run=0).finished  # whoever had to wait


def test_a_finalize_that_was_killed_holds_the_files_no_longer_than_it_could_have_lived() -> None:
    stage, id = archiving()

    def killed(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        raise KeyboardInterrupt

    archive, stage.archive.archive, stage.seconds_left = stage.archive.archive, killed, 300
    with pytest.raises(KeyboardInterrupt):
        stage.finalize(id)
    stage.archive.archive, killed_at = archive, stage.now
    while not (verdict := stage.finalize(id)).finished:
        stage.pass_(verdict.wait_seconds)
    assert stage.now - killed_at == timedelta(seconds=300)
    assert len(stage.archive.copies) == len(FILES)


def test_a_finalize_that_met_a_fault_of_ours_leaves_the_files_to_the_next_one() -> None:
    stage, id = archiving()
    stage.archive.faults["cover"] = [RuntimeError("the bucket is out of order"), None]
    with pytest.raises(RuntimeError):
        stage.finalize(id)
    assert stage.finalize(id).finished
    assert len(stage.archive.copies) == len(FILES)


def test_a_run_that_the_sweep_starts_does_not_wait_for_one_that_died() -> None:
    stage, id = archiving()
    stage.tasks.save(replace(stage.task(id), copying_until=stage.now + timedelta(minutes=15)))
    stage.sweep(everything=True)
    assert stage.finalize(id, run=1).finished


def test_a_finalize_that_copies_for_long_is_not_overdue() -> None:
    stage, id = archiving()
    archive = stage.archive.archive

    def slow(task: Task, number: int, name: str, source: Source, seconds: float) -> ArchivedFile:
        stage.pass_(800)
        assert stage.sweep().restarted == 0
        stage.archive.archive = archive
        return archive(task, number, name, source, seconds)

    stage.archive.archive = slow
    assert stage.finalize(id).finished
