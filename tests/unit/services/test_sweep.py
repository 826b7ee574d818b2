from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from reelkeep.domain.errors import TryLater
from reelkeep.domain.ids import SHARDS
from reelkeep.domain.observation import Succeeded
from reelkeep.domain.task import Task
from reelkeep.ports.archive import SourceBusy
from reelkeep.services.sweep import Swept
from tests.unit.services.harness import NOON, RUNNING, FakeProvider, Harness, creation


def test_a_task_whose_execution_died_gets_a_new_one_under_a_new_name() -> None:
    harness = Harness()
    task = harness.submit()
    assert harness.sweep(everything=True) == Swept(unfinished=1, restarted=1, links_expiring_soon=0)
    assert harness.task(task.id).executions == 1


def test_a_task_that_is_not_overdue_is_not_asked_about() -> None:
    harness = Harness()
    harness.submit()
    assert harness.sweep().restarted == 0


def test_a_task_whose_executions_all_die_is_restarted_less_and_less_often_and_never_given_up() -> None:
    harness = Harness()
    harness.submit()
    restarts = []
    for minutes in range(0, 3 * 24 * 60, 5):  # each sweep of three days; each execution dies at once
        if harness.sweep().restarted:
            restarts.append(minutes)
        harness.pass_(300)
    waits = [later - earlier for earlier, later in pairwise(restarts)]
    assert waits[:6] == [20, 30, 50, 90, 170, 330]
    assert set(waits[6:]) == {370}  # six hours, and ten minutes in which somebody may still be looking


def test_after_a_successful_poll_the_sweep_restarts_without_delay_again() -> None:
    harness = Harness(provider=FakeProvider(observations=[RUNNING]))
    id = harness.submit().id
    for _ in range(10):
        harness.sweep(everything=True)
    harness.poll(id)
    harness.pass_(15 * 60)
    assert harness.sweep().restarted == 1


def test_runs_that_callbacks_and_free_slots_have_started_do_not_make_the_sweep_slower() -> None:
    harness = Harness()
    task_id = harness.submit().id
    harness.tasks.recorded[task_id] = replace(harness.task(task_id), executions=5)
    harness.pass_(3600)
    harness.sweep()
    assert harness.task(task_id).polling.next_poll_at == harness.now + timedelta(minutes=10)


def test_a_finished_task_that_is_not_announced_is_swept() -> None:
    harness = Harness(provider=FakeProvider(observations=[Succeeded((creation(),))]))
    id = harness.submit().id
    harness.see_through(id)
    assert harness.sweep().unfinished == 0
    harness.tasks.save(harness.task(id).with_announcements(announced_at=None))
    assert harness.sweep().unfinished == 1


def test_tasks_about_to_lose_their_links_are_counted_unless_they_have_only_just_been_made() -> None:
    dying = creation()
    [asset] = dying.assets
    soon = replace(dying, assets=(replace(asset, expires_at=NOON + timedelta(hours=3)),))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = harness.submit().id
    harness.poll(id)
    later = replace(dying, assets=(replace(asset, expires_at=NOON + timedelta(hours=5)),))
    harness.provider.observations = [Succeeded((later,))]
    harness.poll(harness.submit().id)
    assert harness.sweep().links_expiring_soon == 0
    harness.pass_(600)
    assert harness.sweep().links_expiring_soon == 1


def test_one_dead_cover_raises_no_alarm() -> None:
    made = creation("c1", "video", "cover")
    video, cover = made.assets
    dead = replace(made, assets=(video, replace(cover, expires_at=NOON + timedelta(hours=1))))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((dead,))]))
    harness.poll(harness.submit().id)
    harness.pass_(1800)
    assert harness.sweep().links_expiring_soon == 0
    assert [alert["type"] for alert in harness.notices.alerts] == ["reelkeep.task.links-expiring"]


