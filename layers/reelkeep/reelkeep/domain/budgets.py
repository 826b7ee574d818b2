"""How much of an owner's budget is used, and what it hears of that: once for each threshold of a day and a month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from reelkeep.domain.counts import WARNED, ZERO, Counts, day_of, month_of, name_of
from reelkeep.domain.limits import Limits
from reelkeep.domain.money import amount
from reelkeep.domain.task import Task

THRESHOLDS = (50, 80, 100)  # percent


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetWarning:
    owner: str
    limit: str  # money_a_day, money_a_month
    period: str  # 2026-12-01, 2026-12
    percent: int  # of THRESHOLDS. Of 100 as soon as another task like the last one would pass the limit
    spent: Decimal  # and reserved
    most: Decimal
    currency: str

    @property
    def id(self) -> str:
        """The same at every repetition."""
        return f"{self.owner}.budget.{self.limit}.{self.period}.{self.percent}-of-{amount(self.most)}"

    @property
    def mark(self) -> str:
        """The name of the count that says up to which amount the owner was warned. Another limit begins anew."""
        return name_of(WARNED, f"money:{self.period}:{self.currency}")

    @property
    def threshold(self) -> Decimal:
        return self.most * self.percent / 100


def due(task: Task, limits: Limits, counts: Counts) -> Iterator[BudgetWarning]:
    """After a change of what this task costs. Of several thresholds that were passed at once, the highest."""
    if task.reservation is None or task.reservation.currency != limits.currency:
        return
    periods = {"money_a_day": day_of(task.created_at), "money_a_month": month_of(task.created_at)}
    for limit, period in periods.items():
        most: Decimal | None = getattr(limits, limit)
        if most is None:
            continue
        spent = max(Decimal(counts.get(f"money:{period}:{limits.currency}", 0)), ZERO)
        is_full = spent + task.reservation.money > most
        percent = max((each for each in THRESHOLDS if spent * 100 >= most * each), default=0)
        warning = BudgetWarning(
            owner=task.owner,
            limit=limit,
            period=period,
            percent=100 if is_full else percent,
            spent=spent,
            most=most,
            currency=limits.currency,
        )
        if warning.percent and warning.threshold > Decimal(counts.get(warning.mark, 0)):
            yield warning
