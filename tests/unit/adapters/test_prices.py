"""Price lists: the public ones, an operator's own, and what is refused in them."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from reelkeep.adapters.providers.configuration import parse_providers
from reelkeep.adapters.providers.prices import price_of, public_prices
from reelkeep.dialects import upstream
from reelkeep.dialects.volc_ark.server import dialect
from reelkeep.domain.errors import Misconfigured
from reelkeep.domain.money import priced
from reelkeep.domain.task import Kind, Price, Request
from reelkeep.domain.wire import Json
from tests.unit.dialects.harness import Speaker

TODAY = date(2026, 12, 1)
VOLCENGINE = "https://ark.cn-beijing.volces.com/api/v3"
VIDU, BYTEPLUS = "https://api.vidu.com", "https://ark.ap-southeast.bytepluses.com/api/v3"
LINE = {"since": "2026-11-01", "unit": "credits", "units": 20, "price": "0.005", "currency": "USD"}


def asked(model: str, **changes: Any) -> Request:
    return Request(dialect="reelkeep", kind=changes.pop("kind", Kind.TEXT2VIDEO), model=model, **changes)


def own(*lines: dict[str, Any]) -> Any:
    """The price list of the only provider, which has these lines."""
    provider = {"dialect": "vidu_ent_v2", "base_url": VIDU, "api_key": "vda_1", "prices": lines}
    [(settings, _)] = parse_providers(json.dumps({"vidu": provider}), upstream).values()
    return settings.prices


@pytest.mark.parametrize(
    ("address", "request_", "unit", "units", "money"),
    [
        (VIDU, asked("viduq3-pro", duration=4, resolution="1080p"), "credits", "128", "0.64"),
        (VIDU, asked("viduq3-pro", off_peak=True), "credits", "75", "0.375"),
        (VIDU, asked("viduq1", duration=5), "credits", "80", "0.4"),
        (VIDU, asked("viduq2-turbo", kind=Kind.EXTEND, duration=3, resolution="540p"), "credits", "14", "0.07"),
        (VIDU, asked("vidu1.5", duration=8), "credits", "200", "1"),
        (VIDU, asked("viduq9", duration=8), "credits", None, None),  # the provider says how many; each costs the same
        (BYTEPLUS, asked("seedance-1-5-pro-251215", resolution="720p", audio=False), "tokens", "108000", "0.1296"),
        (BYTEPLUS, asked("seedance-1-5-pro-251215", resolution="720P", off_peak=True), "tokens", "108000", "0.1296"),
        (BYTEPLUS, asked("seedance-1-0-lite-t2v-250428", resolution="999p"), "tokens", None, None),
        ("https://api-singapore.klingai.com", asked("kling-v3"), "units", None, None),
        (VOLCENGINE, asked("doubao-seedance-2-0-260128"), "tokens", "108000", "4.968"),
        (VOLCENGINE, asked("doubao-seedance-2-0-fast-260128", resolution="480p"), "tokens", "48600", "1.7982"),
    ],
)
def test_the_public_lists_know_what_a_task_takes(
    address: str, request_: Request, unit: str, units: str | None, money: str | None
) -> None:
    price = price_of(public_prices(address), request_, TODAY)
    assert price is not None
    assert (price.unit, price.units) == (unit, units and Decimal(units))
    assert priced(price.units, price) == (money and Decimal(money))


@pytest.mark.parametrize(
    ("address", "model", "resolution", "yuan"),
    [
        (VOLCENGINE, "doubao-seedance-2-0-260128", "", "28"),
        (VOLCENGINE, "doubao-seedance-2-0-260128", "1080p", "31"),
        (VOLCENGINE, "doubao-seedance-2-0-fast-260128", "720p", "22"),
        (BYTEPLUS, "dreamina-seedance-2-0-260128", "720p", None),
    ],
)
def test_a_task_that_is_given_a_video_has_a_price_of_its_own_or_none(
    address: str, model: str, resolution: str, yuan: str | None
) -> None:
    video: Json = {"type": "video_url", "video_url": {"url": "https://ex.test/a.mp4"}, "role": "reference_video"}
    content: Json = [{"type": "text", "text": "a boat"}, video]
    said = {"resolution": resolution} if resolution else {}
    request = Speaker(dialect).parse({"model": model, "content": content, **said})
    price = price_of(public_prices(address), request, TODAY)
    assert (price and price.each) == (yuan and Decimal(yuan) / 1_000_000)
    assert (price and price.units) is None  # the video that is given counts, too


def test_resellers_models_without_a_line_and_days_before_the_list_have_no_price() -> None:
    assert not public_prices("https://reseller.example")
    assert price_of(public_prices("https://ark.cn-beijing.volces.com"), asked("doubao-seaweed"), TODAY) is None
    assert price_of(public_prices(VIDU), asked("viduq1"), date(2025, 11, 2)) is None


def test_an_operator_s_own_list_changes_on_its_day_and_the_first_line_that_fits_counts() -> None:
    cheap = {**LINE, "since": "2026-12-01", "price": "0.004"}
    prices = own({**LINE, "models": ["viduq1"], "units": 1}, {**LINE, "until": "2026-12-01"}, cheap)
    assert [
        price.each
        for day in (30, 1)
        if (price := price_of(prices, asked("viduq2"), date(2026, 11 + (day == 1), day)))
    ] == [Decimal("0.005"), Decimal("0.004")]
    first = Price(unit="credits", units=Decimal(1), each=Decimal("0.005"), currency="USD", since="2026-11-01")
    assert price_of(prices, asked("viduq1"), TODAY) == first
    assert own() == ()  # which prices nothing


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([LINE, {**LINE, "price": "-1"}], "vidu.prices.1.price: Input should be greater than or equal to 0"),
        ([{**LINE, "units": "1e9"}], "vidu.prices.0.units: Input should be less than or equal to 1000000"),
        ([{**LINE, "price": "NaN"}], "vidu.prices.0.price: Input should be a finite number"),
        ([{**LINE, "price": 0.005}], 'vidu.prices.0.price: money is decimal: write it as text, such as "0.005"'),
        (
            [{name: LINE[name] for name in ("since", "unit", "price")}],
            "vidu.prices.0: price needs a currency, such as USD",
        ),
        ([{**LINE, "currency": "dollars"}], "vidu.prices.0.currency: String should match pattern"),
        ([{**LINE, "until": "2026-11-01"}], "vidu.prices.0: until must be a day after since"),
        ([{**LINE, "since": 1764547200}], "vidu.prices.0.since: a day such as 2026-12-01 is wanted"),
        ([{"since": "2026-11-01", "unit": "credits"}], "vidu.prices.0: units, per_second or price is wanted"),
        ([{**LINE, "unit": "dollars"}], "vidu.prices.0.unit: Input should be 'credits', 'tokens'"),
        ([{**LINE, "cost": "1"}], "vidu.prices.0.cost: Extra inputs are not permitted"),
        ([LINE, {**LINE, "since": "2026-12-01"}], "vidu.prices: line 1 overlaps line 0 from 2026-12-01 on"),
        (
            [{**LINE, "since": "2026-12-01"}, {**LINE, "until": "2026-11-20"}],
            "vidu.prices: lines 1 and 0 leave a gap from 2026-11-20 to 2026-12-01",
        ),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_its_line_and_the_reason(lines: Any, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        own(*lines)
    assert f"the providers' configuration is wrong: {said}" in str(caught.value)
