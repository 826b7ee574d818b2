"""Money through the HTTP API: usage as JSON and as a table, and what a task shows of its cost."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.domain.task import Price, State
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.usage import ShowUsage
from tests.fakes.owners import FakeKeys, FakeLedger
from tests.fakes.tasks import FakeTasks
from tests.unit.api_harness import event
from tests.unit.services.harness import ALICE, MALLORY, NOON, request
from tests.unit.services.webhook_harness import task

PRICE = Price(unit="credits", units=Decimal(20), each=Decimal("0.005"), currency="USD", since="2025-11-03")
DONE = replace(task(), price=PRICE, state=State.SUCCESS, request=request(model="=cmd()"))
HEAD = "tasks,tasks_charged,tasks_unpriced,unit,units_reserved,units_charged,currency,reserved,charged\r\n"


def get(path: str, query: str = "", key: str = "rk_alice") -> Any:
    ledger, tasks = FakeLedger(), FakeTasks()
    KeepLedger(ledger)(tasks.create(DONE))
    usage = ShowUsage(ledger, lambda: NOON)
    api = Api(
        keys=FakeKeys({"rk_alice": ALICE, "rk_mallory": MALLORY}),
        logger=Logger(service="test"),
        show=lambda task_id, _: tasks.recorded[task_id],
        services={"show_usage": usage, "export_usage": usage},
        links=lambda file: f"https://files.test/{file.key}",
    )
    answer = api.handle(event("GET", path, None, query, authorization=f"Bearer {key}"))
    is_json = answer["headers"]["content-type"].endswith("json")
    return answer["statusCode"], json.loads(answer["body"]) if is_json else answer["body"]


def test_usage_is_summed_as_asked_for_its_owner_alone() -> None:
    status, report = get("/usage", "by=day,model&from=2026-11-21")
    row = {"day": "2026-11-21", "model": "=cmd()", "tasks": 1, "tasks_charged": 1, "tasks_unpriced": 0}
    row |= {"unit": "credits", "units_reserved": "0", "units_charged": "20"}
    row |= {"currency": "USD", "reserved": "0", "charged": "0.1"}
    assert (status, report) == (200, {"first_day": "2026-11-21", "last_day": "2026-11-21", "rows": [row]})
    assert get("/usage", key="rk_mallory")[1]["rows"] == []
    assert get("/usage", "to=0001-01-02")[1]["first_day"] == "0001-01-01"


def test_the_same_comes_as_a_table_in_which_no_cell_is_a_formula() -> None:
    assert get("/usage.csv", "by=model") == (200, f"model,{HEAD}'=cmd(),1,1,0,credits,0,20,USD,0,0.1\r\n")
    assert get("/usage.csv", key="rk_mallory") == (200, f"day,{HEAD}")


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=yesterday", "from"), ("to=2026-02-30", "to"), ("by=colour", "by"), ("from=2026-01-01", "to")],
)
def test_what_cannot_be_summed_is_refused_by_its_name(query: str, field: str) -> None:
    status, problem = get("/usage", query)
    assert (status, problem["errors"][0]["field"]) == (400, field)


def test_a_task_shows_its_cost() -> None:
    charged = {"phase": "charged", "unit": "credits", "units": "20", "amount": "0.1", "currency": "USD"}
    assert get(f"/tasks/{DONE.id}")[1]["cost"] == charged
