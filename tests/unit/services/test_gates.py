"""Limits: what passes is counted before anything is paid for, and nothing passes a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import limits
from reelkeep.domain.claims import Claim
from reelkeep.domain.errors import (
    Forbidden,
    InvalidRequest,
    Later,
    NotFound,
    OverBudget,
    OverLimit,
    Stopped,
    TryLater,
)
from reelkeep.domain.ledger import Account, Balance
from reelkeep.domain.limits import Limits, OwnerSettings
from reelkeep.domain.observation import Failed, Refused, Succeeded
from reelkeep.domain.room import Limit, waiting, waits_for_owner
from reelkeep.domain.task import Backward, DispatchStatus, Failure, FailureClass, Price, State, Task
from reelkeep.ports import Caller
from reelkeep.services.gates import Gates
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.owners import ChangeOwner, RepairCounts, count_queued
from reelkeep.services.owners_line import OwnersLine
from reelkeep.services.query import FindPlace
from tests.fakes import FakeCounters, FakeLedger, FakeSlots, FakeTasks
from tests.unit.services.harness import ALICE, MALLORY, NOON, FakeExecutions, Harness, creation
from tests.unit.services.test_ledger import NEW

PRICE = Price(unit="credits", units=Decimal(20), each=Decimal("0.05"), currency="USD")  # 1 USD a task
NO = Failure(reason=FailureClass.POLICY, message="no")


def of_owner(**changes: Any) -> Caller:
    return replace(ALICE, settings=OwnerSettings(limits=Limits(**changes)))


@dataclass
class Interrupted(FakeTasks):
    """Something happens between the count of a submission and its record."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def create(self, task: Task) -> Task:
        self._happens()
        return super().create(task)

    def create_under(self, claim: Claim, task: Task) -> Task:
        self._happens()
        return super().create_under(claim, task)

    def _happens(self) -> None:
        if self.meanwhile:
            self.meanwhile.pop()()


@dataclass
class Unsteady(FakeSlots):
    fault: BaseException | None = None

    def learned(self, provider: str) -> Limit | None:
        if self.fault:
            raise self.fault
        return super().learned(provider)


def die() -> None:
    raise SystemExit


class Budgeted(Harness):
    """With the ledger that follows its tasks."""

    tasks: Interrupted
    slots: Unsteady

    def __init__(self) -> None:
        super().__init__(tasks=Interrupted(), slots=Unsteady())
        self.provider.prices = PRICE
        self.ledger = FakeLedger(counters=self.counters, clock=self.clock)

    def follow(self, *tasks: Task) -> None:
        """What the stream of the table does with these versions, or with what is recorded."""
        for task in tasks or self.tasks.recorded.values():
            KeepLedger(self.ledger)(task)

    def counted(self) -> limits.Use:
        return limits.use(self.counters.counts("alice"), "", "USD", self.now)


def refused(submit: Callable[[], object]) -> Later:
    with pytest.raises(Later) as no:
        submit()
    return no.value


MONTH = "It opens at 2026-12-01T00:00:00Z"
DAY = "It opens at 2026-11-22T00:00:00Z"


@pytest.mark.parametrize(
    ("limit", "kind", "name", "sentence", "opens_in"),
    [
        ({"tasks_at_once": 2}, OverLimit, "tasks_at_once", "this owner may have 2 tasks at once", 10),
        ({"submissions_a_minute": 2}, OverLimit, "submissions_a_minute", "It opens at 2026-11-21T12:01:00Z", 60),
        ({"videos_a_day": 2}, OverLimit, "videos_a_day", f"this owner may have 2 videos a day. {DAY}", 43_200),
        (
            {"money_a_day": Decimal("2.5"), "currency": "USD"},
            OverBudget,
            "money_a_day",
            f"this owner may spend 2.5 USD a day: 2 are spent or reserved, and this costs 1. {DAY}",
            43_200,
        ),
        ({"money_a_month": Decimal(2), "currency": "USD"}, OverBudget, "money_a_month", MONTH, 820_800),
    ],
)
def test_what_would_pass_a_limit_is_refused_before_there_is_a_task_or_a_call(
    limit: dict[str, Any], kind: type[Later], name: str, sentence: str, opens_in: int
) -> None:
    harness, caller = Budgeted(), of_owner(**limit)
    for _ in range(2):
        harness.submit(caller=caller)
    no = refused(lambda: harness.submit(caller=caller))
    assert (type(no), no.limit, no.retry_after) == (kind, name, opens_in)
    assert sentence in no.message
    assert (len(harness.tasks.recorded), len(harness.provider.dispatched)) == (2, 2)
    harness.submit(caller=replace(caller, owner="bob"))
    harness.pass_(opens_in)
    if name == "tasks_at_once":
        harness.follow()
        for task in [*harness.tasks.recorded.values()][:1]:
            harness.follow(harness.tasks.save(replace(task, state=State.ARCHIVING)))
    harness.submit(caller=caller)


