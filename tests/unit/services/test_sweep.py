from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from reelkeep.domain.observation import Succeeded
from reelkeep.services.sweep import Swept
from tests.unit.services.stage import NOON, FakeProvider, Stage, creation


def test_a_task_whose_execution_died_gets_a_new_one_under_a_new_name() -> None:
    stage = Stage()
    task = stage.submit()
    stage.executions.names.clear()
    assert stage.sweep(everything=True) == Swept(unfinished=1, restarted=1, links_expiring_soon=0)
    assert stage.task(task.id).runs == 1


def test_a_task_with_a_running_execution_is_left_alone() -> None:
    stage = Stage()
    stage.submit()
    stage.pass_(24 * 3600)
    assert stage.sweep().restarted == 0


def test_a_task_that_is_not_overdue_is_not_asked_about() -> None:
    stage = Stage()
    stage.submit()
    stage.executions.names.clear()
    assert stage.sweep().restarted == 0


def test_a_finished_task_that_nobody_was_told_of_is_unfinished_business() -> None:
    stage = Stage(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    id = stage.submit().id
    stage.see_through(id)
    assert stage.sweep().unfinished == 0
    stage.tasks.save(replace(stage.task(id), told_at=None))
    assert stage.sweep().unfinished == 1


def test_tasks_about_to_lose_their_links_are_counted() -> None:
    dying = creation()
    [asset] = dying.assets
    soon = replace(dying, assets=(replace(asset, expires_at=NOON + timedelta(hours=3)),))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = stage.submit().id
    stage.poll(id)
    assert stage.sweep().links_expiring_soon == 1
