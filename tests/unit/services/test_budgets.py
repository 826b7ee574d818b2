"""An owner is notified once of each threshold of its budgets, whatever is repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.domain.limits import Limits
from reelkeep.domain.notices.notice import News
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.task import Reservation
from reelkeep.services.budgets import WarnOfBudgets
from tests.fakes.owners import FakeCounters
from tests.unit.services.harness import MALLORY, FakeNotices
from tests.unit.services.webhook_harness import WebhookHarness, task

A_DAY = "money:2026-11-21:USD"
A_MONTH = "money:2026-11:USD"
COUNTED = Reservation(id="r", counters=("",), money=Decimal("0.5"), currency="USD")


class Budget:
    """Alice's: 10 USD a day, 100 a month."""

    def __init__(self, **limits: Any) -> None:
        self.webhooks, self.notices, self.counters, self.full = (
            WebhookHarness(),
            FakeNotices(),
            FakeCounters(),
            list[str](),
        )
        usual: dict[str, Any] = {"money_a_day": Decimal(10), "money_a_month": Decimal(100), "currency": "USD"}
        self.limits = Limits(**usual | limits)

    def spend(self, day: str, month: str = "0", **changes: Any) -> list[tuple[str, int]]:
        """The notices after a task of 0.50 changed what is spent to this."""
        told = len(self.notices.told)
        self.counters.held.setdefault("alice", {}).update({A_DAY: Decimal(day), A_MONTH: Decimal(month)})
        changed = replace(task(), **{"reservation": COUNTED, **changes})
        warn = WarnOfBudgets(
            self.counters,
            lambda _: OwnerSettings(limits=self.limits),
            self.webhooks.announce,
            self.notices,
            self.full.append,
            self.webhooks.clock,
        )
        warn(changed)
        warn(changed)  # a replay
        return [(each["data"]["limit"], each["data"]["percent"]) for each in self.notices.told[told:]]


def test_each_threshold_of_a_day_and_of_a_month_is_told_once() -> None:
    budget = Budget()
    told = [budget.spend(*spent) for spent in (("4.9", "49"), ("5", "49.5"), ("6", "50"), ("4", "48"), ("5.5", "51"))]
    assert told == [[], [("money_a_day", 50)], [("money_a_month", 50)], [], []]
    assert budget.spend("9.6", "52") == [
        ("money_a_day", 100)
    ]  # another one would be refused; 80 is not told any more
    assert (budget.spend("10", "52"), budget.full) == ([], ["alice"])
    budget.limits = replace(budget.limits, money_a_day=Decimal(20))
    assert [budget.spend("11", "53"), budget.spend("16", "53")] == [[], [("money_a_day", 80)]]


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        ({}, {"reservation": None}),
        ({}, {"reservation": replace(COUNTED, counters=("key-1",))}),
        ({}, {"reservation": replace(COUNTED, currency="CNY")}),
        ({"money_a_day": None, "money_a_month": None}, {}),
    ],
)
def test_who_has_no_budget_in_this_currency_hears_nothing(limits: dict[str, Any], changes: dict[str, Any]) -> None:
    assert Budget(**limits).spend("10", "100", **changes) == []


def test_webhooks_that_ask_for_it_get_it_once_though_the_mark_was_lost() -> None:
    budget = Budget()
    budget.webhooks.webhook("https://one.test/h", news=(News.BUDGET,))
    budget.webhooks.webhook("https://two.test/h")
    budget.webhooks.webhook("https://three.test/h", caller=MALLORY, news=(News.BUDGET,))
    budget.spend("8")
    budget.counters.held["alice"].clear()
    budget.webhooks.pass_(timedelta(minutes=1))
    budget.spend("8.1")
    [delivery] = budget.webhooks.deliveries.recorded.values()
    assert (delivery.url, delivery.event) == ("https://one.test/h", "budget")
    first, again = budget.notices.told
    assert json.loads(delivery.body) == first
    assert (first["id"], again["id"]) == ("alice.budget.money_a_day.2026-11-21.80-of-10",) * 2
    assert budget.notices.attributes[0]["owner_state"] == "alice#budget"