def test_a_limit_that_no_task_fits_and_a_key_s_own_limits_refuse_too() -> None:
    harness = Budgeted()
    refused(lambda: harness.submit(caller=of_owner(money_a_day=Decimal("0.99"), currency="USD")))
    assert not harness.counters.writes
    own = replace(of_owner(videos_a_day=3), limits=Limits(videos_a_day=1))
    harness.submit(caller=own)
    assert "this key may have 1 videos a day" in refused(lambda: harness.submit(caller=own)).message
    other = replace(own, key_id="key-3")
    harness.submit(caller=other)
    harness.submit(caller=replace(other, limits=Limits()))
    assert "this owner may have 3" in refused(lambda: harness.submit(caller=replace(own, key_id="key-4"))).message


def test_a_submission_under_limits_takes_one_write_more_and_two_where_a_day_or_minute_begins() -> None:
    harness, caller = Budgeted(), of_owner(submissions_a_minute=9, money_a_day=Decimal(9), currency="USD")
    writes = []
    for seconds in (0, 30, 30, 30, 86_400):
        harness.pass_(seconds)
        harness.submit(caller=caller)
        writes.append(harness.counters.writes)
    assert writes == [2, 3, 5, 6, 8]
    harness.submit(caller=ALICE)
    assert harness.counters.writes == 8
    names = harness.counters.counts("alice")
    harness.pass_(5 * 86_400)
    harness.submit(caller=caller)
    assert [name for name in names if name not in harness.counters.counts("alice")] == [
        "tasks:2026-11-21", "money:2026-11-21:USD", "tasks:2026-11-22", "money:2026-11-22:USD",
    ]  # fmt: skip


def test_models_and_providers_that_an_owner_may_not_use_are_refused() -> None:
    harness = Harness()
    for caller, wrong in ((of_owner(models=("kling-*",)), "model"), (of_owner(providers=("ark",)), "provider")):
        with pytest.raises(Forbidden, match="may not be used") as no:
            harness.submit(caller=caller)
        assert no.value.field == wrong
    harness.submit(caller=of_owner(models=("vidu*",), providers=("vidu",)))


def test_a_model_without_a_price_is_refused_under_a_limit_of_money_unless_that_is_allowed() -> None:
    harness = Budgeted()
    money: dict[str, Any] = {"money_a_month": Decimal(5), "currency": "USD"}
    for price in (None, replace(PRICE, currency="CNY"), replace(PRICE, each=None), replace(PRICE, units=None)):
        harness.provider.prices = price
        assert (
            "nobody knows what this would cost" in refused(lambda: harness.submit(caller=of_owner(**money))).message
        )
    harness.provider.prices = None
    harness.submit(caller=of_owner(**money, unpriced=True))
    harness.submit(caller=of_owner(videos_a_day=5))


def test_a_stopped_owner_and_a_stopped_provider_get_no_submissions() -> None:
    harness = Harness()
    earlier = harness.submit(key="k")
    stopped = replace(ALICE, settings=OwnerSettings(stopped="the invoice is open"))
    with pytest.raises(Forbidden, match="stopped the submissions of alice: the invoice is open"):
        harness.submit(caller=stopped)
    assert harness.submit(caller=stopped, key="k").id == earlier.id
    with pytest.raises(Stopped, match="stopped submissions to the provider vidu"):
        harness.submit(caller=replace(ALICE, stopped_providers=frozenset({"vidu"})))
    harness.submit(caller=replace(ALICE, stopped_providers=frozenset({"ark"})))


