"""Gates: nothing passes a limit, and what is refused is refused before anything is paid for."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.domain.errors import (
    Forbidden,
    Later,
    OverBudget,
    OverLimit,
    Stopped,
    TryLater,
)
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import State, Task
from reelkeep.ports.owners import Caller
from tests.unit.services.harness import ALICE, Harness
from tests.unit.services.limits_harness import PRICE, Budgeted, of_owner, refused

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


class Counted:
    """A port, whose calls are noted."""

    def __init__(self, port: object, calls: list[str]) -> None:
        self.port, self.calls = port, calls

    def __getattr__(self, name: str) -> Any:
        self.calls.append(f"{type(self.port).__name__}.{name}")
        return getattr(self.port, name)


def test_a_warm_submission_under_limits_makes_no_other_call_more_than_that_one_write() -> None:
    def calls(caller: Caller) -> Counter[str]:
        harness, noted = Budgeted(), list[str]()
        harness.submit(caller=caller)
        for name in ("tasks", "claims", "slots", "durations", "counters", "executions", "notices", "archive"):
            setattr(harness, name, Counted(getattr(harness, name), noted))
        harness.submit(caller=caller)
        assert len(noted) > 5
        return Counter(noted)

    own = Limits(tasks_at_once=9, submissions_a_minute=9)
    limits_of_all_kinds = of_owner(
        models=("vidu*",), tasks_at_once=9, submissions_a_minute=9, videos_a_day=9, money_a_day=Decimal(9),
        money_a_month=Decimal(9), currency="USD",
    )  # fmt: skip
    usual, limited = calls(ALICE), calls(replace(limits_of_all_kinds, limits=own))
    assert limited - usual == Counter({"FakeCounters.reserve": 1})
    assert not usual - limited


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


def test_of_two_that_are_the_same_submission_one_is_counted() -> None:
    harness, caller = Budgeted(), of_owner(tasks_at_once=5)
    harness.tasks.meanwhile = [lambda: harness.submit(caller=caller, key="k")]
    harness.submit(caller=caller, key="k")
    assert (len(harness.tasks.recorded), len(harness.provider.dispatched)) == (1, 1)
    assert harness.counted().tasks_at_once == harness.counted().videos_a_day == 1


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
