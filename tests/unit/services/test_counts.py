"""Counts: they follow what becomes of tasks, and are repaired when a crash leaves them too high."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import counts
from reelkeep.domain.errors import (
    TryLater,
)
from reelkeep.domain.ledger import Account, Balance, Entry
from reelkeep.domain.limits import Limits
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.observation import Failed, Refused
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.room import waiting, waits_for_owner
from reelkeep.domain.task import Backward, DispatchStatus, Failure, FailureClass, State, Task
from reelkeep.services.counts import RepairCounts, SweepCounts, count_queued
from reelkeep.services.gates import Gates
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.owners import ChangeOwner
from reelkeep.services.owners_line import OwnersLine
from tests.fakes.owners import FakeCounters, FakeLedger
from tests.fakes.providers import FakeSlots
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import ALICE, NOON, FakeExecutions
from tests.unit.services.limits_harness import NO, PRICE, Budgeted, Owners, die, of_owner, refused
from tests.unit.services.test_ledger import NEW


def test_what_only_the_provider_can_count_counts_when_it_says_so() -> None:
    harness, caller = Budgeted(), of_owner(money_a_day=Decimal(2), currency="USD", unpriced=True)
    harness.provider.prices = replace(PRICE, unit="tokens", units=None)
    task = harness.submit(caller=caller)
    harness.follow()
    harness.follow(harness.tasks.save(replace(harness.task(task.id), state=State.ARCHIVING, tokens=41)))
    assert harness.counted().money_a_day == Decimal("2.05")
    refused(lambda: harness.submit(caller=caller))


def test_what_fails_before_it_is_recorded_is_given_back() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5, money_a_day=Decimal(5), currency="USD")
    harness.submit(caller=caller)
    harness.slots.fault = TryLater("no slots")
    with pytest.raises(TryLater):
        harness.submit(caller=caller)
    assert harness.counted() == counts.Use(
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
    assert harness.counted() == counts.Use(
        tasks_at_once=1, videos_a_day=2, money_a_day=Decimal("2.5"), money_a_month=Decimal("2.5")
    )
    harness.pass_(3 * 86_400)  # the day is over, and may be forgotten; the month is not
    harness.follow(harness.tasks.save(harness.task(third.id).failed(NO, harness.now)))
    later = harness.counters.counts("alice")
    assert [later[name] for name in ("at_once", "tasks:2026-11-21", "money:2026-11:USD")] == [0, 2, Decimal("1.5")]


def test_counts_that_a_crash_left_too_high_are_repaired_once_nothing_is_submitted_for_a_while() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5, money_a_day=Decimal(9), currency="USD")
    harness.submit(caller=replace(caller, limits=Limits(videos_a_day=5)))
    harness.tasks.meanwhile = [die]
    with pytest.raises(SystemExit):
        harness.submit(caller=caller)
    harness.follow()
    assert harness.counted().tasks_at_once == 2
    repair = RepairCounts(harness.counters, harness.ledger, harness.tasks, harness.clock)
    assert repair("alice", ("", "key-1")) == {}  # a task may be about to be recorded
    harness.pass_(601)
    wrong = repair("alice", ("", "key-1"), repair=False)
    assert wrong["at_once"] == "2 instead of 1"
    assert repair("alice", ("", "key-1")) == wrong
    assert repair("alice", ("", "key-1")) == {}
    assert harness.counted() == counts.Use(
        tasks_at_once=1, videos_a_day=1, money_a_day=Decimal(1), money_a_month=Decimal(1)
    )
    assert counts.use(harness.counters.counts("alice"), "key-1", "USD", harness.now).videos_a_day == 1


def test_counts_that_nothing_changes_any_more_and_those_without_a_limit_are_not_called_wrong() -> None:
    harness, caller = Budgeted(), of_owner(money_a_month=Decimal(9), currency="USD")
    repair = RepairCounts(harness.counters, harness.ledger, harness.tasks, harness.clock)
    harness.pass_(9 * 86_400)
    for _ in range(4):  # from the last day of a month on
        harness.submit(caller=replace(caller, limits=Limits(tasks_at_once=9)))
        harness.follow()
        harness.pass_(601)
        assert repair("alice", ("", "key-1")) == {}
        harness.pass_(86_400)
    harness.counters.change("alice", {"at_once": Decimal(7)})  # it has no limit now, and its tasks end
    assert repair("alice", ("key-1",)) == {}


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
    repair = RepairCounts(harness.counters, ledger, harness.tasks, harness.clock)
    assert repair("alice", ("",))["at_once"] == "1 instead of 0"
    harness.counters.change("alice", {"at_once": Decimal(1)})
    ledger.name = "at_once"
    assert repair("alice", ("",)) == {}


def test_the_sweep_forgets_the_counts_of_days_that_are_over_however_many_keys_an_owner_has() -> None:
    harness, caller = Budgeted(), of_owner(money_a_month=Decimal(999), currency="USD")
    for number in range(150):
        harness.submit(caller=replace(caller, key_id=f"key-{number}", limits=Limits(videos_a_day=5)))
    repair = RepairCounts(harness.counters, harness.ledger, harness.tasks, harness.clock)
    sweep = SweepCounts(lambda: {"alice": [""]}, repair, harness.clock)
    sweep(lambda: 900.0)
    assert len(harness.counters.counts("alice")) > 150 * 4
    harness.pass_(5 * 86_400)
    harness.submit(caller=caller)
    sweep(lambda: 900.0)
    names = harness.counters.counts("alice")
    assert [name for name in names if "2026-11-21" in name] == []
    assert {"tasks:2026-11-26", "money:2026-11:USD", "key-7.at_once"} <= names.keys()


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
        use = counts.use(counters.counts("alice"), "", "USD", NOON)
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
    RepairCounts(counters, ledger, tasks, lambda: now[0], queued)("alice", ("",))
    assert [*difference()] == [0, 0, 0]


MOMENTS = st.sampled_from(["submitted", "counted", "recorded", "passes", "waits", "follows", "fails", "repairs"])


@given(st.lists(st.tuples(MOMENTS, st.integers(0, 5)), max_size=60))
def test_whenever_counts_are_repaired_they_hold_what_is_recorded_and_what_is_about_to_be(
    steps: list[tuple[str, int]],
) -> None:
    counters, now = FakeCounters(), [NOON]
    ledger = FakeLedger(counters=counters, clock=lambda: now[0])
    tasks, keep, gates = FakeTasks(), KeepLedger(ledger), Gates(counters)
    repair = RepairCounts(counters, ledger, tasks, lambda: now[0])
    caller, counted = of_owner(tasks_at_once=99), list[Task]()

    def needed() -> int:
        """Tasks whose first entry is not there count as they were submitted, until their function is over."""
        recorded = sum(
            sum((entry.change for entry in ledger.entries(task.id)), Balance()).tasks
            if ledger.entries(task.id)
            else 1
            for task in tasks.recorded.values()
        )
        return recorded + sum(now[0] - task.created_at <= timedelta(seconds=30) for task in counted)

    for number, (what, which) in enumerate(steps):
        if what in ("submitted", "counted"):
            task = gates(replace(NEW, id=f"{number:032x}", created_at=now[0], price=PRICE), caller, now[0])
            counted.append(task) if what == "counted" else tasks.create(task)
        elif what == "recorded" and counted:
            task = counted.pop(which % len(counted))
            if now[0] - task.created_at <= timedelta(seconds=30):
                tasks.create(task)
        elif what in ("passes", "waits"):
            now[0] += timedelta(seconds=10 if what == "passes" else 100)
        elif what == "repairs":
            repair("alice", ("",))
        elif what in ("follows", "fails") and tasks.recorded:
            task = list(tasks.recorded.values())[which % len(tasks.recorded)]
            if what == "fails":
                with suppress(Backward):
                    tasks.save(task.failed(NO, now[0]))
            else:
                keep(task)
        assert counts.use(counters.counts("alice"), "", "USD", now[0]).videos_a_day >= needed()
    now[0] += timedelta(minutes=4)
    for task in tasks.recorded.values():
        keep(task)
    counted.clear()
    repair("alice", ("",))
    assert counts.use(counters.counts("alice"), "", "USD", now[0]).videos_a_day == needed()


def test_what_was_spent_before_there_was_a_limit_counts_against_it() -> None:
    harness, owners = Budgeted(), Owners()
    for _ in range(3):
        harness.submit()
    harness.follow()
    change = ChangeOwner(owners, harness.counters, harness.ledger, harness.count_under_way, harness.clock)
    four = Limits(money_a_month=Decimal(4), currency="USD")
    change("alice", lambda settings: replace(settings, limits=four))
    caller = replace(ALICE, settings=owners.held["alice"])
    harness.submit(caller=caller)
    refused(lambda: harness.submit(caller=caller))
    change("alice", lambda settings: replace(settings, limits=replace(four, money_a_month=Decimal(5))))
    assert harness.counted().money_a_month == 4


def test_what_ends_while_the_first_limits_are_summed_up_is_not_counted_twice() -> None:
    harness, owners = Budgeted(), Owners()
    task = harness.submit(caller=of_owner(money_a_day=Decimal(9), currency="USD"))
    harness.follow()

    class Meanwhile(FakeLedger):
        def sums(self, day: date, owner: str | None) -> Iterator[tuple[Account, Balance]]:
            yield from [*super().sums(day, owner)]
            if day == NOON.date():
                harness.follow(replace(harness.task(task.id).failed(NO, harness.now), version=9))

    ledger = Meanwhile(harness.ledger.written, harness.ledger.summed, counters=harness.counters, clock=harness.clock)
    harness.ledger = ledger
    change = ChangeOwner(owners, harness.counters, ledger, harness.count_under_way, harness.clock)
    change("alice", lambda settings: replace(settings, limits=Limits(money_a_day=Decimal(1), currency="USD")))
    assert harness.counted().money_a_day == 0


def test_tasks_that_are_under_way_count_against_the_first_limits_of_their_owner() -> None:
    harness, owners = Budgeted(), Owners()
    ended, followed, late = (harness.submit() for _ in range(3))
    harness.poll(ended.id)
    harness.follow(harness.task(ended.id), harness.task(followed.id))
    change = ChangeOwner(owners, harness.counters, harness.ledger, harness.count_under_way, harness.clock)
    change("alice", lambda settings: replace(settings, limits=Limits(tasks_at_once=9)))
    change("alice", lambda settings: replace(settings, limits=Limits(tasks_at_once=2)))  # nothing is counted twice
    assert (harness.counted().tasks_at_once, harness.counted().videos_a_day) == (2, 3)
    caller = replace(ALICE, settings=owners.held["alice"])
    refused(lambda: harness.submit(caller=caller))
    harness.follow(late)  # its first entry, which is late, and of before there were limits
    harness.poll(followed.id)
    harness.follow()
    assert (harness.counted().tasks_at_once, harness.counted().videos_a_day) == (1, 3)
    harness.submit(caller=caller)


@dataclass
class CatchesUp(FakeLedger):
    """The table's stream was late, and is not any more once entries are looked for."""

    behind: list[Callable[[], object]] = field(default_factory=list)

    def entries(self, task_id: str) -> list[Entry]:
        while self.behind:
            self.behind.pop()()
        return super().entries(task_id)