# --- repetitions, failures and crashes ---


def test_a_repetition_is_not_counted_and_is_answered_when_nothing_more_is_let_in() -> None:
    harness, caller = Budgeted(), of_owner(videos_a_day=1)
    first = harness.submit(caller=caller, key="k")
    assert harness.submit(caller=caller, key="k").id == first.id
    assert harness.counted().videos_a_day == 1


def test_a_key_for_a_submission_that_was_refused_is_good_when_the_limit_opens() -> None:
    harness, caller = Budgeted(), of_owner(videos_a_day=1)
    harness.submit(caller=caller)
    refused(lambda: harness.submit(caller=caller, key="k"))
    harness.pass_(86_400)
    task = harness.submit(caller=caller, key="k")
    assert (task.created_at.date(), harness.counted().videos_a_day) == (harness.now.date(), 1)
    assert harness.submit(caller=caller, key="k").id == task.id


def test_two_repetitions_of_a_refused_submission_are_paid_once_if_only_one_takes_the_first_for_abandoned() -> None:
    harness, caller = Budgeted(), of_owner(submissions_a_minute=1)
    harness.submit(caller=caller)
    refused(lambda: harness.submit(caller=caller, key="k"))
    harness.pass_(30)
    slow, later = of_owner(tasks_at_once=9), list[Task]()

    def repeat_later() -> None:
        harness.pass_(10)
        later.append(harness.submit(caller=slow, key="k"))

    harness.tasks.meanwhile = [repeat_later]
    with pytest.raises(TryLater):
        harness.submit(caller=slow, key="k")
    assert (len(harness.provider.dispatched), len(harness.tasks.recorded)) == (2, 2)
    assert harness.submit(caller=slow, key="k").id == later[0].id
    harness.follow()
    assert harness.counted().tasks_at_once == 2


def test_a_repetition_after_midnight_of_what_was_refused_before_is_told_to_come_at_once() -> None:
    harness, caller = Budgeted(), of_owner(videos_a_day=1)
    harness.pass_(43_190)
    harness.submit(caller=caller)
    assert refused(lambda: harness.submit(caller=caller, key="k")).retry_after == 10
    harness.pass_(11)
    no = refused(lambda: harness.submit(caller=caller, key="k"))
    assert (no.retry_after, DAY in no.message) == (1, True)
    harness.pass_(30)
    harness.submit(caller=caller, key="k")


def test_what_only_the_provider_can_count_counts_when_it_says_so() -> None:
    harness, caller = Budgeted(), of_owner(money_a_day=Decimal(2), currency="USD", unpriced=True)
    harness.provider.prices = replace(PRICE, unit="tokens", units=None)
    task = harness.submit(caller=caller)
    harness.follow()
    harness.follow(harness.tasks.save(replace(harness.task(task.id), state=State.ARCHIVING, tokens=41)))
    assert harness.counted().money_a_day == Decimal("2.05")
    refused(lambda: harness.submit(caller=caller))


def test_of_two_that_are_the_same_submission_one_is_counted() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5)
    harness.tasks.meanwhile = [lambda: harness.submit(caller=caller, key="k")]
    harness.submit(caller=caller, key="k")
    assert (len(harness.tasks.recorded), len(harness.provider.dispatched)) == (1, 1)
    assert harness.counted().tasks_at_once == harness.counted().videos_a_day == 1


def test_what_fails_before_it_is_recorded_is_given_back() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5, money_a_day=Decimal(5), currency="USD")
    harness.submit(caller=caller)
    harness.slots.fault = TryLater("no slots")
    with pytest.raises(TryLater):
        harness.submit(caller=caller)
    assert harness.counted() == limits.Use(
        tasks_at_once=1, videos_a_day=1, money_a_day=Decimal(1), money_a_month=Decimal(1)
    )


