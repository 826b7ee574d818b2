"""What the simulated providers charge, and price lists of an operator that expect other numbers of units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from local.simulator.tasks import Task as Made
from reelkeep.domain.money import priced
from reelkeep.domain.task import Price

_SINCE = {"since": "2025-01-01"}
_CREDITS = {**_SINCE, "unit": "credits", "units": "33", "price": "0.005", "currency": "USD"}
_TOKENS = {**_SINCE, "unit": "tokens", "units": "70000", "price": "1.2", "per": 1_000_000, "currency": "CNY"}
_UNITS = {**_SINCE, "unit": "units", "units": "33", "price": "0.14", "currency": "USD"}
_VIDEOS = {**_SINCE, "unit": "videos", "units": "1", "price": "0.35", "currency": "EUR"}
_OF_DIALECTS: dict[str, dict[str, Any]] = {"vidu_ent_v2": _CREDITS, "volc_ark": _TOKENS, "kling": _UNITS}


def price_list(dialect: str) -> dict[str, Any]:
    """Those that say nothing of what they take charge for each video."""
    return _OF_DIALECTS.get(dialect, _VIDEOS)


def bill(made: Made) -> tuple[Decimal, Decimal, str]:
    """Units and money of what was made, and the currency."""
    line, film = price_list(made.order.dialect), made.order.video
    units = {
        "credits": Decimal(made.order.credits),
        "units": Decimal(made.order.credits),
        "tokens": Decimal(film.width * film.height * film.fps * film.seconds // 1024),
        "videos": Decimal(1),
    }[line["unit"]]
    each = Decimal(line["price"]) / line.get("per", 1)
    money = priced(units, Price(unit=line["unit"], each=each, currency=line["currency"]))
    assert money is not None
    return units, money, line["currency"]
