"""A harness with the ledger that follows its tasks, and owners with limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.domain import counts, owner_settings
from reelkeep.domain.claims import Claim
from reelkeep.domain.errors import (
    Later,
    NotFound,
)
from reelkeep.domain.limits import Limits
from reelkeep.domain.owner_settings import OwnerSettings
from reelkeep.domain.room import Limit
from reelkeep.domain.task import Failure, FailureClass, Price, Task
from reelkeep.ports.owners import Caller
from reelkeep.services.counts import CountUnderWay
from reelkeep.services.ledger import KeepLedger
from tests.fakes.owners import FakeLedger
from tests.fakes.providers import FakeSlots
from tests.fakes.tasks import FakeTasks
from tests.unit.services.harness import ALICE, Harness

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
        self.tasks.counters = self.counters
        self.ledger = FakeLedger(counters=self.counters, clock=self.clock)

    @property
    def count_under_way(self) -> CountUnderWay:
        return CountUnderWay(self.tasks, self.ledger, self.clock)

    def follow(self, *tasks: Task) -> None:
        """What the stream of the table does with these versions, or with what is recorded."""
        for task in tasks or self.tasks.recorded.values():
            KeepLedger(self.ledger)(task)

    def counted(self) -> counts.Use:
        return counts.use(self.counters.counts("alice"), "", "USD", self.now)


def refused(submit: Callable[[], object]) -> Later:
    with pytest.raises(Later) as no:
        submit()
    return no.value


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
        owner_settings.check_settings(edited := replace(edit(before), version=before.version + 1))
        self.held[name] = edited
        return edited

    def stop_provider(self, provider: str, *, start: bool = False) -> frozenset[str]:
        self.stopped = self.stopped - {provider} if start else self.stopped | {provider}
        return frozenset(self.stopped)