def test_the_counts_follow_what_becomes_of_the_tasks() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=9, money_a_day=Decimal(9), currency="USD")
    harness.provider.outcomes.insert(0, Refused(NO))
    with suppress(Exception):
        harness.submit(caller=caller)
    first, second, third = (harness.submit(caller=caller) for _ in range(3))
    harness.follow()
    assert (harness.counted().tasks_at_once, harness.counted().money_a_day) == (3, Decimal(3))
    harness.provider.observations = [Failed(NO)]
    harness.poll(first.id)
    dearer = harness.tasks.save(replace(harness.task(second.id), state=State.ARCHIVING, credits=30))
    harness.follow()
    harness.follow(dearer, harness.task(first.id))
    assert harness.counted() == limits.Use(
        tasks_at_once=1, videos_a_day=2, money_a_day=Decimal("2.5"), money_a_month=Decimal("2.5")
    )
    harness.pass_(3 * 86_400)  # the day is over, and may be forgotten; the month is not
    harness.follow(harness.tasks.save(harness.task(third.id).failed(NO, harness.now)))
    counts = harness.counters.counts("alice")
    assert [counts[name] for name in ("at_once", "tasks:2026-11-21", "money:2026-11:USD")] == [0, 2, Decimal("1.5")]


def test_counts_that_a_crash_left_too_high_are_repaired_once_nothing_is_submitted_for_a_while() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5, money_a_day=Decimal(9), currency="USD")
    harness.submit(caller=replace(caller, limits=Limits(videos_a_day=5)))
    harness.tasks.meanwhile = [die]
    with pytest.raises(SystemExit):
        harness.submit(caller=caller)
    harness.follow()
    assert harness.counted().tasks_at_once == 2
    repair = RepairCounts(harness.counters, harness.ledger, harness.clock)
    assert repair("alice", ("", "key-1")) == {}  # a task may be about to be recorded
    harness.pass_(601)
    wrong = repair("alice", ("", "key-1"), repair=False)
    assert wrong["at_once"] == "2 instead of 1"
    assert repair("alice", ("", "key-1")) == wrong
    assert repair("alice", ("", "key-1")) == {}
    assert harness.counted() == limits.Use(
        tasks_at_once=1, videos_a_day=1, money_a_day=Decimal(1), money_a_month=Decimal(1)
    )
    assert limits.use(harness.counters.counts("alice"), "key-1", "USD", harness.now).videos_a_day == 1


def test_a_repair_minds_only_the_counts_that_it_changes() -> None:
    """So it fits one expression, however many keys have limits."""
    harness, caller = Budgeted(), of_owner(tasks_at_once=5)
    harness.tasks.meanwhile = [die]
    with pytest.raises(SystemExit):
        harness.submit(caller=caller)
    harness.counters.change("alice", {"key-9.minute_tasks": Decimal(1)})

    class Meanwhile(FakeLedger):
        name = "key-9.minute_tasks"

        def sums(self, day: date, owner: str | None) -> Iterator[tuple[Account, Balance]]:
            self.counters.change("alice", {self.name: Decimal(-1)})
            return super().sums(day, owner)

    ledger = Meanwhile(counters=harness.counters, clock=harness.clock)
    harness.pass_(601)
    repair = RepairCounts(harness.counters, ledger, harness.clock)
    assert repair("alice", ("",))["at_once"] == "1 instead of 0"
    harness.counters.change("alice", {"at_once": Decimal(1)})
    ledger.name = "at_once"
    assert repair("alice", ("",)) == {}


def test_no_more_counts_are_forgotten_at_a_time_than_an_expression_has_room_for() -> None:
    names = [f"{number:016x}.{what}:2026-11-01" for number in range(500) for what in ("tasks", "money")]
    assert len(limits.outdated(names, NOON.date())) == 200


LOST = Failure(reason=FailureClass.LOST)
BECOMES: dict[str, Callable[[Task], Task]] = {
    "charged": lambda task: replace(task, state=State.ARCHIVING),
    "dearer": lambda task: replace(task, state=State.ARCHIVING, credits=31),
    "failed": lambda task: task.failed(NO, NOON),
    "lost": lambda task: task.with_dispatch(status=DispatchStatus.UNKNOWN).failed(LOST, NOON),
    "found": lambda task: replace(task, adopted_as="f" * 32),
}
STEPS = st.sampled_from(["submitted", "dies", "goes on", "follows", "replays", *BECOMES])


