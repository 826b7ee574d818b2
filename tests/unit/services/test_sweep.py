from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from reelkeep.domain.errors import TryLater
from reelkeep.domain.ids import SHARDS
from reelkeep.domain.observation import Succeeded
from reelkeep.domain.task import Task
from reelkeep.ports import SourceBusy
from reelkeep.services.sweep import Swept
from tests.unit.services.stage import NOON, RUNNING, FakeProvider, Stage, creation


def test_a_task_whose_execution_died_gets_a_new_one_under_a_new_name() -> None:
    stage = Stage()
    task = stage.submit()
    assert stage.sweep(everything=True) == Swept(unfinished=1, restarted=1, links_expiring_soon=0)
    assert stage.task(task.id).executions == 1


def test_a_task_that_is_not_overdue_is_not_asked_about() -> None:
    stage = Stage()
    stage.submit()
    assert stage.sweep().restarted == 0


def test_a_task_that_no_execution_gets_on_with_is_tried_ever_more_seldom_and_never_given_up() -> None:
    stage = Stage()
    stage.submit()
    restarts = []
    for minutes in range(0, 3 * 24 * 60, 5):  # each sweep of three days; each execution dies at once
        if stage.sweep().restarted:
            restarts.append(minutes)
        stage.pass_(300)
    waits = [later - earlier for earlier, later in pairwise(restarts)]
    assert waits[:6] == [20, 30, 50, 90, 170, 330]
    assert set(waits[6:]) == {370}  # six hours, and ten minutes in which somebody may still be looking


def test_a_look_that_succeeds_makes_the_sweep_attentive_again() -> None:
    stage = Stage(provider=FakeProvider(observations=[RUNNING]))
    id = stage.submit().id
    for _ in range(10):
        stage.sweep(everything=True)
    stage.poll(id)
    stage.pass_(15 * 60)
    assert stage.sweep().restarted == 1


def test_runs_that_callbacks_and_free_slots_have_started_do_not_make_the_sweep_slower() -> None:
    stage = Stage()
    task_id = stage.submit().id
    stage.tasks.recorded[task_id] = replace(stage.task(task_id), executions=5)
    stage.pass_(3600)
    stage.sweep()
    assert stage.task(task_id).polling.next_poll_at == stage.now + timedelta(minutes=10)


def test_a_finished_task_that_nobody_was_told_of_is_unfinished_business() -> None:
    stage = Stage(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    id = stage.submit().id
    stage.see_through(id)
    assert stage.sweep().unfinished == 0
    stage.tasks.save(stage.task(id).with_announcements(announced_at=None))
    assert stage.sweep().unfinished == 1


def test_tasks_about_to_lose_their_links_are_counted_unless_they_have_only_just_been_made() -> None:
    dying = creation()
    [asset] = dying.assets
    soon = replace(dying, assets=(replace(asset, expires_at=NOON + timedelta(hours=3)),))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = stage.submit().id
    stage.poll(id)
    later = replace(dying, assets=(replace(asset, expires_at=NOON + timedelta(hours=5)),))
    stage.provider.observations = [Succeeded((later,))]
    stage.poll(stage.submit().id)
    assert stage.sweep().links_expiring_soon == 0
    stage.pass_(600)
    assert stage.sweep().links_expiring_soon == 1


def test_one_dead_cover_is_no_alarm() -> None:
    made = creation("c1", "video", "cover")
    video, cover = made.assets
    dead = replace(made, assets=(video, replace(cover, expires_at=NOON + timedelta(hours=1))))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((dead,))]))
    stage.poll(stage.submit().id)
    stage.pass_(1800)
    assert stage.sweep().links_expiring_soon == 0
    assert [alert["type"] for alert in stage.notices.alerts] == ["reelkeep.task.links-expiring"]


