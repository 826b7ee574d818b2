"""What a submission would cost. Amounts are decimal, and never binary fractions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from reelkeep.domain.task import Price

_MILLIONTH = Decimal("0.000001")


def amount(value: Decimal) -> str:
    """As text, without zeros at its end: 0.1, 20."""
    return f"{value.normalize():f}"


def as_number(value: int | Decimal | None) -> int | float | None:
    """For JSON, in which a fraction is shown as it is."""
    return float(value) if isinstance(value, Decimal) else value


def priced(units: Decimal | None, price: Price | None) -> Decimal | None:
    """The money for so many units, to a millionth of its currency; None if it is not known."""
    if units is None or price is None or price.each is None:
        return None
    return (units * price.each).quantize(_MILLIONTH, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What one provider would take for a submission."""

    provider: str
    seconds: float  # that such a task usually takes there
    reason: str = ""  # why it cannot do it
    price: Price | None = None

    @property
    def amount(self) -> Decimal | None:
        return priced(self.price.units if self.price else None, self.price)