@given(st.lists(st.tuples(STEPS, st.integers(0, 5)), max_size=40))
def test_whatever_happens_in_whatever_order_no_count_is_too_low_and_a_repair_makes_it_right(
    steps: list[tuple[str, int]],
) -> None:
    counters, now = FakeCounters(), [NOON]
    ledger = FakeLedger(counters=counters, clock=lambda: now[0])
    tasks, slots, keep = FakeTasks(counters=counters), FakeSlots(), KeepLedger(ledger)
    settings = OwnerSettings(limits=Limits(tasks_at_once=3), when_full="queue")
    caller = replace(ALICE, settings=settings)
    line = OwnersLine(tasks, slots, counters, lambda owner: settings, FakeExecutions(), lambda: now[0])
    gates, history = Gates(counters, line.is_waited_for), list[list[Task]]()

    def difference() -> tuple[Decimal, ...]:
        """The counts, less the ledger's sums."""
        use = limits.use(counters.counts("alice"), "", "USD", NOON)
        there = sum((balance for _, balance in ledger.sums(NOON.date(), "alice")), Balance())
        money = use.money_a_day - there.reserved - there.charged
        assert use.money_a_day == use.money_a_month
        entered = (
            entry.change
            for versions in history
            if not waits_for_owner(versions[-1])
            for entry in ledger.entries(versions[-1].id)
        )
        under_way = sum((change for change in entered), Balance())
        at_once = use.tasks_at_once - under_way.tasks + under_way.tasks_charged
        assert use.tasks_at_once <= 3
        assert min(value for value in counters.counts("alice").values() if isinstance(value, Decimal)) >= 0
        return Decimal(at_once), Decimal(use.videos_a_day - there.tasks), money

    died, died_in_line = 0, 0
    for what, number in [("submitted", 0), *steps]:
        chosen = history[number % len(history)] if history else []
        if what in ("submitted", "dies"):
            new = replace(NEW, id=f"{len(history):032x}", price=PRICE)
            task = gates(new.with_dispatch(status=DispatchStatus.WAITING), caller, NOON)
            if what == "dies":
                died, died_in_line = died + 1, died_in_line + waits_for_owner(task)
                continue
            history.append([tasks.create(task)])
            if waits_for_owner(task):
                slots.join(waiting(task), NOON)
        elif what == "goes on":
            line.start_next("alice")
            for versions in history:
                recorded = tasks.recorded[versions[-1].id]
                versions += [recorded] if recorded.version > versions[-1].version else []
        elif what == "follows":
            keep(chosen[-1])
        elif what == "replays":
            for version in chosen:
                keep(version)
        else:
            with suppress(Backward):
                chosen.append(tasks.save(BECOMES[what](chosen[-1])))
        assert min(difference()) >= 0
    for versions in history:
        keep(versions[-1])
        keep(versions[0])
    assert [*difference()] == [died - died_in_line, died, died]
    now[0] += timedelta(minutes=11)
    queued = partial(count_queued, slots=slots, tasks=tasks)
    RepairCounts(counters, ledger, lambda: now[0], queued)("alice", ("",))
    assert [*difference()] == [0, 0, 0]


# --- a line instead of a refusal ---


class Lined(Budgeted):
    def __init__(self, **limited: Any) -> None:
        super().__init__()
        self.settings = OwnerSettings(limits=Limits(**limited), when_full="queue")
        self.caller = replace(ALICE, settings=self.settings)

    def follow(self, *tasks: Task) -> None:
        for task in tasks or tuple(self.tasks.recorded.values()):
            super().follow(task)
            self.owners_line.left(task)

    def under_way(self) -> int:
        at_provider = (DispatchStatus.STARTED, DispatchStatus.ACCEPTED)
        return sum(
            task.dispatch.status in at_provider and not task.is_generated for task in self.tasks.recorded.values()
        )

    def in_line(self, task: Task) -> int:
        find = FindPlace(self.slots, self.forecasts, self.clock, self.counters.counts)
        place = find(self.task(task.id)).place
        return place.position if place else 0