def test_copies_that_are_tried_again_and_again_do_not_hide_that_links_are_about_to_die() -> None:
    made = creation("c1", "video", "cover")
    deaths = (NOON + timedelta(hours=3), NOON + timedelta(hours=24))
    assets = tuple(replace(asset, expires_at=at) for asset, at in zip(made.assets, deaths, strict=True))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((replace(made, assets=assets),))]))
    stage.archive.faults["files.test"] = [SourceBusy("503")]
    id = stage.submit().id
    stage.poll(id)
    stage.pass_(600)
    stage.finalize(id)
    assert stage.sweep().links_expiring_soon == 1


def test_links_to_what_is_kept_already_may_die() -> None:
    made = creation("c1", "video", "cover")
    video, cover = made.assets
    dying = replace(made, assets=(replace(video, expires_at=NOON + timedelta(hours=3)), cover))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((dying,))]))
    stage.archive.faults["cover"] = [SourceBusy("503")]
    id = stage.submit().id
    stage.poll(id)
    stage.finalize(id)
    stage.pass_(600)
    assert stage.sweep().links_expiring_soon == 0


def test_operators_are_told_once_that_links_are_about_to_die() -> None:
    dying = creation("c1", "video", "cover")
    video, cover = dying.assets
    soon = replace(dying, assets=(replace(video, expires_at=NOON + timedelta(hours=3)), cover))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = stage.submit().id
    stage.poll(id)
    stage.sweep()
    assert stage.notices.alerts == []
    stage.pass_(600)
    stage.sweep()
    stage.sweep()
    [alert] = stage.notices.alerts
    assert (alert["type"], alert["id"]) == ("reelkeep.task.links-expiring", f"{id}.links-expiring")
    assert alert["data"]["files"] == [
        {"creation": f"{id}-1", "file": "video", "dies_at": "2026-11-21T15:00:00.000+00:00"},
        {"creation": f"{id}-1", "file": "cover", "dies_at": None},
    ]
    assert "files.test" not in repr(alert)
    assert stage.notices.told == []


