"""Providers that call back: a local cloud of its own, in which the schedule alone would take minutes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx
import pytest

from local.simulator.callbacks import signed
from local.stack import Stack
from reelkeep.domain.provider_callbacks import path_of
from tests.e2e.archive import Archive
from tests.e2e.client import Client
from tests.e2e.local_cloud import LocalCloud
from tests.e2e.simulator import Simulator
from tests.waiting import until

KEY: Final = f"vda_{secrets.token_hex(16)}"
SCHEDULED: Final = 300.0  # seconds to the first look in turn


@dataclass(frozen=True)
class Place:
    alice: Client
    simulator: Simulator
    archive: Archive

    def looks(self, prompt: str) -> int:
        return int(self.simulator.task(prompt)["queries"])

    def calls(self, prompt: str) -> list[dict[str, Any]]:
        """The simulator's calls about a task."""
        calls: list[dict[str, Any]] = self.simulator.task(prompt)["callbacks"]
        return calls

    def called(self, prompt: str, count: int) -> list[list[int]]:
        """The answers to the simulator's calls, once there are this many calls, each answered."""

        def answered() -> list[list[int]] | None:
            answers: list[list[int]] = [call["answers"] for call in self.calls(prompt)]
            return answers if len(answers) >= count and all(answers) else None

        return until(answered, what=f"{count} calls about {prompt!r}", within=120)

    def wake(self, path: str, headers: dict[str, str] | None = None) -> int:
        """What a call there is answered with."""
        return self.alice.http.post(path, headers={"authorization": "", **(headers or {})}).status_code

    def address(self, task_id: str, key: str = KEY) -> str:
        return path_of("patient", task_id, key)

    def signature(self, task_id: str, key: str = KEY, age: float = 0.0) -> dict[str, str]:
        return signed(f"{self.alice.http.base_url}".rstrip("/") + self.address(task_id), key, time.time() - age)


@pytest.fixture(scope="module")
def place(local_cloud: LocalCloud | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if local_cloud is None:
        pytest.skip("a stack that others started may not ask its providers to call")
    cloud = LocalCloud(tmp_path_factory.mktemp("wake") / "cloud", "--callbacks")
    try:
        stack = cloud.start()
        configure(stack)
        with (
            httpx.Client(
                base_url=stack.api_url,
                headers={"authorization": f"Token {stack.api_key}"},
                timeout=60,
                trust_env=False,
            ) as api,
            httpx.Client(base_url=stack.provider, timeout=60, trust_env=False) as simulator,
        ):
            s3 = stack.client("s3")
            yield Place(Client(api, "demo", stack.api_key), Simulator(simulator), Archive(s3, stack.bucket))
    finally:
        cloud.stop()


def configure(stack: Stack) -> None:
    shared = {"api_key": KEY, "allow_private": True, "typical_seconds": 2 * SCHEDULED}
    vidu = {**shared, "dialect": "vidu_ent_v2", "base_url": stack.provider}
    ark = {**shared, "dialect": "volc_ark", "base_url": f"{stack.provider}/api/v3"}
    # Of "patient" no end is learned before the tests that need the schedule to wait.
    quick = {**vidu, "typical_seconds": 2}
    providers = {"vidu": {**vidu, "default": True}, "patient": vidu, "quick": quick, "ark": ark}
    aws = stack.client("secretsmanager")
    aws.put_secret_value(SecretId=stack.providers_secret_arn, SecretString=json.dumps(providers))


@pytest.mark.parametrize(
    ("provider", "fields"),
    [("vidu", {}), ("ark", {"model": "doubao-seedance-1-5-pro", "duration": 4, "resolution": "480p"})],
)
def test_the_end_is_seen_by_the_call_not_by_the_schedule(place: Place, provider: str, fields: dict[str, Any]) -> None:
    prompts = [f"a wake behind {provider}'s boat {number}" for number in range(4)]
    task_ids = [place.alice.submitted(prompt, provider=provider, **fields) for prompt in prompts]
    for prompt, task_id in zip(prompts, task_ids, strict=True):
        place.archive.verified(place.alice.succeeded(task_id, within=SCHEDULED))
        manifest = place.archive.manifest(task_id)
        begun, seen = (datetime.fromisoformat(manifest[name]) for name in ("created_at", "succeeded_at"))
        assert (seen - begun).total_seconds() < SCHEDULED  # before the first look in turn
        assert {status for answers in place.called(prompt, 2) for status in answers} == {204}
        assert 1 <= place.looks(prompt) <= len(place.calls(prompt))


def test_an_end_without_a_callback_is_found_by_scheduled_polls(place: Place) -> None:
    prompt = "a boat that leaves no wake [callback-lose]"
    place.archive.verified(place.alice.succeeded(place.alice.submitted(prompt, provider="quick")))
    assert place.calls(prompt) == []


def test_calls_that_are_doubled_and_late_change_nothing(place: Place) -> None:
    prompt = "a wake that comes twice, the first one late [callback-slow:1][callback-twice]"
    task_id = place.alice.submitted(prompt)
    task = place.alice.succeeded(task_id, within=SCHEDULED)
    place.archive.verified(task)
    assert place.called(prompt, 3) == [[204], [204], [204]]
    assert place.alice.task(task_id) == task
    assert place.looks(prompt) <= 2


def test_a_call_with_a_wrong_signature_wakes_nobody(place: Place) -> None:
    prompt = "a wake that somebody else made [callback-forged]"
    task_id = place.alice.submitted(prompt, provider="patient")
    _, end = place.called(prompt, 2)
    assert set(end) == {401}
    assert (place.looks(prompt), place.alice.task(task_id)["state"]) == (0, "queueing")


def test_a_stranger_wakes_nobody(place: Place) -> None:
    prompt = "a boat that is left alone [slow:600]"
    task_id = place.alice.submitted(prompt, provider="patient")
    place.called(prompt, 1)  # that it began
    looks = place.looks(prompt)
    good = place.signature(task_id)
    assert place.wake(place.address(task_id, key="vda_guessed"), good) == 404
    assert place.wake(f"/wake/{task_id}", good) == 404
    assert place.wake(place.address("0" * 32).replace("0" * 32, task_id), good) == 404
    assert place.wake(place.address(task_id)) == 401
    assert place.wake(place.address(task_id), place.signature(task_id, key="vda_guessed")) == 401
    assert place.wake(place.address(task_id), place.signature(task_id, age=400)) == 401
    assert place.wake(place.address(task_id), {**good, "x-request-nonce": "other"}) == 401
    assert place.looks(prompt) == looks
    assert place.wake(place.address(task_id), good) == 204
    assert place.looks(prompt) == looks + 1
    assert place.wake(place.address(task_id), good) == 409
    assert place.looks(prompt) == looks + 1


def test_a_call_about_what_is_over_is_taken_well(place: Place) -> None:
    prompt = "a boat in its harbour"
    task_id = place.alice.submitted(prompt, provider="patient")
    ended = place.alice.succeeded(task_id, within=SCHEDULED)
    looks = place.looks(prompt)
    late = place.signature(task_id)
    assert [place.wake(place.address(task_id), late) for _ in range(2)] == [204, 409]
    assert (place.looks(prompt), place.alice.task(task_id)) == (looks, ended)
