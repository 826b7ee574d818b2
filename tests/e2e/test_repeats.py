"""A submission that is sent again: by its Idempotency-Key, also through official SDKs, and in its owner's window."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from volcenginesdkarkruntime import Ark
from volcenginesdkarkruntime._exceptions import ArkUnprocessableEntityError

from local.stack import Stack
from tests.e2e.client import SMALL, Client
from tests.e2e.conftest import NewClient, Prompt, admin
from tests.e2e.simulator import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

Send = Callable[[str, str], httpx.Response]  # a prompt, with a key


@pytest.fixture
def by_vidu(alice: Client) -> Send:
    return lambda text, key: alice.http.post(
        "/ent/v2/text2video", json={**SMALL, "prompt": text}, headers={"idempotency-key": key}
    )


@pytest.fixture
def by_reelkeep(alice: Client) -> Send:
    return lambda text, key: alice.http.post(
        "/tasks", json={"kind": "text2video", **SMALL, "prompt": text}, headers={"idempotency-key": key}
    )


@pytest.mark.parametrize("dialect", ["by_vidu", "by_reelkeep"])
def test_a_key_sent_again_gives_the_same_task_and_one_generation(
    dialect: str, request: pytest.FixtureRequest, prompt: Prompt, simulator: Simulator
) -> None:
    send: Send = request.getfixturevalue(dialect)
    text, key = prompt(f"sent twice {dialect}"), prompt(f"key {dialect}")
    first, second = send(text, key), send(text, key)
    assert first.status_code == second.status_code < 300
    name = "task_id" if dialect == "by_vidu" else "id"
    assert first.json()[name] == second.json()[name]
    simulator.task(text)
    other = send(prompt(f"something else {dialect}"), key)
    assert (other.status_code, "Idempotency-Key" in other.text) == (422, True)
    assert simulator.tasks(prompt(f"something else {dialect}")) == []


def test_ten_at_once_with_one_key_are_one_task(
    by_reelkeep: Send, alice: Client, prompt: Prompt, simulator: Simulator
) -> None:
    text = prompt("ten times at once")
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: by_reelkeep(text, "ten"), range(10)))
    assert {answer.status_code for answer in answers} == {201}
    [task_id] = {answer.json()["id"] for answer in answers}
    assert alice.succeeded(task_id)["prompt"] == text
    simulator.task(text)


def test_openais_sdk_sends_a_key(stack: Stack, alice: Client, prompt: Prompt, simulator: Simulator) -> None:
    text, key = prompt("of OpenAI's, twice"), {"Idempotency-Key": prompt("key of OpenAI's")}
    with OpenAI(base_url=f"{stack.api_url}/v1", api_key=alice.key) as sdk:
        videos: Any = sdk.videos
        asked = {"model": "viduq2", "seconds": "1", "extra_headers": key}
        assert videos.create(prompt=text, **asked).id == videos.create(prompt=text, **asked).id
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            videos.create(prompt=prompt("another of OpenAI's"), **asked)
    assert (refused.value.code, refused.value.param) == ("idempotency_key_reused", "Idempotency-Key")
    simulator.task(text)


def test_arks_sdk_sends_a_key(stack: Stack, alice: Client, prompt: Prompt, simulator: Simulator) -> None:
    text = prompt("of Ark's, twice")
    with Ark(base_url=f"{stack.api_url}/api/v3", api_key=alice.key) as sdk:
        tasks: Any = sdk.content_generation.tasks
        asked = {
            "model": "viduq2",
            "content": [{"type": "text", "text": f"{text} --rs 540p --dur 1"}],
            "extra_headers": {"Idempotency-Key": prompt("key of Ark's")},
        }
        assert tasks.create(**asked).id == tasks.create(**asked).id
        with pytest.raises(ArkUnprocessableEntityError) as refused:
            tasks.create(**asked, seed=7)
    assert refused.value.code == "IdempotencyKeyReused"
    simulator.task(text)


def test_an_owner_may_have_a_window_in_which_the_same_body_is_a_repeat(
    new_client: NewClient, stack: Stack, prompt: Prompt, simulator: Simulator
) -> None:
    rita, text = new_client("rita"), prompt("of a client that knows no keys")
    admin(stack, "owners", "set", rita.owner, "--repeat-window", "600")
    assert rita.submitted(text) == rita.submitted(text)
    simulator.task(text)
    admin(stack, "owners", "set", rita.owner, "--repeat-window", "0")
    assert rita.submitted(text) != rita.submitted(text)
    assert len(simulator.tasks(text)) == 3