def test_an_alert_that_could_not_be_sent_is_sent_by_the_next_sweep_and_holds_up_no_task() -> None:
    dying = creation()
    soon = replace(dying, assets=(replace(dying.assets[0], expires_at=NOON + timedelta(hours=3)),))
    stage = Stage(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = stage.submit().id
    stage.poll(id)
    stage.pass_(3600)
    stage.notices.faults = [ConnectionError("the topic is down"), None]
    with pytest.raises(ConnectionError):
        stage.sweep()
    assert stage.task(id).executions == 1
    stage.sweep()
    assert len(stage.notices.alerts) == 1


def test_what_is_nearest_to_losing_its_links_is_restarted_first() -> None:
    stage = Stage()
    late, soon, running = (stage.submit() for _ in range(3))
    for task, hours in ((late, 20), (soon, 3)):
        [asset] = creation().assets
        dying = replace(creation(), assets=(replace(asset, expires_at=NOON + timedelta(hours=hours)),))
        stage.provider.observations = [Succeeded((dying,))]
        stage.poll(task.id)
    stage.executions.started.clear()
    stage.sweep(everything=True)
    assert [id for id, _ in stage.executions.started] == [soon.id, late.id, running.id]


def test_of_tasks_whose_links_do_not_say_what_was_made_first_is_restarted_first() -> None:
    stage = Stage()
    first, second = stage.submit(), stage.submit()
    for task in (first, second):
        stage.poll(task.id)
        stage.pass_(3600)
    stage.archive.faults["files.test"] = [SourceBusy("503")]
    stage.finalize(first.id)  # which changes it last
    stage.executions.started.clear()
    stage.sweep(everything=True)
    assert [id for id, _ in stage.executions.started] == [first.id, second.id]


def test_a_task_without_a_next_look_is_overdue_soon_after_its_last_change() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.tasks.save(stage.task(id).with_polling(next_poll_at=None))
    assert stage.sweep().restarted == 0
    stage.pass_(600)
    assert stage.sweep().restarted == 1


def test_an_execution_that_cannot_be_started_does_not_keep_the_others_from_theirs() -> None:
    stage = Stage()
    one, *others = [stage.submit().id for _ in range(3)]
    start = stage.executions.start

    def throttled(task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        if task.id == one:
            raise TryLater("throttled")
        start(task, wait_seconds, provider_task_id)

    stage.executions.start = throttled
    assert stage.sweep(everything=True) == Swept(unfinished=3, restarted=2, links_expiring_soon=0, left=1)
    assert {id for id, _ in stage.executions.started[3:]} == set(others)
    assert stage.task(one).executions == 0
    stage.executions.start = start
    stage.pass_(700)
    assert stage.sweep().restarted == 1


def test_that_no_execution_can_be_started_is_a_fault_once_operators_were_told() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.poll(id)
    links = creation(round=2)
    dying = replace(links.assets[0], expires_at=stage.now + timedelta(hours=1))
    stage.tasks.save(replace(stage.task(id), creations=(replace(links, assets=(dying,)),)))
    stage.pass_(1800)
    stage.executions.fault = TryLater("throttled")
    with pytest.raises(TryLater, match="throttled"):
        stage.sweep(everything=True)
    assert len(stage.notices.alerts) == 1


def test_what_is_too_much_for_one_invocation_is_swept_shard_by_shard() -> None:
    stage = Stage(most_swept=150)
    ids = {stage.submit().id for _ in range(400)}
    stage.pass_(3600)
    stage.executions.started.clear()
    assert stage.sweep() == Swept(unfinished=400, restarted=0, links_expiring_soon=0, handed_on=16)
    assert stage.executions.started == []
    swept = [stage.sweep(shards=shard) for shard in stage.handed_on]
    assert sum(each.restarted for each in swept) == sum(each.unfinished for each in swept) == 400
    assert sorted(id for id, _ in stage.executions.started) == sorted(ids)


def test_a_shard_that_is_too_large_loses_nothing_and_begins_with_the_most_urgent() -> None:
    stage = Stage(most_swept=1)
    ids = [stage.submit().id[:-1] + "a" for _ in range(3)]
    for hours, id in zip((2, 3, 1), ids, strict=True):
        made = replace(next(iter(stage.tasks.recorded.values())), id=id, succeeded_at=NOON - timedelta(hours=hours))
        stage.tasks.recorded[id] = made
    stage.pass_(3600)
    stage.executions.started.clear()
    swept = [stage.sweep(shards="a") for _ in range(3)]
    assert [id for id, _ in stage.executions.started if id in ids] == [ids[1], ids[0], ids[2]]
    assert swept[0].left == swept[0].unfinished - 1
    assert all(each.restarted == 1 for each in swept)


def test_a_sweep_that_has_no_time_to_read_everything_hands_it_on() -> None:
    stage = Stage()
    for _ in range(200):
        stage.submit()
    stage.seconds_left = 119
    assert stage.sweep() == Swept(unfinished=100, restarted=0, links_expiring_soon=0, handed_on=16)
    assert stage.handed_on == list(SHARDS)


def test_two_sweeps_at_once_start_one_run() -> None:
    stage = Stage()
    id = stage.submit().id
    stage.pass_(3600)
    start = stage.executions.start

    def meanwhile(task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        stage.executions.start = start
        start(task, wait_seconds, provider_task_id)
        stage.sweep()

    stage.executions.start = meanwhile
    stage.sweep()
    assert stage.executions.runs[id] == {0, 1}
    assert stage.task(id).executions == 1


def test_a_sweep_ends_before_its_time_is_over_and_still_tells_operators() -> None:
    stage = Stage()
    for _ in range(3):
        id = stage.submit().id
        stage.poll(id)
        dying = replace(creation().assets[0], expires_at=stage.now + timedelta(hours=1))
        stage.tasks.save(replace(stage.task(id), creations=(replace(creation(), assets=(dying,)),)))
    stage.pass_(1800)
    start = stage.executions.start

    def slow(task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        stage.seconds_left -= 100
        start(task, wait_seconds, provider_task_id)

    stage.executions.start = slow
    stage.seconds_left = 250
    assert stage.sweep(everything=True) == Swept(unfinished=3, restarted=2, links_expiring_soon=3, left=1)
    assert len(stage.notices.alerts) == 3