def test_what_the_ledger_enters_while_a_repair_looks_for_it_keeps_counting() -> None:
    harness = Budgeted()
    harness.ledger = ledger = CatchesUp(counters=harness.counters, clock=harness.clock, behind=[harness.follow])
    harness.submit(caller=of_owner(tasks_at_once=5))
    harness.pass_(601)
    assert RepairCounts(harness.counters, ledger, harness.tasks, harness.clock)("alice", ("",)) == {}
    assert (harness.counted().tasks_at_once, ledger.behind) == (1, [])


def test_owners_who_cannot_be_repaired_do_not_keep_others_from_it() -> None:
    harness, owners = Budgeted(), [f"a{number:02}" for number in range(90)]
    for owner in owners:  # the ledger never gets their entries
        harness.submit(caller=replace(of_owner(tasks_at_once=5), owner=owner))
    harness.counters.change("zoe", {"at_once": Decimal(1), "changed_at": Decimal(int(NOON.timestamp()))})
    repair = RepairCounts(harness.counters, harness.ledger, harness.tasks, harness.clock)
    sweep, repaired = SweepCounts(lambda: {owner: [""] for owner in [*owners, "zoe"]}, repair, harness.clock), 0
    for _ in range(20):
        harness.pass_(900)
        repaired += sweep(lambda: 900.0)
    assert repaired == 1
    assert harness.counters.counts("zoe")["at_once"] == Decimal(0)


