"""Owners through the HTTP API: operators settle what each may spend, and each reads its own."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from reelkeep.api import Api
from reelkeep.domain.keys import Owner
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.scopes import Scope
from reelkeep.domain.upstream import Upstream
from reelkeep.ports.owners import Caller
from reelkeep.services.owners import ChangeOwner, ManageOwners
from reelkeep.services.providers import StopProvider
from tests.fakes.owners import FakeKeys
from tests.unit.api_harness import event
from tests.unit.services.harness import ALICE
from tests.unit.services.limits_harness import Budgeted, Owners

OPERATOR = replace(ALICE, owner="ops", scopes=frozenset({Scope.OPERATE}))


class Scene:
    def __init__(self) -> None:
        self.harness, self.owners = Budgeted(), Owners()
        counters, clock = self.harness.counters, self.harness.clock
        change = ChangeOwner(self.owners, counters, self.harness.ledger, self.harness.count_under_way, clock)
        manage = ManageOwners(self._listed, change, counters, clock)
        stop = StopProvider(lambda: [Upstream("vidu", "vidu_ent_v2", ("vidu*",), True)], self.owners)
        self.keys = FakeKeys({"rk_ops": OPERATOR, "rk_alice": ALICE})
        self.api = Api(
            keys=self.keys,
            logger=Logger(service="test"),
            submit=self.harness.submit,
            services={
                "list_owners": manage.list,
                "show_owner": manage.show,
                "replace_owner": manage.change,
                "change_owner": manage.change,
                "show_own_limits": manage.show_own,
                "stop_provider": stop,
                "start_provider": stop,
            },
            links=lambda file: file.key,
        )

    def _listed(self) -> list[Owner]:
        return [Owner(name=name, keys=1, settings=settings) for name, settings in self.owners.held.items()]

    def ask(self, method: str, path: str, body: object = None, key: str = "rk_ops") -> Any:
        settings = self.owners.held["alice"]
        alice: Caller = replace(ALICE, settings=settings, stopped_providers=frozenset(self.owners.stopped))
        self.keys.callers["rk_alice"] = replace(alice, limits=Limits(videos_a_day=1))
        answer = self.api.handle(event(method, path, body, authorization=f"Bearer {key}"))
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"].get("retry-after")

    def submit(self) -> Any:
        body = {"kind": "text2video", "model": "viduq2", "prompt": "a boat"}
        return self.ask("POST", "/tasks", body, key="rk_alice")


def test_an_operator_settles_what_an_owner_may_spend_and_the_owner_sees_what_is_left() -> None:
    scene = Scene()
    limits: dict[str, Any] = {
        "tasks_at_once": 3,
        "money_a_day": "2.5",
        "money_a_month": "10.50",
        "currency": "USD",
        "models": ["vidu*"],
    }
    status, owner, _ = scene.ask("PUT", "/owners/alice", {"limits": limits})
    left: dict[str, Any] = {"tasks_at_once": 3, "submissions_a_minute": None, "videos_a_day": None}
    left |= {"money_a_day": "2.5", "money_a_month": "10.5"}
    assert (status, owner["name"], owner["left"], owner["limits"]["videos_a_day"]) == (200, "alice", left, None)
    assert scene.owners.held["alice"].limits.money_a_month == Decimal("10.50")
    assert scene.submit()[0] == 201
    status, own, _ = scene.ask("GET", "/owner", key="rk_alice")
    left |= {"tasks_at_once": 2, "money_a_day": "1.5", "money_a_month": "9.5"}
    assert (status, own["owner"], own["left"], own["key_left"]["videos_a_day"]) == (200, "alice", left, 0)
    assert scene.ask("GET", "/owners")[1] == {"owners": [scene.ask("GET", "/owners/alice")[1]]}
    status, problem, retry_after = scene.submit()
    assert (status, problem["type"], retry_after) == (429, "/docs#problem-over-limit", "43200")
    scene.ask("PATCH", "/owners/alice", {"limits": {"money_a_day": "1.5", "currency": "USD"}, "repeat_window": 60})
    status, problem, retry_after = scene.submit()
    assert (status, problem["type"], retry_after) == (402, "/docs#problem-over-budget", "43200")
    assert "this owner may spend 1.5 USD a day: 1 are spent or reserved, and this costs 1." in problem["detail"]
    scene.ask("PUT", "/owners/alice", {"stopped": "the invoice is open"})
    status, problem, _ = scene.submit()
    assert (status, problem["detail"]) == (
        403,
        "an operator has stopped the submissions of alice: the invoice is open",
    )
    assert scene.owners.held["alice"] == OwnerSettings(stopped="the invoice is open", version=3)


def test_a_provider_is_stopped_and_started() -> None:
    scene = Scene()
    assert scene.ask("POST", "/providers/vidu/stop")[:2] == (200, {"stopped": ["vidu"]})
    status, problem, _ = scene.submit()
    assert (status, problem["type"]) == (503, "/docs#problem-stopped")
    assert scene.ask("POST", "/providers/vidu/start")[:2] == (200, {"stopped": []})
    assert scene.submit()[0] == 201
    assert scene.ask("POST", "/providers/nobody/stop")[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limits": {"money_a_day": 10.5, "currency": "USD"}}, "limits.money_a_day"),
        ({"limits": {"money_a_day": "-1", "currency": "USD"}}, "limits.money_a_day"),
        ({"limits": {"money_a_day": "1"}}, "limits.currency"),
        ({"limits": {"money_a_day": "2", "money_a_month": "1", "currency": "USD"}}, "limits.money_a_day"),
        ({"limits": {"tasks_at_once": 0}}, "limits.tasks_at_once"),
        ({"limits": {"tasks": 1}}, "limits.tasks"),
        ({"repeat_window": -1}, "repeat_window"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field(body: Any, field: str) -> None:
    status, problem, _ = Scene().ask("PUT", "/owners/alice", body)
    assert (status, [each["field"] for each in problem["errors"]]) == (400, [field])


def test_an_owner_that_nobody_is_cannot_be_settled() -> None:
    assert Scene().ask("GET", "/owners/nobody")[0] == 404


def test_an_operator_lets_what_an_owner_may_not_have_at_once_wait() -> None:
    scene = Scene()
    scene.ask("PATCH", "/owners/alice", {"limits": {"tasks_at_once": 1}, "when_full": "queue"})
    assert scene.owners.held["alice"].queues
    assert scene.ask("GET", "/owner", key="rk_alice")[1]["when_full"] == "queue"
    code, error, _ = scene.ask("PATCH", "/owners/alice", {"when_full": "later"})
    assert (code, "when_full" in json.dumps(error)) == (400, True)
    assert scene.ask("PUT", "/owners/alice", {})[1]["when_full"] == "refuse"
