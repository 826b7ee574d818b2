"""What a submission would cost, and what was spent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.ids import new_task_id
from reelkeep.domain.ledger import Balance
from reelkeep.domain.task import Kind, Price, State
from reelkeep.domain.usage import UsageQuery, UsageRow
from reelkeep.services.forecasts import Forecasts
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.quote import QuoteSubmission
from reelkeep.services.usage import ShowUsage
from tests.fakes.owners import FakeLedger
from tests.fakes.providers import FakeDurations
from tests.unit.services.harness import ALICE, MALLORY, NOON, Harness, request
from tests.unit.services.webhook_harness import task

PRICE = Price(unit="credits", units=Decimal(20), each=Decimal("0.005"), currency="USD", since="2025-11-03")
_LINE = {"since": "2026-01-01", "unit": "credits", "units": "20", "price": "0.005", "currency": "USD"}


def quotes(**asked: Any) -> list[tuple[str, str | None, str]]:
    """By provider: the money, and why it cannot do it."""

    def vidu(**changes: Any) -> dict[str, Any]:
        plain = {"dialect": "vidu_ent_v2", "base_url": "https://vidu.test", "api_key": "vda_1", "models": ["viduq*"]}
        return {**plain, **changes}

    providers = ConfiguredProviders(
        FixedSecret(
            {
                "unpriced": vidu(prices=[]),
                "dear": vidu(prices=[{**_LINE, "price": "0.009"}]),
                "cheap": vidu(prices=[_LINE]),
                "ark": vidu(dialect="volc_ark", models=["doubao-*"], default=True),
                "other": vidu(models=["other"]),
            }
        ),
        upstream,
        Outbound.__new__(Outbound),  # nothing is sent
    )
    quote = QuoteSubmission(
        providers, providers.all, Forecasts(FakeDurations(), 4.0, lambda: NOON), lambda: NOON, new_task_id
    )
    found = quote(request(**asked), ALICE)
    return [(each.provider, None if each.amount is None else str(each.amount), each.reason) for each in found]


class FixedSecret:
    def __init__(self, content: Any) -> None:
        self._content = content

    def value(self) -> str:
        return json.dumps(self._content)


def test_a_quote_comes_from_each_provider_that_serves_the_model_the_cheapest_first() -> None:
    amounts = [("cheap", "0.100000", ""), ("dear", "0.180000", ""), ("unpriced", None, "")]
    assert [each for each in quotes(model="viduq2") if each[0] != "ark"] == amounts
    assert quotes(model="viduq2", provider="dear") == [("dear", "0.180000", "")]


def test_a_provider_that_cannot_do_it_says_why() -> None:
    found = quotes(kind=Kind.UPSCALE, model="viduq2", creation_id="c1", prompt="", duration=None)
    [(_, money, reason)] = [each for each in found if each[0] == "ark"]
    assert money is None
    assert "upscale" in reason
    with pytest.raises(InvalidRequest):
        quotes(provider="nobody")


def test_a_task_bears_the_price_of_the_moment_of_its_submission() -> None:
    harness = Harness()
    harness.provider.prices = PRICE
    submitted = harness.submit()
    harness.provider.prices = replace(PRICE, each=Decimal(7))
    assert harness.task(submitted.id).price == PRICE


def usage(query: UsageQuery) -> list[UsageRow]:
    ledger = FakeLedger()
    tasks = [
        replace(task(), price=PRICE, request=request(tags=("a", "b"))),
        replace(task(), price=PRICE, state=State.ARCHIVING, key_id="key-9"),
        replace(task(), price=replace(PRICE, currency="CNY"), provider="ark"),
        replace(task(), price=None, created_at=NOON - timedelta(days=1)),
        replace(task(caller=MALLORY), price=PRICE),
    ]
    for number, each in enumerate(tasks):
        KeepLedger(ledger)(replace(each, id=f"{number:032x}"))
    return [*ShowUsage(ledger, lambda: NOON)(query, ALICE).rows]


RESERVED = Balance(tasks=1, units_reserved=Decimal(20), reserved=Decimal("0.1"))
CHARGED = Balance(tasks=1, tasks_charged=1, units_charged=Decimal(20), charged=Decimal("0.1"))
UNPRICED = Balance(tasks=1, unpriced=1)


def test_an_owner_sees_its_own_sums_and_no_mixed_currencies_or_units() -> None:
    days = [({"day": "2026-11-20"}, "videos", "", UNPRICED + Balance(units_reserved=Decimal(1)))]
    days += [({"day": "2026-11-21"}, "credits", "CNY", RESERVED)]
    days += [({"day": "2026-11-21"}, "credits", "USD", RESERVED + CHARGED)]
    assert usage(UsageQuery()) == [UsageRow(*each) for each in days]
    [only] = usage(UsageQuery(first=NOON.date(), by=("owner", "key", "provider", "model")))[1:2]
    assert only == UsageRow(
        {"owner": "alice", "key": "key-1", "provider": "vidu", "model": "viduq2"}, "credits", "USD", RESERVED
    )


def test_a_task_counts_for_each_of_its_tags() -> None:
    found = usage(UsageQuery(by=("tag",)))
    assert {each.group["tag"]: each.sum.tasks for each in found if each.currency == "USD"} == {"": 1, "a": 1, "b": 1}


@pytest.mark.parametrize(("first", "last"), [(date(2026, 11, 22), None), (date(2026, 8, 1), date(2026, 11, 1))])
def test_days_that_are_none_or_too_many_are_refused(first: date, last: date | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        UsageQuery(first, last).days(NOON.date())
    assert caught.value.field == "to"