def test_what_an_owner_may_not_have_at_once_waits_in_line_and_starts_when_another_task_ends() -> None:
    harness = Lined(tasks_at_once=2, money_a_day=Decimal(10), currency="USD")
    tasks = []
    for _ in range(10):
        harness.pass_(1)
        tasks.append(harness.submit(caller=harness.caller))
    assert "may spend 10 USD" in refused(lambda: harness.submit(caller=harness.caller)).message
    assert [harness.in_line(task) for task in tasks] == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert "one of its owner's tasks" in harness.task(tasks[2].id).last_error
    harness.submit(caller=replace(MALLORY, settings=harness.settings))
    assert len(harness.provider.dispatched) == 3
    for number, task in enumerate(tasks):
        harness.provider.observations = [Succeeded((creation(),))]
        harness.poll(task.id)
        harness.follow()
        harness.follow()
        following = [each for each, wait in harness.executions.started if wait == 0]
        assert following == [each.id for each in tasks[2 : number + 3]]
        if number < 8:
            harness.poll(following[-1], 1)
        assert harness.under_way() == 1 + min(2, 9 - number)
        assert harness.counted().tasks_at_once == min(2, 9 - number)
    assert {task.state for task in harness.tasks.recorded.values() if task.owner == "alice"} == {State.ARCHIVING}
    assert len(harness.provider.dispatched) == 11
    assert harness.counted().money_a_day == 10


def test_a_cancelled_task_leaves_its_owner_s_line_and_gives_back_what_it_took() -> None:
    harness = Lined(tasks_at_once=1)
    first, second, third = (harness.submit(caller=harness.caller) for _ in range(3))
    harness.cancel(second.id)
    harness.follow()
    assert (harness.counted().tasks_at_once, harness.counted().videos_a_day) == (1, 2)
    harness.provider.observations = [Succeeded((creation(),))]
    harness.poll(first.id)
    harness.follow()
    assert harness.executions.started[-1] == (third.id, 0)


def test_whoever_dies_before_the_next_task_goes_on_it_checks_by_itself_and_nobody_overtakes_it() -> None:
    harness = Lined(tasks_at_once=1)
    first, second = (harness.submit(caller=harness.caller) for _ in range(2))
    harness.provider.observations = [Succeeded((creation(),))]
    harness.poll(first.id)
    KeepLedger(harness.ledger)(harness.task(first.id))
    harness.pass_(1)
    third = harness.submit(caller=harness.caller)  # its submission starts the one that waits
    assert [waits_for_owner(harness.task(each.id)) for each in (second, third)] == [False, True]
    harness.settings = replace(harness.settings, limits=Limits(), when_full="refuse")
    harness.poll(second.id)
    harness.poll(third.id)
    assert harness.executions.started[-1] == (third.id, 0)
    harness.poll(third.id)
    assert [task.id for task in harness.provider.dispatched] == [first.id, second.id, third.id]


def test_what_waits_in_line_counts_against_a_key_s_own_limit_and_not_while_its_owner_is_stopped() -> None:
    harness = Lined(tasks_at_once=1)
    own = replace(harness.caller, limits=Limits(tasks_at_once=2))
    first, second = (harness.submit(caller=own) for _ in range(2))
    assert "this key may have 2 tasks at once" in refused(lambda: harness.submit(caller=own)).message
    harness.settings = replace(harness.settings, stopped="the invoice is open")
    harness.provider.observations = [Succeeded((creation(),))]
    harness.poll(first.id)
    harness.follow()
    assert harness.in_line(second) == 1


# --- at once ---


@pytest.mark.parametrize("keys", [1, 10])
def test_of_a_thousand_at_once_with_a_budget_for_three_hundred_three_hundred_are_placed(keys: int) -> None:
    harness = Budgeted()
    settings = of_owner(money_a_month=Decimal(300), currency="USD").settings

    def submit(number: int) -> str:
        caller = Caller("alice", f"key-{number % keys}", settings=settings)
        with suppress(OverBudget):
            return harness.submit(caller=caller).id
        return ""

    with ThreadPoolExecutor(32) as pool:
        placed = [task_id for task_id in pool.map(submit, range(1000)) if task_id]
    assert len(placed) == len(harness.provider.dispatched) == len(harness.tasks.recorded) == 300
    assert harness.counted().money_a_month == 300


