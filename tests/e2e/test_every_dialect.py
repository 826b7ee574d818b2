"""The simulator as a provider in every dialect, on a local cloud as `make up` starts it."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from local import providers
from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import Prompt, admin
from tests.e2e.simulator import Simulator
from tests.submissions import MODELS, submission

SIMULATOR = {name: each["dialect"] for name, each in providers.simulator("http://simulator").items()}


class Named(NamedTuple):
    prompt: str
    task_id: str


def test_every_dialect_that_a_provider_may_speak_is_there(stack: Stack, simulator: Simulator) -> None:
    checked = json.loads(admin(stack, "providers", "check", "--json"))
    assert SIMULATOR.items() <= {name: each["dialect"] for name, each in checked.items()}.items()
    assert sorted(SIMULATOR.values()) == sorted(MODELS)


@pytest.fixture(scope="module")
def named(alice: Client, prompt: Prompt, simulator: Simulator) -> dict[tuple[str, str], Named]:
    """A task for every provider, submitted in our own words and in the provider's; all of them under way at once."""
    found = {}
    for name, dialect in SIMULATOR.items():
        for client in ("reelkeep", dialect):
            text = prompt(f"for {name} from {client}")
            path, body = submission(client, MODELS[dialect], text)
            made = alice.http.post(path, json={**body, "provider": name}).raise_for_status().json()
            found[name, client] = Named(text, made.get("id") or {**made, **made.get("data", {})}["task_id"])
    return found


@pytest.mark.parametrize("name", SIMULATOR)
def test_a_task_goes_to_the_provider_that_it_names_in_whatever_dialect(
    name: str, named: dict[tuple[str, str], Named], alice: Client, simulator: Simulator
) -> None:
    for client in ("reelkeep", SIMULATOR[name]):
        task = alice.succeeded(named[name, client].task_id)
        assert task["provider"] == name
        assert simulator.task(named[name, client].prompt)["dialect"] == SIMULATOR[name]


@pytest.mark.parametrize("name", SIMULATOR)
def test_a_task_that_names_none_goes_where_its_model_is(
    name: str, alice: Client, prompt: Prompt, simulator: Simulator
) -> None:
    text = prompt(f"for whoever has the model of {name}")
    path, body = submission(SIMULATOR[name], MODELS[SIMULATOR[name]], text)
    alice.http.post(path, json=body).raise_for_status()
    assert simulator.task(text)["dialect"] == SIMULATOR[name]


def test_a_model_that_nobody_claims_goes_to_the_default(alice: Client, prompt: Prompt, simulator: Simulator) -> None:
    text = prompt("for the default")
    answer = alice.http.post(
        "/ent/v2/template2video",
        json={"template": "hugging", "images": ["https://example.com/a.png"], "prompt": text},
    )
    assert answer.status_code == 200, answer.text
    assert simulator.task(text)["dialect"] == "vidu_ent_v2"
