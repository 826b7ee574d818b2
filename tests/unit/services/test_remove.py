from __future__ import annotations

from collections.abc import Collection

import pytest

from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.task import State, Task
from reelkeep.ports import Caller
from reelkeep.services.query import show
from reelkeep.services.remove import Remove
from tests.unit.services.stage import ALICE, MALLORY, QUEUED, RUNNING, FakeProvider, Stage


def removed(stage: Stage, id: str, keeps: Collection[State] = (), caller: Caller = ALICE) -> State:
    remove = Remove(stage.tasks, stage.archive, stage.cancel, stage.clock)
    task = remove(id, caller, keeps)
    return task.state


def test_what_has_not_begun_is_cancelled() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED]))
    assert removed(stage, stage.submit().id) is State.CANCELLED


def test_a_dialect_may_keep_what_was_cancelled_in_sight() -> None:
    stage = Stage(provider=FakeProvider(observations=[QUEUED]))
    id = stage.submit().id
    keeps = {State.CANCELLED}
    assert removed(stage, id, keeps) is State.CANCELLED
    with pytest.raises(CannotCancel):
        removed(stage, id, keeps)
    assert show(id, ALICE, tasks=stage.tasks).state is State.CANCELLED
    assert removed(stage, id) is State.CANCELLED
    with pytest.raises(NotFound):
        show(id, ALICE, tasks=stage.tasks)


def test_what_ended_is_out_of_sight_and_still_in_the_archive() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.see_through(id)
    assert removed(stage, id) is State.SUCCESS
    with pytest.raises(NotFound):
        show(id, ALICE, tasks=stage.tasks)
    assert stage.task(id).creations[0].assets[0].archived is not None
    assert stage.archive.manifests[-1] == stage.task(id)  # so it stays out of sight in a rebuilt table


def test_what_is_under_way_stays() -> None:
    stage = Stage(provider=FakeProvider(observations=[RUNNING], cancels=False))
    id = stage.submit().id
    stage.poll(id)
    with pytest.raises(CannotCancel):
        removed(stage, id)


def test_a_removal_that_the_archive_did_not_hear_of_gets_there_when_it_is_repeated() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.see_through(id)
    keep = stage.archive.write_manifest

    def broken(task: Task) -> None:
        raise ConnectionError

    stage.archive.write_manifest = broken
    with pytest.raises(ConnectionError):
        removed(stage, id)
    stage.archive.write_manifest = keep
    with pytest.raises(NotFound):
        removed(stage, id)
    assert stage.archive.manifests[-1] == stage.task(id)
    assert stage.task(id).removed_at


def test_only_its_owner_can_repeat_a_removal() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.see_through(id)
    removed(stage, id)
    before = list(stage.archive.manifests)
    for task_id in (id, "0" * 32, "../keys"):
        with pytest.raises(NotFound):
            removed(stage, task_id, caller=MALLORY)
    assert stage.archive.manifests == before


def test_what_is_removed_while_its_last_manifest_is_written_stays_out_of_sight_in_a_rebuilt_table() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.poll(id)
    keep = stage.archive.write_manifest

    def slow(task: Task) -> None:
        if stage.task(id).announcements.announced_at:
            stage.archive.write_manifest = keep
            removed(stage, id)
        keep(task)

    stage.archive.write_manifest = slow
    stage.finalize(id)
    assert stage.task(id).removed_at
    assert stage.archive.manifests[-1] == stage.task(id)
