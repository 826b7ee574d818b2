"""What a provider is asked to call, and whether it was the provider that called."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.adapters.providers.provider import HttpProvider
from reelkeep.dialects import upstream
from reelkeep.dialects.vidu_ent_v2.client import callback_signature
from reelkeep.domain.provider_callbacks import is_signed
from tests.unit.adapters.provider_harness import NOON, TASK, VIDU, FakeOutbound, FakeSecret, request

HERE = "https://keep.test/behind/a/proxy"
ARK = {"dialect": "volc_ark", "base_url": "https://ark.test/api/v3", "api_key": "ark_secret"}
OTHERS = ("vidu_v1", "vidu_native", "video_generations", "openai_videos")
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"


def configured(outbound: FakeOutbound, here: str = HERE, **settings: Mapping[str, Any]) -> ConfiguredProviders:
    return ConfiguredProviders(FakeSecret(json.dumps(settings)), upstream, outbound, calls_back_at=here)


def asked(settings: Mapping[str, Any], here: str = HERE, **body: Any) -> dict[str, Any]:
    """The body of the billable call."""
    outbound = FakeOutbound()
    task = replace(TASK, request=replace(request(), duration=5, **body))
    configured(outbound, here, vidu=settings).get("vidu").dispatch(task)
    sent: dict[str, Any] = json.loads(outbound.calls[0]["body"])
    return sent


def address() -> str:
    url: str = asked(VIDU)["callback_url"]
    return url


def signed(url: str, key: str = "vda_secret", date: str = DATE, **changes: str) -> dict[str, str]:
    """The headers of a call, as Vidu signs it."""
    parts, nonce = urlsplit(url), "5f1c2d3e"
    text = f"POST\n{parts.path}\n{parts.query}\nvidu\n{date}\nDate:{date}\nx-request-nonce:{nonce}\n"
    return {
        "date": date,
        "x-request-nonce": nonce,
        "x-hmac-signed-headers": "Date;x-request-nonce",
        "x-hmac-algorithm": "hmac-sha256",
        "x-hmac-access-key": "vidu",
        "x-hmac-signature": base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode(),
        **changes,
    }


@pytest.mark.parametrize("settings", [VIDU, ARK], ids=lambda each: each["dialect"])
def test_a_provider_that_can_is_asked_to_call(settings: dict[str, Any]) -> None:
    url = asked(settings)["callback_url"]
    assert url.startswith(f"{HERE}/wake/")
    assert url.endswith(f"/{TASK.id}")
    assert not urlsplit(url).query


@pytest.mark.parametrize("settings", [VIDU, ARK], ids=lambda each: each["dialect"])
def test_nobody_is_asked_to_call_where_the_api_cannot_be_reached(settings: dict[str, Any]) -> None:
    assert "callback_url" not in asked(settings, here="")


@pytest.mark.parametrize("dialect", OTHERS)
def test_a_provider_whose_format_knows_no_callbacks_is_not_asked(dialect: str) -> None:
    settings = {**VIDU, "dialect": dialect}
    assert asked(settings) == asked(settings, here="")


def test_the_clients_own_address_is_not_handed_on() -> None:
    body = {"model": "viduq2", "prompt": "a boat", "callback_url": "https://client.test/hook"}
    assert asked(VIDU, dialect="vidu_ent_v2", body=body)["callback_url"] == address()


def test_a_token_is_good_for_one_task_of_one_provider() -> None:
    known = configured(FakeOutbound(), twin=VIDU, vidu=VIDU, ark=ARK)
    token = urlsplit(address()).path.split("/")[-2]
    assert len(token) == 24
    found = known.called(token, TASK.id)
    assert found is not None
    assert found.name == "vidu"
    for other, task_id in (
        (token, "1" * 32),
        (token[:-1], TASK.id),
        ("", TASK.id),
        ("é", TASK.id),
        ("\udcff", TASK.id),
    ):
        assert known.called(other, task_id) is None
    rotated = configured(FakeOutbound(), vidu={**VIDU, "api_key": "vda_other"})
    assert rotated.called(token, TASK.id) is None


def caller(settings: Mapping[str, Any] = VIDU) -> HttpProvider:
    return configured(FakeOutbound(), vidu=settings).get("vidu")


def test_vidus_own_signature_is_accepted() -> None:
    assert caller().signed(TASK.id, signed(address()), NOON)


def test_a_call_is_known_by_its_signature_however_its_headers_are_written() -> None:
    first = caller().signed(TASK.id, signed(address()), NOON)
    again = signed(address(), **{"x-hmac-signed-headers": ";Date;;x-request-nonce", "x-request-id": "other"})
    assert caller().signed(TASK.id, again, NOON + timedelta(minutes=1)) == first
    later = signed(address(), date="Sat, 21 Nov 2026 12:00:01 GMT")
    assert caller().signed(TASK.id, later, NOON) not in (None, first)


def test_a_gateway_may_have_moved_the_date() -> None:
    moved = signed(address())
    moved |= {"x-amzn-remapped-date": moved["date"], "date": "Sat, 21 Nov 2026 12:00:02 GMT"}
    assert caller().signed(TASK.id, moved, NOON)
    del moved["date"]
    assert caller().signed(TASK.id, moved, NOON)
    del moved["x-amzn-remapped-date"]
    assert caller().signed(TASK.id, moved, NOON) is None


@pytest.mark.parametrize("seconds", [-299, 299])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    assert caller().signed(TASK.id, signed(address()), NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_signature_is_refused(seconds: int) -> None:
    assert caller().signed(TASK.id, signed(address()), NOON + timedelta(seconds=seconds)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(address(), key="vda_wrong"),
        signed(address().replace("000/", "001/")[:-1] + "1"),  # another task's
        {**signed(address()), "date": "Sat, 21 Nov 2026 12:00:01 GMT"},
        signed(address(), **{"x-request-nonce": "5f1c2d3f"}),
        signed(address(), **{"x-hmac-signed-headers": "Date"}),
        signed(address(), **{"x-hmac-algorithm": "hmac-sha1"}),
        signed(address(), **{"x-hmac-signature": ""}),
        signed(address(), **{"x-hmac-signature": "not base64"}),
        signed(address(), date=""),
        signed(address(), date="yesterday"),
        signed(address(), date="Sat, 21 Nov 2026 12:00:00 -0000"),
        signed(address(), date="Sat, 21 Nov 99999 12:00:00 GMT"),
    ],
)
def test_a_signature_that_is_missing_or_tampered_with_is_refused(headers: dict[str, str]) -> None:
    assert caller().signed(TASK.id, headers, NOON) is None


def test_ark_signs_nothing_so_that_its_address_is_all_there_is() -> None:
    assert caller(ARK).signed(TASK.id, {}, NOON) == ""


# Key, text and signature were written down together with the description of the algorithm.
VECTOR = {
    "date": "Tue, 06 Jan 2026 08:00:00 GMT",
    "x-request-nonce": "5f1c2d3e",
    "x-hmac-signed-headers": "Date;x-request-nonce",
    "x-hmac-algorithm": "hmac-sha256",
    "x-hmac-signature": "s0KpYXYIaJvr2rJ+sZYVbiMtkk8KxBJOsiSOwEaW/lI=",
}


def test_the_known_signature_is_read() -> None:
    signature = callback_signature("https://me.test/hooks/vidu?k=1", VECTOR)
    assert signature is not None
    assert signature.text.startswith(b"POST\n/hooks/vidu\nk=1\nvidu\nTue, 06 Jan 2026 08:00:00 GMT\nDate:Tue, 06")
    assert is_signed(signature, "vda_example_secret", signature.made_at)
    assert not is_signed(signature, "vda_example_secret.", signature.made_at)


@given(headers=st.dictionaries(st.sampled_from(sorted(VECTOR)), st.text()))
def test_no_header_whatsoever_is_a_fault(headers: dict[str, str]) -> None:
    assert caller().signed(TASK.id, {**VECTOR, **headers}, datetime.fromtimestamp(0, NOON.tzinfo)) is None
