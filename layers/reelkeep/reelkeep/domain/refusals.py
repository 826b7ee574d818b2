"""What limits refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase

from reelkeep.domain.counts import Use, minute_of
from reelkeep.domain.errors import Forbidden, OverBudget, OverLimit
from reelkeep.domain.limits import Limits
from reelkeep.domain.money import amount

_ASK_AGAIN = timedelta(seconds=10)  # whether one of the owner's tasks has ended


def check_allowed(limits: Limits, model: str, provider: str) -> None:
    """Raises Forbidden for a model or a provider that may not be used."""
    if limits.models and not any(fnmatchcase(model, pattern) for pattern in limits.models):
        raise Forbidden(f"the model {model[:100]!r} may not be used; {', '.join(limits.models)} may", field="model")
    if limits.providers and provider not in limits.providers:
        raise Forbidden(
            f"the provider {provider} may not be used; {', '.join(limits.providers)} may", field="provider"
        )


def check_priced(limits: Limits, whose: str, money: Decimal | None, currency: str) -> None:
    """Raises OverBudget for what nobody could count."""
    if limits.of_money and not limits.unpriced and (money is None or currency != limits.currency):
        known = f"its price is in {currency}" if money is not None else "it has no price"
        raise OverBudget(
            f"{whose} has a limit of money in {limits.currency}, and nobody knows what this would cost: {known}. An "
            "operator can give it a price, or allow models without one",
            "unpriced",
        )


def check_use(
    limits: Limits, use: Use, whose: str, money: Decimal, now: datetime, submitted: datetime | None = None
) -> None:
    """Raises OverBudget or OverLimit for one submission more, which costs so much. It counts on the day on which it
    came first: for some seconds after midnight, a repetition may still count on the day before."""
    day = submitted or now
    tomorrow = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    next_month = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    next_minute = datetime.fromtimestamp((minute_of(now) + 1) * 60, UTC)
    for name, opens_at in (("money_a_month", next_month), ("money_a_day", tomorrow)):
        most, there = getattr(limits, name), getattr(use, name)
        if most is not None and there + money > most:
            raise OverBudget(
                f"{whose} may spend {amount(most)} {limits.currency} {_SAID[name]}: {amount(there)} are spent or "
                f"reserved, and this costs {amount(money)}. {_opens(opens_at)}",
                name,
                opens_at - now,
            )
    for name, opens_at in (("videos_a_day", tomorrow), ("submissions_a_minute", next_minute)):
        most, there = getattr(limits, name), getattr(use, name)
        if most is not None and there + 1 > most:
            raise OverLimit(f"{whose} may have {most} {_SAID[name]}. {_opens(opens_at)}", name, opens_at - now)
    if limits.tasks_at_once is not None and use.tasks_at_once + 1 > limits.tasks_at_once:
        raise OverLimit(
            f"{whose} may have {limits.tasks_at_once} tasks at once. It opens when one of them ends",
            "tasks_at_once",
            _ASK_AGAIN,
        )


_SAID = {
    "money_a_month": "a month",
    "money_a_day": "a day",
    "videos_a_day": "videos a day",
    "submissions_a_minute": "submissions a minute",
}


def _opens(at: datetime) -> str:
    return f"It opens at {at:%Y-%m-%dT%H:%M:%SZ}"
