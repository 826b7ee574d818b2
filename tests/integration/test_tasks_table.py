"""Tasks: what the table does, and that the fake which the services are tested with does the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.errors import InvalidRequest, Stale
from reelkeep.domain.ids import SHARDS
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import State
from reelkeep.ports.tasks import Tasks
from tests.fakes.tasks import FakeTasks
from tests.integration.example import NOON, a_task

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@pytest.fixture(params=["table", "fake"])
def tasks(request: pytest.FixtureRequest) -> FakeTasks | TableTasks:
    if request.param == "fake":
        return FakeTasks()
    return TableTasks(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


def test_a_task_is_read_as_it_was_created(tasks: Tasks) -> None:
    task = a_task()
    assert tasks.create(task) == task
    assert tasks.get(task.id) == task


def test_a_task_that_was_never_created_is_none(tasks: Tasks) -> None:
    assert tasks.get(a_task().id) is None


def test_an_id_is_taken_once(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    with pytest.raises(Stale):
        tasks.create(replace(task, owner="mallory"))
    assert tasks.get(task.id) == task


def test_a_saved_task_replaces_the_version_it_was_read_from(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    saved = tasks.save(task.advanced(State.QUEUEING, NOON, provider_task_id="p-1"))
    assert saved == replace(task, state=State.QUEUEING, provider_task_id="p-1", version=task.version + 1)
    assert tasks.get(task.id) == saved


def test_a_save_that_builds_on_an_old_version_is_stale_and_changes_nothing(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    saved = tasks.save(task.advanced(State.QUEUEING, NOON))
    with pytest.raises(Stale):
        tasks.save(task.advanced(State.PROCESSING, NOON))
    assert tasks.get(task.id) == saved


def test_a_task_is_known_by_its_id_at_its_provider_even_when_it_was_removed(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    assert tasks.by_provider_task(task.provider, "p-1") == []
    task = tasks.save(task.advanced(State.QUEUEING, NOON, provider_task_id="p-1"))
    other = tasks.create(replace(a_task(), provider="another", provider_task_id="p-1"))
    assert tasks.by_provider_task(task.provider, "p-1") == [task]
    task = tasks.save(replace(task, removed_at=NOON))
    assert tasks.by_provider_task(task.provider, "p-1") == [task]
    assert tasks.by_provider_task("another", "p-1") == [other]


def test_the_same_change_by_two_is_made_by_one(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    change = task.advanced(State.QUEUEING, NOON)
    tasks.save(change)
    with pytest.raises(Stale):  # or both would believe that they may make the billable call
        tasks.save(change)


def test_a_task_that_does_not_exist_cannot_be_saved(tasks: Tasks) -> None:
    with pytest.raises(Stale):
        tasks.save(a_task())


def test_a_task_is_restored_as_it_is_unless_the_record_is_as_new_or_newer(tasks: FakeTasks | TableTasks) -> None:
    task = replace(a_task(), version=5)
    assert tasks.restore(task)
    assert tasks.get(task.id) == task
    assert not tasks.restore(replace(task, owner="mallory"))
    assert not tasks.restore(replace(task, owner="mallory", version=4))
    assert tasks.get(task.id) == task
    newer = replace(task, credits=7, version=6)
    assert tasks.restore(newer)
    assert tasks.get(task.id) == newer


def test_of_a_thousand_saves_at_once_none_is_lost(tasks: Tasks) -> None:
    each = [tasks.create(a_task()) for _ in range(20)]

    def look(number: int) -> None:
        for _ in range(1000):
            task = tasks.get(each[number % len(each)].id)
            assert task is not None
            try:
                tasks.save(task.with_polling(polls=task.polling.polls + 1))
            except Stale:
                continue
            return
        raise AssertionError("never got through")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(look, range(1000)))
    recorded = [tasks.get(task.id) for task in each]
    assert [(task.polling.polls, task.version) for task in recorded if task] == [(50, 50)] * 20


def test_pages_show_an_owners_tasks_newest_first_and_nobody_elses(tasks: Tasks) -> None:
    mine = [tasks.create(a_task(second)) for second in range(5)]
    tasks.create(a_task(owner="mallory"))
    page = tasks.page("alice", Listing(size=3))
    assert page.tasks == tuple(reversed(mine[2:]))
    rest = tasks.page("alice", Listing(size=3, cursor=page.next_cursor))
    assert (rest.tasks, rest.next_cursor) == (tuple(reversed(mine[:2])), "")


def test_the_last_page_has_no_cursor_though_it_is_full(tasks: Tasks) -> None:
    for second in range(4):
        tasks.create(a_task(second))
    first = tasks.page("alice", Listing(size=2))
    assert tasks.page("alice", Listing(size=2, cursor=first.next_cursor)).next_cursor == ""


def test_an_owner_without_tasks_has_an_empty_page(tasks: Tasks) -> None:
    page = tasks.page("alice", Listing())
    assert (page.tasks, page.next_cursor) == ((), "")


def test_a_cursor_that_is_not_ours_is_refused(tasks: Tasks) -> None:
    with pytest.raises(InvalidRequest):
        tasks.page("alice", Listing(cursor="../../etc/passwd"))


def test_tasks_that_arrive_meanwhile_neither_shift_nor_repeat_what_a_cursor_leads_to(tasks: Tasks) -> None:
    before = [tasks.create(a_task(second)) for second in range(30)]
    listing = Listing(size=7, filter=Filter(models=("viduq1", "viduq2")))
    page = tasks.page("alice", listing)
    seen = list(page)
    while page.next_cursor:
        tasks.create(a_task(seconds=100 + len(seen)))
        page = tasks.page("alice", replace(listing, cursor=page.next_cursor))
        seen += page
    assert seen == before[::-1]


def test_a_task_named_by_another_owner_is_not_shown(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    named = Listing(filter=Filter(task_ids=(task.id, "no-such-id", a_task().id)))
    assert tasks.page("alice", named).tasks == (task,)
    assert tasks.page("mallory", named).tasks == ()


def test_a_task_leaves_the_pages_of_its_former_state(tasks: Tasks) -> None:
    task = tasks.create(a_task())
    tasks.save(task.advanced(State.QUEUEING, NOON))
    assert tasks.page("alice", Listing(filter=Filter(states=(State.CREATED,)))).tasks == ()
    both = Listing(filter=Filter(states=(State.CREATED, State.QUEUEING)))
    assert [each.id for each in tasks.page("alice", both)] == [task.id]


@pytest.mark.parametrize("model", ["x" * 5000, "\ud800", "模型-" * 500, "a#b"])
def test_whatever_a_client_calls_its_model_it_is_recorded_and_found(tasks: Tasks, model: str) -> None:
    task = tasks.create(a_task(model=model))
    tasks.create(a_task(model="x" * 4999))
    assert tasks.page("alice", Listing(filter=Filter(models=(model,)))).tasks == (task,)


def test_unfinished_is_what_has_not_ended_or_was_not_announced(tasks: Tasks) -> None:
    running = tasks.create(a_task(1, state=State.PROCESSING))
    untold = tasks.create(a_task(2, state=State.SUCCESS).with_announcements(announced_at=None))
    tasks.create(a_task(3, state=State.SUCCESS))
    ended = tasks.create(a_task(4, state=State.PROCESSING))
    tasks.save(ended.advanced(State.FAILED, NOON).with_announcements(announced_at=NOON))
    assert {task.id for task in tasks.unfinished()} == {running.id, untold.id}
    assert {due.task_id for shard in SHARDS for due in tasks.due(shard)} == {running.id, untold.id}


def test_unfinished_finds_hundreds(tasks: Tasks) -> None:
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(tasks.create, [a_task() for _ in range(300)]))
    assert sorted(task.id for task in tasks.unfinished()) == sorted(task.id for task in created)


def test_a_raw_response_is_stored_for_thirty_days_without_its_secrets(dynamodb: DynamoDBClient, table: str) -> None:
    task = a_task()
    raw = b'{"url": "https://cdn.test/1.mp4?X-Signature=s3cr3t", "key": "vda_123456789"}' + b"\xff" * 40_000
    TableTasks(dynamodb, table).store_raw_response(task.id, "not what was expected", raw, NOON)
    (item,) = dynamodb.scan(TableName=table)["Items"]
    answer = item.pop("answer")["S"]
    assert item == {
        "pk": {"S": f"task#{task.id}"},
        "sk": {"S": "answer#1795262400000"},
        "reason": {"S": "not what was expected"},
        "expires_at": {"N": "1797854400"},
    }
    assert answer.startswith('{"url": "https://cdn.test/1.mp4?[redacted]", "key": "[redacted]"}')
    assert 32_760 < len(answer.encode()) <= 32_768