# --- owners ---


class Owners:
    """The settings of owners, in memory."""

    def __init__(self) -> None:
        self.held = {"alice": OwnerSettings()}
        self.stopped: set[str] = set()

    def settings(self, name: str) -> OwnerSettings:
        if name not in self.held:
            raise NotFound(f"there is no owner {name}", field="owner")
        return self.held[name]

    def change(self, name: str, edit: Callable[[OwnerSettings], OwnerSettings]) -> OwnerSettings:
        before = self.settings(name)
        limits.check_settings(edited := replace(edit(before), version=before.version + 1))
        self.held[name] = edited
        return edited

    def stop_provider(self, provider: str, *, start: bool = False) -> frozenset[str]:
        self.stopped = self.stopped - {provider} if start else self.stopped | {provider}
        return frozenset(self.stopped)


def test_what_was_spent_before_there_was_a_limit_counts_against_it() -> None:
    harness, owners = Budgeted(), Owners()
    for _ in range(3):
        harness.submit()
    harness.follow()
    change = ChangeOwner(owners, harness.counters, harness.ledger, harness.clock)
    four = Limits(money_a_month=Decimal(4), currency="USD")
    change("alice", lambda settings: replace(settings, limits=four))
    caller = replace(ALICE, settings=owners.held["alice"])
    harness.submit(caller=caller)
    refused(lambda: harness.submit(caller=caller))
    change("alice", lambda settings: replace(settings, limits=replace(four, money_a_month=Decimal(5))))
    assert harness.counted().money_a_month == 4


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"tasks_at_once": 0}, ["tasks_at_once"]),
        ({"videos_a_day": -1, "submissions_a_minute": 1_000_001}, ["submissions_a_minute", "videos_a_day"]),
        ({"money_a_day": Decimal(-1), "currency": "USD"}, ["money_a_day"]),
        ({"money_a_day": Decimal("NaN"), "currency": "USD"}, ["money_a_day"]),
        ({"money_a_day": Decimal("0.0000001"), "currency": "USD"}, ["money_a_day"]),
        ({"money_a_month": Decimal("1e10"), "currency": "USD"}, ["money_a_month"]),
        ({"money_a_month": Decimal(1)}, ["currency"]),
        ({"currency": "usd"}, ["currency"]),
        ({"money_a_day": Decimal(2), "money_a_month": Decimal(1), "currency": "USD"}, ["money_a_day"]),
        ({"tasks_at_once": 5, "videos_a_day": 4}, ["tasks_at_once"]),
        ({"models": ("",)}, ["models"]),
    ],
)
def test_limits_that_cannot_be_are_refused_with_the_field_and_the_reason(
    wrong: dict[str, Any], fields: list[str]
) -> None:
    with pytest.raises(InvalidRequest) as no:
        limits.check(Limits(**wrong))
    assert [field for field, _ in no.value.wrong] == [f"limits.{name}" for name in fields]
    assert no.value.message.startswith(no.value.field)


def test_a_key_s_limits_are_at_most_its_owner_s() -> None:
    most = Limits(tasks_at_once=5, money_a_day=Decimal(5), currency="USD")
    limits.check(Limits(tasks_at_once=5, money_a_month=Decimal(9), currency="USD"), most)
    for wrong in (Limits(tasks_at_once=6), Limits(money_a_day=Decimal(1), currency="CNY")):
        with pytest.raises(InvalidRequest):
            limits.check(wrong, most)


def test_a_month_ends_with_its_year() -> None:
    last = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
    limit = Limits(money_a_month=Decimal(1), currency="USD")
    with pytest.raises(OverBudget, match="2027-01-01T00:00:00Z") as no:
        limits.check_use(limit, limits.Use(), "this owner", Decimal(2), last)
    assert no.value.retry_after == 30
