from __future__ import annotations

from collections.abc import Collection

import pytest

from reelkeep.domain.errors import CannotCancel, NotFound
from reelkeep.domain.task import State
from reelkeep.services.query import show
from reelkeep.services.remove import remove
from tests.unit.services.stage import ALICE, QUEUED, RUNNING, FakeProvider, FakeProviders, Stage


def removed(stage: Stage, id: str, keeps: Collection[State] = ()) -> State:
    task = remove(
        id,
        ALICE,
        keeps,
        tasks=stage.tasks,
        manifests=stage.archive,
        providers=FakeProviders(stage.provider),
        clock=stage.clock,
    )
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
    assert stage.task(id).creations[0].assets[0].kept is not None
    assert stage.archive.manifests[-1] == stage.task(id)  # so it stays out of sight in a rebuilt table


def test_what_is_under_way_stays() -> None:
    stage = Stage(provider=FakeProvider(observations=[RUNNING], cancels=False))
    id = stage.submit().id
    stage.poll(id)
    with pytest.raises(CannotCancel):
        removed(stage, id)