@dataclass
class Read(FakeLedger):
    summed_up: int = 0

    def sums(self, day: date, owner: str | None) -> Iterator[tuple[Account, Balance]]:
        self.summed_up += 1
        return super().sums(day, owner)


def test_the_sweep_repairs_what_a_crash_left_too_high_and_reads_no_ledger_when_nothing_was_counted_since() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5)
    harness.ledger = ledger = Read(counters=harness.counters, clock=harness.clock)
    repair = RepairCounts(harness.counters, ledger, harness.tasks, harness.clock)
    sweep = SweepCounts(lambda: {"alice": [""]}, repair, harness.clock)

    def swept() -> tuple[int, int, bool]:
        """The owners that were repaired, the tasks that are counted, and whether the ledger was summed up."""
        before = ledger.summed_up
        repaired = sweep(lambda: 900.0)
        return repaired, harness.counted().tasks_at_once, ledger.summed_up > before

    harness.submit(caller=caller)
    harness.tasks.meanwhile = [die]
    with pytest.raises(SystemExit):
        harness.submit(caller=caller)
    assert swept() == (0, 2, False)  # a task may be about to be recorded
    harness.pass_(601)
    assert swept() == (0, 2, True)  # the ledger does not know the first task yet: it must count
    harness.follow()
    assert swept() == (1, 1, True)
    assert swept() == (0, 1, False)
    harness.submit(caller=caller)
    harness.follow()
    harness.pass_(601)
    assert [swept(), swept()] == [(0, 2, True), (0, 2, False)]


