"""Pages of tasks: the right ones, and at the cost of what they show."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelkeep.adapters.dynamodb.task_record import to_item
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.listing import Filter, Listing
from reelkeep.domain.task import Failure, FailureClass, Kind, State, Task
from tests.fakes.tasks import FakeTasks
from tests.integration.conftest import create_table
from tests.integration.example import NOON, a_task

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MODELS = ("viduq1", "viduq2", "viduq3", "")
RESOLUTIONS = ("720p", "1080p", "")
KINDS = (Kind.TEXT2VIDEO, Kind.TEXT2VIDEO, Kind.IMG2VIDEO)
TEMPLATES = ("hug", "", "", "")
PROMPTS = ("A paper Boat", "")
TAGS = ("campaign-7", "final")


def some_tasks(number: int, *, owners: tuple[str, ...], rarely: float) -> list[Task]:
    """Now and then, several of one millisecond."""
    dice = random.Random(number)
    tasks: list[Task] = []
    second = 0.0
    for _ in range(number):
        second += dice.choice((0.0, 0.001, 1.0))
        task = a_task(second, owner=dice.choice(owners), state=dice.choice(list(State)))
        request = replace(
            task.request,
            model=dice.choice(MODELS),
            resolution=dice.choice(RESOLUTIONS),
            template="rare" if dice.random() < rarely else dice.choice(TEMPLATES),
            off_peak=dice.random() < 0.3,
            kind=KINDS[len(tasks) % len(KINDS)],
            tags=TAGS[: len(tasks) % 3],
            prompt=PROMPTS[len(tasks) % 2],
        )
        removed_at = task.created_at if task.state.terminal and dice.random() < 0.2 else None
        is_failed = task.state in (State.FAILED, State.EXPIRED)
        failure = Failure(reason=dice.choice((FailureClass.LOST, FailureClass.CREDIT))) if is_failed else None
        starred = len(tasks) % 7 == 0
        tasks.append(replace(task, request=request, removed_at=removed_at, starred=starred, failure=failure))
    return tasks


def fill(client: DynamoDBClient, tasks: Iterable[Task]) -> str:
    table = create_table(client)
    puts: list[Any] = [{"PutRequest": {"Item": to_item(task, "written by the test")}} for task in tasks]
    for first in range(0, len(puts), 25):
        client.batch_write_item(RequestItems={table: puts[first : first + 25]})
    return table


# --- the right ones ---

FEW = some_tasks(300, owners=("alice", "alice", "alice#720p", "mallory"), rarely=0.1)


class Few:
    """The same tasks in the table and in memory."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.table = TableTasks(client, fill(client, FEW))
        self.memory = FakeTasks({task.id: task for task in FEW})


@pytest.fixture(scope="module")
def few(dynamodb: DynamoDBClient) -> Few:
    return Few(dynamodb)


