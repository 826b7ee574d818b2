"""The ledger of a task adds up to what the task costs, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.domain import transitions
from reelkeep.domain.errors import Stale
from reelkeep.domain.ledger import MOST_TAGS, OTHER_TAGS, Balance, Entry, Phase, balance, cost, phase, total
from reelkeep.domain.task import (
    Creation,
    DispatchStatus,
    Failure,
    FailureClass,
    Price,
    State,
    Task,
)
from reelkeep.services.ledger import KeepLedger
from tests.fakes.owners import FakeLedger
from tests.unit.services.harness import NOON, request
from tests.unit.services.webhook_harness import task

CREDITS = Price(unit="credits", units=Decimal(20), each=Decimal("0.005"), currency="USD", since="2025-11-03")
TOKENS = Price(unit="tokens", units=Decimal(108_000), each=Decimal("0.0000012"), currency="USD", since="2026-04-01")
NEW = replace(task(), request=request(tags=("b", "a")), state=State.CREATED, price=CREDITS)
DONE = replace(NEW, state=State.ARCHIVING, version=3)


def failed(before: Task, reason: FailureClass, status: DispatchStatus = DispatchStatus.ACCEPTED) -> Task:
    return before.with_dispatch(status=status).failed(Failure(reason=reason), NOON)


def told(*tasks: Task) -> list[tuple[str, str, str]]:
    """What was entered: reasons, and the changes of what is reserved and charged."""
    keep = KeepLedger(FakeLedger())
    for version, each in enumerate(tasks):
        keep(replace(each, version=version))
    written = keep.ledger.entries(NEW.id)
    return [(each.reason, f"{each.change.reserved:+.4f}", f"{each.change.charged:+.4f}") for each in written]


@pytest.mark.parametrize(
    ("tasks", "entered"),
    [
        ((NEW, DONE), [("reserve", "+0.1000", "+0.0000"), ("charge", "-0.1000", "+0.1000")]),
        ((NEW, replace(DONE, credits=25)), [("reserve", "+0.1000", "+0.0000"), ("charge", "-0.1000", "+0.1250")]),
        ((NEW, replace(NEW, credits=10)), [("reserve", "+0.1000", "+0.0000"), ("adjust", "-0.0500", "+0.0000")]),
        (
            (NEW, failed(NEW, FailureClass.POLICY)),
            [("reserve", "+0.1000", "+0.0000"), ("release", "-0.1000", "+0.0000")],
        ),
        (
            (NEW, failed(NEW, FailureClass.LOST), replace(failed(NEW, FailureClass.LOST), adopted_as="f" * 32)),
            [("reserve", "+0.1000", "+0.0000"), ("charge", "-0.1000", "+0.1000"), ("refund", "+0.0000", "-0.1000")],
        ),
        ((DONE, transitions.erased(replace(DONE, state=State.SUCCESS), NOON)), [("charge", "+0.0000", "+0.1000")]),
        (
            (NEW, transitions.erased(replace(DONE, state=State.SUCCESS), NOON)),
            [("reserve", "+0.1000", "+0.0000"), ("charge", "-0.1000", "+0.1000")],
        ),
        (
            (NEW, transitions.erased(failed(NEW, FailureClass.POLICY), NOON)),
            [("reserve", "+0.1000", "+0.0000"), ("release", "-0.1000", "+0.0000")],
        ),
        ((DONE, replace(DONE, state=State.SUCCESS)), [("charge", "+0.0000", "+0.1000")]),
        (
            (replace(NEW, price=TOKENS), replace(DONE, price=TOKENS, tokens=100_000)),
            [("reserve", "+0.1296", "+0.0000"), ("charge", "-0.1296", "+0.1200")],
        ),
    ],
)
def test_a_task_is_reserved_charged_adjusted_released_and_refunded(
    tasks: Sequence[Task], entered: Sequence[tuple[str, str, str]]
) -> None:
    assert told(*tasks) == entered


@pytest.mark.parametrize(
    ("reason", "status", "costs"),
    [
        (FailureClass.PROVIDER, DispatchStatus.ACCEPTED, Phase.FREE),
        (FailureClass.CANCELLED, DispatchStatus.ACCEPTED, Phase.FREE),
        (FailureClass.DEADLINE, DispatchStatus.WAITING, Phase.FREE),
        (FailureClass.DEADLINE, DispatchStatus.ACCEPTED, Phase.CHARGED),
        (FailureClass.LOST, DispatchStatus.UNKNOWN, Phase.CHARGED),
    ],
)
def test_what_a_provider_may_have_made_counts_as_charged_until_the_opposite_is_known(
    reason: FailureClass, status: DispatchStatus, costs: Phase
) -> None:
    assert phase(failed(NEW, reason, status)) is costs


def test_a_task_without_a_price_is_counted_in_its_unit_as_unpriced() -> None:
    unpriced = replace(DONE, price=None)
    assert cost(unpriced) == ("videos", Decimal(1), None)
    assert cost(replace(unpriced, creations=(Creation(id="1"), Creation(id="2")))) == ("videos", Decimal(2), None)
    assert cost(replace(unpriced, tokens=7)) == ("tokens", Decimal(7), None)
    assert cost(replace(unpriced, credits=0)) == ("credits", Decimal(0), None)
    [(account, sum_)] = balance(replace(unpriced, credits=25)).items()
    assert (account.currency, sum_) == ("", Balance(tasks=1, tasks_charged=1, unpriced=1, units_charged=Decimal(25)))
    keep = KeepLedger(FakeLedger())  # the unit is known later: nothing stays behind under the first one
    keep(replace(NEW, price=None))
    keep(replace(unpriced, credits=25))
    assert total(keep.ledger.entries(NEW.id)) == {account: sum_}


def test_a_task_counts_under_the_tags_that_it_was_submitted_with() -> None:
    keep = KeepLedger(FakeLedger())
    later = replace(DONE, request=replace(DONE.request, tags=("later",)), version=1)
    assert [keep(each) for each in (NEW, later, replace(later, request=NEW.request, version=2))] == [1, 1, 0]
    assert {each.account.tags for each in keep.ledger.entries(NEW.id)} == {("a", "b")}


def test_of_many_sets_of_tags_the_first_of_a_day_have_sums_of_their_own_and_no_money_is_lost() -> None:
    keep, made = KeepLedger(FakeLedger()), MOST_TAGS + 20
    tasks = [
        replace(NEW, id=f"{number:032x}", request=replace(NEW.request, tags=(f"task-{number}",)))
        for number in range(made)
    ]
    for each in (*tasks, *(replace(each, state=State.ARCHIVING, version=1) for each in tasks), tasks[0]):
        keep(each)
    sums = {account: there for account, there in keep.ledger.sums(NEW.created_at.date(), "alice") if there.tasks}
    assert len(sums) == MOST_TAGS + 1
    assert sum((each.charged for each in sums.values()), Decimal()) == Decimal("0.1") * made
    assert [each.tasks for account, each in sums.items() if account.tags == OTHER_TAGS] == [20]


def test_a_change_that_comes_after_the_end_enters_nothing() -> None:
    keep = KeepLedger(FakeLedger())
    keep(replace(failed(NEW, FailureClass.POLICY), version=1))
    keep(replace(NEW, version=0))
    assert total(keep.ledger.entries(NEW.id)) == {}


# --- any order, replay, race and crash ---

_FAILURES = [None, *(Failure(reason=reason) for reason in FailureClass)]
_VERSIONS = st.builds(
    replace,
    st.just(NEW),
    state=st.sampled_from(State),
    credits=st.none() | st.integers(0, 500),
    tokens=st.none() | st.integers(0, 10**6),
    failure=st.sampled_from(_FAILURES),
    adopted_as=st.sampled_from(["", "", "", "f" * 32]),
    price=st.sampled_from([None, CREDITS, TOKENS]),
    request=st.sampled_from([NEW.request, replace(NEW.request, tags=("other",))]),
)


@dataclass
class Unsteady(FakeLedger):
    """Fails before it writes, or after; or somebody else enters the same in the meantime."""

    moods: list[str] = field(default_factory=list)

    def add(self, task: Task, before: Sequence[Entry], entries: Sequence[Entry]) -> None:
        mood = self.moods.pop() if self.moods else ""
        if mood == "before":
            raise ConnectionError
        if mood == "raced":
            super().add(task, before, entries)
        super().add(task, before, entries)
        if mood == "after":
            raise ConnectionError


@given(
    versions=st.lists(_VERSIONS, min_size=1, max_size=6),
    order=st.lists(st.integers(0, 5), max_size=12),
    moods=st.lists(st.sampled_from(["", "before", "after", "raced"]), max_size=12),
)
def test_any_order_of_changes_replays_races_and_crashes_leaves_what_the_task_costs(
    versions: list[Task], order: list[int], moods: list[str]
) -> None:
    history = [replace(each, version=version) for version, each in enumerate(versions)]
    keep = KeepLedger(Unsteady(moods=moods))
    for number in order:
        with suppress(ConnectionError, Stale):  # the stream repeats it
            keep(history[number % len(history)])
    moods.clear()
    keep(history[-1])
    keep(history[0])  # an old change comes once more
    there = keep.ledger.entries(NEW.id)
    assert total(there) == balance(history[-1], there[0].account.tags if there else None)
    assert [each.number for each in there] == [*range(len(there))]
    for end in range(len(there) + 1):
        for each in total(there[:end]).values():
            assert min(each.reserved, each.charged, each.units_reserved, each.units_charged) >= 0
            assert 0 <= each.tasks_charged <= each.tasks <= 1


@given(st.lists(_VERSIONS, max_size=8))
def test_the_sums_of_a_day_are_those_of_its_tasks(versions: list[Task]) -> None:
    ledger, sums = FakeLedger(), dict[object, Balance]()
    tasks = [replace(each, id=f"{number:032x}") for number, each in enumerate(versions)]
    for each in tasks:
        KeepLedger(ledger)(each)
        for account, there in balance(each).items():
            sums[account] = sums.get(account, Balance()) + there
    assert dict(_not_empty(ledger, "alice")) == sums
    assert not dict(_not_empty(ledger, "mallory"))


def _not_empty(ledger: FakeLedger, owner: str) -> Iterator[tuple[object, Balance]]:
    day = NEW.created_at.date()
    assert not list(ledger.sums(day + timedelta(days=1), owner))
    return ((account, there) for account, there in ledger.sums(day, owner) if there != Balance())