def test_copies_that_are_tried_again_and_again_do_not_hide_that_links_are_about_to_die() -> None:
    made = creation("c1", "video", "cover")
    deaths = (NOON + timedelta(hours=3), NOON + timedelta(hours=24))
    assets = tuple(replace(asset, expires_at=at) for asset, at in zip(made.assets, deaths, strict=True))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((replace(made, assets=assets),))]))
    harness.archive.faults["files.test"] = [SourceBusy("503")]
    id = harness.submit().id
    harness.poll(id)
    harness.pass_(600)
    harness.finalize(id)
    assert harness.sweep().links_expiring_soon == 1


def test_links_to_archived_files_may_die() -> None:
    made = creation("c1", "video", "cover")
    video, cover = made.assets
    dying = replace(made, assets=(replace(video, expires_at=NOON + timedelta(hours=3)), cover))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((dying,))]))
    harness.archive.faults["cover"] = [SourceBusy("503")]
    id = harness.submit().id
    harness.poll(id)
    harness.finalize(id)
    harness.pass_(600)
    assert harness.sweep().links_expiring_soon == 0


def test_operators_get_one_event_that_links_are_about_to_die() -> None:
    dying = creation("c1", "video", "cover")
    video, cover = dying.assets
    soon = replace(dying, assets=(replace(video, expires_at=NOON + timedelta(hours=3)), cover))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = harness.submit().id
    harness.poll(id)
    harness.sweep()
    assert harness.notices.alerts == []
    harness.pass_(600)
    harness.sweep()
    harness.sweep()
    [alert] = harness.notices.alerts
    assert (alert["type"], alert["id"]) == ("reelkeep.task.links-expiring", f"{id}.links-expiring")
    assert alert["data"]["files"] == [
        {"creation": f"{id}-1", "file": "video", "dies_at": "2026-11-21T15:00:00.000+00:00"},
        {"creation": f"{id}-1", "file": "cover", "dies_at": None},
    ]
    assert "files.test" not in repr(alert)
    assert harness.notices.told == []


def test_an_alert_that_could_not_be_sent_is_sent_by_the_next_sweep_and_holds_up_no_task() -> None:
    dying = creation()
    soon = replace(dying, assets=(replace(dying.assets[0], expires_at=NOON + timedelta(hours=3)),))
    harness = Harness(provider=FakeProvider(observations=[Succeeded((soon,))]))
    id = harness.submit().id
    harness.poll(id)
    harness.pass_(3600)
    harness.notices.faults = [ConnectionError("the topic is down"), None]
    with pytest.raises(ConnectionError):
        harness.sweep()
    assert harness.task(id).executions == 1
    harness.sweep()
    assert len(harness.notices.alerts) == 1


def test_what_is_nearest_to_losing_its_links_is_restarted_first() -> None:
    harness = Harness()
    late, soon, running = (harness.submit() for _ in range(3))
    for task, hours in ((late, 20), (soon, 3)):
        [asset] = creation().assets
        dying = replace(creation(), assets=(replace(asset, expires_at=NOON + timedelta(hours=hours)),))
        harness.provider.observations = [Succeeded((dying,))]
        harness.poll(task.id)
    harness.executions.started.clear()
    harness.sweep(everything=True)
    assert [id for id, _ in harness.executions.started] == [soon.id, late.id, running.id]


def test_of_tasks_whose_links_do_not_say_what_was_made_first_is_restarted_first() -> None:
    harness = Harness()
    first, second = harness.submit(), harness.submit()
    for task in (first, second):
        harness.poll(task.id)
        harness.pass_(3600)
    harness.archive.faults["files.test"] = [SourceBusy("503")]
    harness.finalize(first.id)  # which changes it last
    harness.executions.started.clear()
    harness.sweep(everything=True)
    assert [id for id, _ in harness.executions.started] == [first.id, second.id]


def test_a_task_without_a_next_poll_is_overdue_soon_after_its_last_change() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.tasks.save(harness.task(id).with_polling(next_poll_at=None))
    assert harness.sweep().restarted == 0
    harness.pass_(600)
    assert harness.sweep().restarted == 1