def some_of(values: Iterable[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.one_of(st.just(()), st.lists(st.sampled_from(tuple(values)), max_size=3).map(tuple))


exactly = st.sampled_from([task.created_at for task in FEW])
moments = (
    st.none()
    | exactly
    | exactly.map(lambda moment: moment + timedelta(microseconds=400))
    | st.just(NOON - timedelta(days=1))
    | st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
)
filters = st.builds(
    Filter,
    created_from=moments,
    created_to=moments,
    task_ids=some_of([*(task.id for task in FEW), "f" * 32, "not an id"]),
    states=some_of(State),
    kinds=some_of((*KINDS, Kind.EXTEND)),
    models=some_of((*MODELS, "unheard of", "720p#viduq2")),
    resolutions=some_of(RESOLUTIONS),
    templates=some_of(("hug", "rare", "unheard of")),
    off_peak=st.sampled_from((None, None, True, False)),
    providers=some_of(("vidu", "unheard of")),
    tags=some_of((*TAGS, "unheard of")),
    starred=st.sampled_from((None, None, True, False)),
    unfinished=st.sampled_from((None, None, True, False)),
    failures=st.sampled_from(((), (), (FailureClass.LOST,), tuple(FailureClass))),
    words=st.sampled_from(((), (), ("boat",), ("unheard of",))),
    hidden=st.sampled_from((False, False, True)),
)
listings = st.builds(
    Listing,
    filter=filters,
    size=st.integers(1, 120),
    cursor=st.sampled_from(["", "0" * 32, "f" * 32, *(task.id for task in FEW)]),
    skip=st.sampled_from([0, 0, 1, 7, 150]),
    oldest_first=st.booleans(),
    counted=st.booleans(),
)


@given(listing=listings, owner=st.sampled_from(["alice", "alice#720p", "nobody", ("alice", "mallory", "alice#720p")]))
@settings(max_examples=300, deadline=None)
def test_any_page_of_any_filter_is_what_reading_everything_would_give(
    few: Few, listing: Listing, owner: str | tuple[str, ...]
) -> None:
    assert few.table.page(owner, listing) == few.memory.page(owner, listing)


@given(listing=listings)
@settings(max_examples=50, deadline=None)
def test_any_page_of_unfinished_tasks_needs_no_owner(few: Few, listing: Listing) -> None:
    listing = replace(listing, filter=replace(listing.filter, unfinished=True))
    assert few.table.page((), listing) == few.memory.page((), listing)


@pytest.mark.parametrize("size", [13, 50, 299])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_from_cursor_to_cursor_every_task_comes_once(few: Few, size: int, oldest_first: bool) -> None:
    listing = Listing(size=size, filter=Filter(states=tuple(State)[2:]), oldest_first=oldest_first)
    page = few.table.page("alice", listing)
    seen = list(page)
    while page.next_cursor:
        page = few.table.page("alice", replace(listing, cursor=page.next_cursor))
        seen += page
    assert tuple(seen) == few.memory.page("alice", replace(listing, size=300)).tasks


def test_a_filter_that_admits_next_to_nothing_ends_a_page_early_and_the_cursor_goes_on(
    dynamodb: DynamoDBClient,
) -> None:
    tasks = [a_task(second, model="viduq2", state=State.FAILED) for second in range(400)]
    tasks[3] = wanted = replace(tasks[3], request=replace(tasks[3].request, model="viduq1"))
    table = TableTasks(dynamodb, fill(dynamodb, tasks), most_examined=100)
    listing = Listing(filter=Filter(states=(State.FAILED,), models=("viduq1",)))
    pages = [table.page("alice", listing)]
    while pages[-1].next_cursor:
        pages.append(table.page("alice", replace(listing, cursor=pages[-1].next_cursor)))
    assert [page.tasks for page in pages if page.tasks] == [(wanted,)]
    assert len(pages) >= 3


# --- at the cost of what they show ---


@dataclass
class Meter:
    """Counts what a client reads."""

    keys: int = 0
    tasks: int = 0
    calls: int = 0

    def watch(self, client: DynamoDBClient) -> None:
        client.meta.events.register("after-call.dynamodb", self._count)

    def _count(self, parsed: dict[str, Any], **_: object) -> None:
        self.calls += 1
        self.keys += parsed.get("ScannedCount", 0)
        self.tasks += sum(map(len, parsed.get("Responses", {}).values()))


MANY = some_tasks(3000, owners=("alice",), rarely=0.01)


@pytest.fixture(scope="module")
def many(dynamodb: DynamoDBClient) -> str:
    return fill(dynamodb, MANY)


@pytest.mark.parametrize(
    ("chosen", "keys"),
    [
        (Filter(), 101),
        (Filter(states=(State.SUCCESS,)), 101),
        (Filter(states=tuple(State)), 320),
        (Filter(models=("viduq2",)), 101),
        (Filter(models=("viduq1", "viduq2", "viduq3")), 320),
        (Filter(models=("viduq2", "unheard of")), 320),
        (Filter(resolutions=("720p",)), 101),
        (Filter(templates=("rare",)), 101),
        (Filter(off_peak=True), 101),
        (Filter(starred=True), 101),
        (Filter(hidden=True), 101),
        (Filter(created_from=MANY[1000].created_at, created_to=MANY[2000].created_at), 101),
        (Filter(task_ids=tuple(task.id for task in MANY[:100])), 0),
    ],
    ids=(
        "everything",
        "a state",
        "all states",
        "a model",
        "some models",
        "a model without tasks",
        "a resolution",
        "a rare template",
        "what may wait",
        "what is starred",
        "what is hidden",
        "some minutes",
        "ids",
    ),
)
def test_a_hundred_of_thousands_cost_little_more_than_a_hundred(
    new_dynamodb: DynamoDBClient, many: str, chosen: Filter, keys: int
) -> None:
    meter = Meter()
    meter.watch(new_dynamodb)
    page = TableTasks(new_dynamodb, many).page("alice", Listing(size=100, filter=chosen))
    assert len(page.tasks) == min(100, sum(map(chosen.admits, MANY)))
    assert meter.tasks <= 101
    assert meter.keys <= keys


def test_far_pages_read_no_more_keys_than_they_skip_and_show(new_dynamodb: DynamoDBClient, many: str) -> None:
    meter = Meter()
    meter.watch(new_dynamodb)
    page = TableTasks(new_dynamodb, many).page("alice", Listing(size=20, skip=2000))
    assert page.tasks == tuple(filter(Filter().admits, sorted(MANY, key=lambda task: task.id)))[-2001:-2021:-1]
    assert (meter.keys, meter.tasks, meter.calls) == (2021, 21, 4)


def test_pages_with_numbers_skip_keys_only(new_dynamodb: DynamoDBClient, many: str) -> None:
    meter = Meter()
    meter.watch(new_dynamodb)
    chosen = Filter(resolutions=("720p",))
    page = TableTasks(new_dynamodb, many).page("alice", Listing(size=20, skip=800, filter=chosen))
    assert page.tasks == tuple(filter(chosen.admits, sorted(MANY, key=lambda task: task.id, reverse=True)))[800:820]
    assert (meter.keys, meter.tasks, meter.calls) == (821, 21, 2)


LATE = Filter(models=("viduq2",), created_from=MANY[1000].created_at)
NEVER = Filter(created_from=NOON, created_to=NOON - timedelta(days=1))
NAMED = Filter(task_ids=tuple(task.id for task in MANY[:80]))
THREE = Filter(models=("viduq2",), states=(State.SUCCESS,), off_peak=True)


@pytest.mark.parametrize(
    ("chosen", "read"),
    [
        (Filter(), [Filter()]),
        (Filter(off_peak=False), [Filter(off_peak=False)]),
        (Filter(states=(State.SUCCESS, State.FAILED)), [Filter(states=(State.SUCCESS, State.FAILED))]),
        (LATE, [LATE]),
        (THREE, [replace(Filter(), **{name: getattr(THREE, name)}) for name in ("models", "states", "off_peak")]),
        (NEVER, []),
        (NAMED, []),
    ],
    ids=("everything", "one tier", "two states", "a model of late", "three fields", "no time at all", "ids"),
)
def test_a_count_reads_keys_and_no_more_tasks_than_it_shows(
    new_dynamodb: DynamoDBClient, many: str, chosen: Filter, read: list[Filter]
) -> None:
    meter = Meter()
    meter.watch(new_dynamodb)
    page = TableTasks(new_dynamodb, many).page("alice", Listing(size=100, filter=chosen, counted=True))
    total = sum(map(chosen.admits, MANY))
    assert (page.total, len(page.tasks)) == (total, min(100, total))
    assert meter.tasks <= 101
    assert meter.keys <= sum(field.admits(task) for field in read for task in MANY) + 210
    assert meter.calls <= 7


@pytest.mark.parametrize("skip", [0, 5])
def test_on_the_last_page_the_count_follows_from_the_page(new_dynamodb: DynamoDBClient, many: str, skip: int) -> None:
    meter = Meter()
    meter.watch(new_dynamodb)
    rare = Filter(templates=("rare",))
    page = TableTasks(new_dynamodb, many).page("alice", Listing(size=100, skip=skip, filter=rare, counted=True))
    total = sum(map(rare.admits, MANY))
    assert 5 < total <= 100
    assert (page.total, len(page.tasks)) == (total, total - skip)
    assert (meter.keys, meter.tasks, meter.calls) == (total, total - skip, 2)
