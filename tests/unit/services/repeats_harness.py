"""What the tests of repeats share: submissions that are met, cut short or repeated at any point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from reelkeep.domain.claims import Claim
from reelkeep.domain.observation import DispatchOutcome
from reelkeep.domain.task import Failure, FailureClass, Task
from tests.fakes.tasks import FakeClaims, FakeTasks
from tests.unit.services.harness import FakeProvider, Harness, request

NO_CREDIT = Failure(reason=FailureClass.CREDIT, code="CreditInsufficient", message="no credit left")


ASKED = request(body={"model": "viduq2", "prompt": "a paper boat"})


OTHER = request(body={"model": "viduq2", "prompt": "another boat"})


class DiesAt(BaseException):
    """The function is killed here."""


def then(act: Callable[[], object]) -> Callable[[], object]:
    """Only the first time."""
    left = [act]
    return lambda: left.pop()() if left else None


def dies() -> None:
    raise DiesAt


class Claims(FakeClaims):
    after: Callable[[], object] = staticmethod(lambda: None)

    def claim(self, claim: Claim, now: datetime, *, instead_of: str = "") -> Claim:
        made = super().claim(claim, now, instead_of=instead_of)
        self.after()
        return made


class Tasks(FakeTasks):
    before_create: Callable[[], object] = staticmethod(lambda: None)
    after_create: Callable[[], object] = staticmethod(lambda: None)
    before_save: Callable[[], object] = staticmethod(lambda: None)

    def create(self, task: Task) -> Task:
        self.before_create()
        created = super().create(task)
        self.after_create()
        return created

    def save(self, task: Task) -> Task:
        self.before_save()
        return super().save(task)


class Provider(FakeProvider):
    before: Callable[[], object] = staticmethod(lambda: None)
    after: Callable[[], object] = staticmethod(lambda: None)

    def dispatch(self, task: Task) -> DispatchOutcome:
        self.before()
        outcome = super().dispatch(task)
        self.after()
        return outcome


class Acts(Harness):
    """A harness on which something can happen between the steps of a submission."""

    provider: Provider
    tasks: Tasks
    claims: Claims

    def __init__(self, *placements: DispatchOutcome) -> None:
        super().__init__(provider=Provider(), tasks=Tasks(), claims=Claims())
        if placements:
            self.provider.outcomes = list(placements)


POINTS: dict[str, Callable[[Acts, Callable[[], object]], object]] = {
    "after the claim": lambda harness, act: setattr(harness.claims, "after", act),
    "before the record": lambda harness, act: setattr(harness.tasks, "before_create", act),
    "after the record": lambda harness, act: setattr(harness.tasks, "after_create", act),
    "before the call": lambda harness, act: setattr(harness.provider, "before", act),
    "after the call": lambda harness, act: setattr(harness.provider, "after", act),
    "before the outcome": lambda harness, act: setattr(harness.tasks, "before_save", act),
}


at_every_point = pytest.mark.parametrize("point", POINTS)
