"""A listing read page by page while the tasks in it come, change and go: nothing is shown twice or out of order, and
what was there all the time is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import State, Task
from reelkeep.ports.tasks import Tasks
from tests.fakes.tasks import FakeTasks
from tests.integration.conftest import create_table
from tests.integration.example import NOON, a_task

_STATES = [State.CREATED, State.QUEUEING, State.PROCESSING, State.SUCCESS]
_LISTED = st.sampled_from([(), (State.SUCCESS,), (State.CREATED, State.QUEUEING)])


@dataclass
class Read:
    """What a client knows after the last page."""

    shown: list[str] = field(default_factory=list)
    all_the_time: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def table() -> Iterator[Callable[[], TableTasks]]:
    """An empty one, at every call."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("dynamodb", region_name="us-east-1")
        name = create_table(client)
        items = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[name].items

        def emptied() -> TableTasks:
            items.clear()
            return TableTasks(client, name)

        yield emptied
        client.close()


def read(tasks: Tasks, data: st.DataObject, owner: str) -> Read:
    known: dict[str, Task] = {}

    def add() -> None:
        state = data.draw(st.sampled_from(_STATES))
        task = a_task(data.draw(st.integers(0, 40)), owner=owner, state=state)
        task = replace(task, id=f"{task.id[:12]}{data.draw(st.integers(0, 9))}{len(known):019x}")  # not by chance
        known[task.id] = tasks.create(task)

    def change() -> None:
        if known:
            task = known[data.draw(st.sampled_from(list(known)))]
            later = [state for state in _STATES if not task.state.terminal and state > task.state]
            state = data.draw(st.sampled_from([task.state, *later]))
            removed = NOON if state.terminal and data.draw(st.booleans()) else task.removed_at
            changed = replace(task, state=state, removed_at=removed, updated_at=NOON + timedelta(seconds=1))
            known[task.id] = tasks.save(changed)

    for _ in range(data.draw(st.integers(0, 12))):
        add()
    chosen = Filter(states=data.draw(_LISTED))
    listing = Listing(filter=chosen, size=data.draw(st.integers(1, 4)), oldest_first=data.draw(st.booleans()))
    result = Read(all_the_time={task.id for task in known.values() if chosen.admits(task)})
    while True:
        page = tasks.page(owner, listing)
        assert len(page.tasks) <= listing.size
        assert all(known[task.id] == task and chosen.admits(task) for task in page)
        result.shown += [task.id for task in page]
        result.all_the_time &= {task.id for task in known.values() if chosen.admits(task)} | set(result.shown)
        if not page.next_cursor:
            assert result.shown == sorted(result.shown, reverse=not listing.oldest_first)
            return result
        listing = replace(listing, cursor=page.next_cursor)
        if len(result.shown) < 8:
            for happens in data.draw(st.lists(st.sampled_from([add, change]), max_size=3)):
                happens()


@given(data=st.data())
@settings(max_examples=60)
def test_pages_read_while_tasks_come_and_go_miss_nothing_and_repeat_nothing(
    table: Callable[[], TableTasks], data: st.DataObject
) -> None:
    for tasks in (FakeTasks(), table()):
        result = read(tasks, data, owner="alice")
        assert len(result.shown) == len(set(result.shown))
        assert result.all_the_time <= set(result.shown)
