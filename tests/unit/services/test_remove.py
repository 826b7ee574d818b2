from __future__ import annotations

from collections.abc import Collection

import pytest

from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.task import State, Task
from reelkeep.ports.owners import Caller
from reelkeep.services.organize import Organize
from reelkeep.services.query import show
from reelkeep.services.remove import Remove
from tests.unit.services.harness import ALICE, MALLORY, QUEUED, RUNNING, FakeProvider, Harness


def removed(harness: Harness, id: str, keeps: Collection[State] = (), caller: Caller = ALICE) -> State:
    organize = Organize(harness.tasks, harness.archive, harness.clock)
    remove = Remove(harness.tasks, organize, harness.cancel)
    task = remove(id, caller, keeps)
    return task.state


def test_what_has_not_begun_is_cancelled() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED]))
    assert removed(harness, harness.submit().id) is State.CANCELLED


def test_a_dialect_may_keep_what_was_cancelled_in_sight() -> None:
    harness = Harness(provider=FakeProvider(observations=[QUEUED]))
    id = harness.submit().id
    keeps = {State.CANCELLED}
    assert removed(harness, id, keeps) is State.CANCELLED
    with pytest.raises(CannotCancel):
        removed(harness, id, keeps)
    assert show(id, ALICE, tasks=harness.tasks).state is State.CANCELLED
    assert removed(harness, id) is State.CANCELLED
    with pytest.raises(NotFound):
        show(id, ALICE, tasks=harness.tasks)


def test_what_ended_is_out_of_sight_and_still_in_the_archive() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.see_through(id)
    assert removed(harness, id) is State.SUCCESS
    with pytest.raises(NotFound):
        show(id, ALICE, tasks=harness.tasks)
    assert harness.task(id).creations[0].assets[0].archived is not None
    assert harness.archive.manifests[-1] == harness.task(id)  # so it stays out of sight in a rebuilt table


def test_what_is_under_way_stays() -> None:
    harness = Harness(provider=FakeProvider(observations=[RUNNING], cancels=False))
    id = harness.submit().id
    harness.poll(id)
    with pytest.raises(CannotCancel):
        removed(harness, id)


def test_a_removal_that_the_archive_did_not_hear_of_gets_there_when_it_is_repeated() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.see_through(id)
    keep = harness.archive.write_manifest

    def broken(task: Task) -> None:
        raise ConnectionError

    harness.archive.write_manifest = broken
    with pytest.raises(ConnectionError):
        removed(harness, id)
    harness.archive.write_manifest = keep
    with pytest.raises(NotFound):
        removed(harness, id)
    assert harness.archive.manifests[-1] == harness.task(id)
    assert harness.task(id).removed_at


def test_only_its_owner_can_repeat_a_removal() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.see_through(id)
    removed(harness, id)
    before = list(harness.archive.manifests)
    for task_id in (id, "0" * 32, "../keys"):
        with pytest.raises(NotFound):
            removed(harness, task_id, caller=MALLORY)
    assert harness.archive.manifests == before


def test_what_is_removed_while_its_last_manifest_is_written_stays_out_of_sight_in_a_rebuilt_table() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.poll(id)
    keep = harness.archive.write_manifest

    def slow(task: Task) -> None:
        if harness.task(id).announcements.announced_at:
            harness.archive.write_manifest = keep
            removed(harness, id)
        keep(task)

    harness.archive.write_manifest = slow
    harness.finalize(id)
    assert harness.task(id).removed_at
    assert harness.archive.manifests[-1] == harness.task(id)