def test_an_execution_that_cannot_be_started_does_not_keep_the_others_from_theirs() -> None:
    harness = Harness()
    one, *others = [harness.submit().id for _ in range(3)]
    start = harness.executions.start

    def throttled(task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        if task.id == one:
            raise TryLater("throttled")
        start(task, wait_seconds, provider_task_id)

    harness.executions.start = throttled
    assert harness.sweep(everything=True) == Swept(unfinished=3, restarted=2, links_expiring_soon=0, left=1)
    assert {id for id, _ in harness.executions.started[3:]} == set(others)
    assert harness.task(one).executions == 0
    harness.executions.start = start
    harness.pass_(700)
    assert harness.sweep().restarted == 1


def test_if_no_execution_can_be_started_the_sweep_fails_after_the_alerts_are_sent() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.poll(id)
    links = creation(round=2)
    dying = replace(links.assets[0], expires_at=harness.now + timedelta(hours=1))
    harness.tasks.save(replace(harness.task(id), creations=(replace(links, assets=(dying,)),)))
    harness.pass_(1800)
    harness.executions.fault = TryLater("throttled")
    with pytest.raises(TryLater, match="throttled"):
        harness.sweep(everything=True)
    assert len(harness.notices.alerts) == 1


def test_what_is_too_much_for_one_invocation_is_swept_shard_by_shard() -> None:
    harness = Harness(most_swept=150)
    ids = {harness.submit().id for _ in range(400)}
    harness.pass_(3600)
    harness.executions.started.clear()
    assert harness.sweep() == Swept(unfinished=400, restarted=0, links_expiring_soon=0, handed_on=16)
    assert harness.executions.started == []
    swept = [harness.sweep(shards=shard) for shard in harness.handed_on]
    assert sum(each.restarted for each in swept) == sum(each.unfinished for each in swept) == 400
    assert sorted(id for id, _ in harness.executions.started) == sorted(ids)


def test_a_shard_that_is_too_large_loses_nothing_and_begins_with_the_most_urgent() -> None:
    harness = Harness(most_swept=1)
    ids = [harness.submit().id[:-1] + "a" for _ in range(3)]
    for hours, id in zip((2, 3, 1), ids, strict=True):
        made = replace(next(iter(harness.tasks.recorded.values())), id=id, succeeded_at=NOON - timedelta(hours=hours))
        harness.tasks.recorded[id] = made
    harness.pass_(3600)
    harness.executions.started.clear()
    swept = [harness.sweep(shards="a") for _ in range(3)]
    assert [id for id, _ in harness.executions.started if id in ids] == [ids[1], ids[0], ids[2]]
    assert swept[0].left == swept[0].unfinished - 1
    assert all(each.restarted == 1 for each in swept)


def test_a_sweep_that_has_no_time_to_read_everything_hands_it_on() -> None:
    harness = Harness()
    for _ in range(200):
        harness.submit()
    harness.seconds_left = 119
    assert harness.sweep() == Swept(unfinished=100, restarted=0, links_expiring_soon=0, handed_on=16)
    assert harness.handed_on == list(SHARDS)


def test_two_sweeps_at_once_start_one_run() -> None:
    harness = Harness()
    id = harness.submit().id
    harness.pass_(3600)
    start = harness.executions.start

    def meanwhile(task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        harness.executions.start = start
        start(task, wait_seconds, provider_task_id)
        harness.sweep()

    harness.executions.start = meanwhile
    harness.sweep()
    assert harness.executions.runs[id] == {0, 1}
    assert harness.task(id).executions == 1


def test_a_sweep_ends_before_its_time_is_over_and_still_sends_alerts() -> None:
    harness = Harness()
    for _ in range(3):
        id = harness.submit().id
        harness.poll(id)
        dying = replace(creation().assets[0], expires_at=harness.now + timedelta(hours=1))
        harness.tasks.save(replace(harness.task(id), creations=(replace(creation(), assets=(dying,)),)))
    harness.pass_(1800)
    start = harness.executions.start

    def slow(task: Task, wait_seconds: int, provider_task_id: str = "") -> None:
        harness.seconds_left -= 100
        start(task, wait_seconds, provider_task_id)

    harness.executions.start = slow
    harness.seconds_left = 250
    assert harness.sweep(everything=True) == Swept(unfinished=3, restarted=2, links_expiring_soon=3, left=1)
    assert len(harness.notices.alerts) == 3