@dataclass
class Forgetful:
    """An index that shows the newest task once, and then, from an older copy, does not."""

    tasks: FakeTasks
    listed: int = 0

    def page(self, owners: str | tuple[str, ...], listing: Listing) -> Page:
        self.listed += 1
        page = self.tasks.page(owners, listing)
        newest = max(self.tasks.recorded)
        return page if self.listed <= 2 else replace(page, tasks=tuple(t for t in page.tasks if t.id != newest))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)


def test_an_owner_that_never_pauses_is_repaired_unless_a_submission_may_be_about_to_be_recorded() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=99)
    repair = RepairCounts(harness.counters, harness.ledger, harness.tasks, harness.clock)

    def submit(minutes: int) -> None:
        for _ in range(6 * minutes):
            harness.pass_(10)
            harness.submit(caller=caller)
            harness.follow()

    submit(5)
    assert repair("alice", ("",)) == {}
    harness.tasks.meanwhile = [lambda: wrong.append(repair("alice", ("",), repair=False)), die]
    wrong = list[dict[str, str]]()
    with pytest.raises(SystemExit):
        harness.submit(caller=caller)
    harness.tasks.meanwhile = [lambda: wrong.append(repair("alice", ("",), repair=False))]
    submit(3)  # the first of these is counted while the repair looks
    assert (wrong, repair("alice", ("",))) == ([{}], {})
    submit(1)
    late = harness.submit(caller=caller)
    assert repair("alice", ("",)) == {}  # the ledger does not know it yet
    assert replace(repair, tasks=Forgetful(harness.tasks))("alice", ("",)) == {}
    harness.follow(late)
    assert repair("alice", ("",))["at_once"] == "56 instead of 55"
    assert harness.counted().tasks_at_once == len(harness.tasks.recorded) == 55
