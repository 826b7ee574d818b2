"""Price lists: what a task costs at a provider, in the unit that it counts and in money, by the day.

Operators write their own into the providers' configuration. The public ones are in prices.json, with their sources.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from reelkeep.domain.task import Kind, Price, Request

_PUBLIC = Path(__file__).with_name("prices.json")


def _decimal(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError(f'money is decimal: write it as text, such as "{value}"')
    return value


def _day(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a day such as 2026-12-01 is wanted")
    return value


_Amount = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=1_000_000, decimal_places=9)]
_Day = Annotated[date, BeforeValidator(_day)]


class PriceLine(BaseModel):
    """The price of the tasks that fit all that the line says. What it leaves out may be anything."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    models: tuple[str, ...] = ("*",)  # patterns such as viduq3-*
    kinds: tuple[Kind, ...] = ()
    resolutions: tuple[str, ...] = ()  # "" among them is a request that names none
    durations: tuple[Annotated[int, Field(strict=True, gt=0)], ...] = ()  # in seconds
    audio: bool | None = None
    off_peak: bool | None = None
    video_input: bool | None = None

    since: _Day  # the first day on which it holds
    until: _Day | None = None  # the first day on which it does not hold any more

    unit: Literal["credits", "tokens", "units", "seconds", "videos"]
    units: _Amount | None = None  # of a task
    per_second: _Amount | None = None  # and of each second of the video
    usual_duration: Annotated[int, Field(strict=True, gt=0)] | None = None  # of a request that names none
    price: _Amount | None = None  # of so many units, in the currency
    per: Annotated[int, Field(strict=True, gt=0, le=1_000_000)] = 1
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.price is not None and not self.currency:
            raise ValueError("price needs a currency, such as USD")
        if self.until is not None and self.until <= self.since:
            raise ValueError("until must be a day after since")
        if self.price is None and self.units is None and self.per_second is None:
            raise ValueError("units, per_second or price is wanted")
        return self

    def holds(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)

    def fits(self, request: Request) -> bool:
        return (
            any(fnmatchcase(request.model, pattern) for pattern in self.models)
            and (not self.kinds or request.kind in self.kinds)
            and (not self.resolutions or request.resolution.lower() in map(str.lower, self.resolutions))
            and (not self.durations or (request.duration or self.usual_duration) in self.durations)
            and self.audio in (None, request.audio)
            and self.off_peak in (None, request.off_peak)
            and self.video_input in (None, request.video_input or bool(request.video_url))
        )

    def of(self, request: Request) -> Price:
        seconds = request.duration or self.usual_duration
        units = self.units
        if self.per_second is not None:
            units = None if seconds is None else (units or Decimal(0)) + self.per_second * seconds
        return Price(
            unit=self.unit,
            units=units,
            each=None if self.price is None else self.price / self.per,
            currency=self.currency,
            since=str(self.since),
        )

    @property
    def what(self) -> tuple[Any, ...]:
        options = self.audio, self.off_peak, self.video_input
        return self.models, self.kinds, self.resolutions, self.durations, options


def _without_gaps(lines: tuple[PriceLine, ...]) -> tuple[PriceLine, ...]:
    """Lines for the same tasks follow each other day by day."""
    numbered = sorted(enumerate(lines), key=lambda each: (each[1].since, each[0]))
    last: dict[Any, tuple[int, PriceLine]] = {}
    for number, line in numbered:
        earlier, before = last.get(line.what, (0, None))
        if before and (before.until is None or before.until > line.since):
            raise ValueError(f"line {number} overlaps line {earlier} from {line.since} on")
        if before and before.until != line.since:
            raise ValueError(f"lines {earlier} and {number} leave a gap from {before.until} to {line.since}")
        last[line.what] = number, line
    return lines


PriceList = Annotated[tuple[PriceLine, ...], Field(max_length=1000), AfterValidator(_without_gaps)]


def price_of(prices: Sequence[PriceLine], request: Request, day: date) -> Price | None:
    """By the first line that holds on that day and fits; None if there is none."""
    return next((line.of(request) for line in prices if line.holds(day) and line.fits(request)), None)


def public_prices(base_url: str) -> Sequence[PriceLine]:
    """What the provider at this address charges everybody; nothing for resellers, who have prices of their own."""
    return _public_prices(urlsplit(base_url).hostname or "")


@cache
def _public_prices(host: str) -> Sequence[PriceLine]:
    lists = json.loads(_PUBLIC.read_text())
    lines = (line for each in lists if host in each["hosts"] for line in each["prices"])
    return TypeAdapter(PriceList).validate_python(tuple(lines))
