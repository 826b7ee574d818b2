"""Which providers there are, and which one serves a request."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reelkeep.adapters.providers.configuration import parse_providers
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.domain.errors import InvalidRequest, Misconfigured, Missing
from reelkeep.domain.task import Kind
from tests.unit.adapters.provider_harness import (
    VIDU,
    FakeOutbound,
    FakeSecret,
    providers,
    request,
)


def test_the_provider_named_by_the_client_serves() -> None:
    known = providers(one={**VIDU, "models": ["*"]}, two=VIDU)
    assert known.choose(request(provider="two")).name == "two"


def test_a_provider_that_does_not_exist_is_the_clients_mistake() -> None:
    with pytest.raises(InvalidRequest, match="no provider 'three'") as caught:
        providers(one=VIDU).choose(request(provider="three"))
    assert caught.value.field == "provider"


def test_the_first_pattern_that_fits_the_model_serves() -> None:
    known = providers(rest={**VIDU, "default": True}, q2={**VIDU, "models": ["viduq2*"]})
    assert known.choose(request("viduq2-pro")).name == "q2"
    assert known.choose(request("viduq3")).name == "rest"


def test_what_names_no_model_goes_to_the_first_provider_that_has_one_for_it() -> None:
    known = providers(rest={**VIDU, "default": True}, usual={**VIDU, "default_model": "viduq3-pro"})
    assert known.choose(request("")).name == "usual"
    assert known.choose(request("")).default_model == "viduq3-pro"
    assert known.choose(request("viduq2")).name == "rest"
    assert known.choose(replace(request(""), kind=Kind.UPSCALE)).name == "rest"  # there is one model for that
    assert providers(rest={**VIDU, "default": True}).choose(request("")).name == "rest"


def test_what_names_no_model_is_refused_where_no_provider_has_one() -> None:
    with pytest.raises(Missing, match=r"^model is required: no provider has a default_model$") as caught:
        providers(one={**VIDU, "models": ["vidu*"]}).choose(request(""))
    assert caught.value.field == "model"


def test_a_model_that_nobody_serves_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="model 'sora'") as caught:
        providers(q2={**VIDU, "models": ["viduq2*"]}).choose(request("sora"))
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"api_key": "k", "base_url": "https://x.test"}, "one.dialect"),
        ({**VIDU, "base_url": "ftp://x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://"}, "one.base_url"),
        ({**VIDU, "base_url": "https://[x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://x.test?v=1"}, "one.base_url"),
        ({**VIDU, "base_url": "https://me:vda_secret@x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://:vda_secret@x.test"}, "one.base_url"),
        ({**VIDU, "base_url": "https://x.test/a b"}, "one.base_url"),
        ({**VIDU, "base_url": "http://127.0.0.1:4567"}, "one: base_url is not a public address"),
        ({**VIDU, "api_key": ""}, "one.api_key"),
        ({**VIDU, "api_key": "vda_secret\n"}, "one.api_key"),
        ({**VIDU, "api_key": "Token vda_secret"}, "one.api_key"),
        ({**VIDU, "authorization": "Token"}, "one.authorization"),
        ({**VIDU, "authorization": "{key} {key}"}, "one.authorization"),
        ({**VIDU, "authorization": "Token {key}\r\nx: y"}, "one.authorization"),
        ({**VIDU, "authorization": " {key}"}, "one.authorization"),
        ({**VIDU, "modles": ["a"]}, "one.modles"),
        ({**VIDU, "dialect": "klingon"}, "one.dialect: no provider speaks 'klingon'"),
        ({**VIDU, "typical_seconds": 0}, "one.typical_seconds"),
        ({**VIDU, "account": "two words"}, "one.account: String should match"),
        ({**VIDU, "slots": 0}, "one.slots: Input should be greater than 0"),
        ({**VIDU, "slots": -1}, "one.slots: Input should be greater than 0"),
        ({**VIDU, "slots": 2.5}, "one.slots: Input should be a valid integer"),
        ({**VIDU, "slots": "five"}, "one.slots: Input should be a valid integer"),
        ({**VIDU, "slots": True}, "one.slots: Input should be a valid integer"),
        ({**VIDU, "adopt_for": "a#b"}, "one.adopt_for"),
        ("x", "one"),
    ],
)
def test_a_wrong_configuration_says_which_field_of_which_provider(wrong: object, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_providers(json.dumps({"one": wrong}), upstream)
    assert said in str(caught.value)
    assert "vda_secret" not in str(caught.value)


def test_providers_of_one_account_must_declare_the_same_slots() -> None:
    one, other = ({**VIDU, "account": "main", "slots": slots} for slots in (1, 2))
    assert parse_providers(json.dumps({"one": one, "two": one, "three": VIDU}), upstream)
    with pytest.raises(Misconfigured, match=r"two\.slots: .* the account main must declare the same"):
        parse_providers(json.dumps({"one": one, "two": other}), upstream)


def test_a_configuration_that_is_not_json_is_said_to_be_so() -> None:
    with pytest.raises(Misconfigured, match="Invalid JSON"):
        parse_providers("{", upstream)


def test_a_new_configuration_takes_effect_without_a_restart() -> None:
    secret = FakeSecret(json.dumps({"one": {**VIDU, "default": True}}))
    known = ConfiguredProviders(secret, upstream, FakeOutbound())
    assert known.choose(request()).name == "one"
    secret.text = json.dumps({"two": {**VIDU, "default": True}})
    assert known.choose(request()).name == "two"


def test_a_provider_taken_out_while_it_has_tasks_is_named() -> None:
    with pytest.raises(Misconfigured, match="'gone'"):
        providers(one=VIDU).get("gone")


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_providers(json.dumps({"one": {**VIDU, "api_key": ""}, "two": {"dialect": "volc_ark"}}), upstream)
    assert str(caught.value) == (
        "the providers' configuration is wrong: one.api_key: a key is wanted, without blanks, line ends and letters"
        " beyond ASCII; two.base_url: Field required; two.api_key: Field required"
    )


def test_an_account_is_known_by_its_address_and_its_key_and_shows_neither() -> None:
    one, again, key, address = (
        providers(FakeOutbound(), vidu={**VIDU, **changes}).get("vidu").account
        for changes in ({}, {"default": True}, {"api_key": "vda_new"}, {"base_url": "https://other.test"})
    )
    assert one == again
    assert len({one, key, address}) == 3
    assert "vda" not in one


def test_those_that_use_one_account_are_known_together() -> None:
    known = providers(one=VIDU, two={**VIDU, "models": ["a"]}, three={**VIDU, "api_key": "other"})
    assert [[provider.name for provider in account] for account in known.accounts()] == [["one", "two"], ["three"]]
    assert known.get("one").adopt_for == "adopted"
