"""Ark's own SDK, unmodified, where a provider must do what the simulator does not; tests/e2e has the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from volcenginesdkarkruntime import Ark
from volcenginesdkarkruntime._exceptions import (
    ArkBadRequestError,
    ArkConflictError,
    ArkInternalServerError,
    ArkRateLimitError,
    ArkUnprocessableEntityError,
)

from reelkeep.domain.observation import Accepted, Failed, Refused, Succeeded
from reelkeep.domain.task import Failure, FailureClass, Kind, Task
from tests.api_server import FILE, KEY, serving
from tests.unit.services.harness import QUEUED, RUNNING, FakeProvider, Harness, creation

MODEL = "doubao-seedance-1-5-pro-251215"
TEXT = {"type": "text", "text": "a paper boat --dur 5"}
BOAT = {"type": "image_url", "image_url": {"url": "https://ex.test/a.png"}, "role": "first_frame"}


class Caller:
    """A program that uses the SDK with its own defaults, retries included."""

    def __init__(self, harness: Harness, address: str) -> None:
        self.harness = harness
        self.ark = Ark(base_url=address, api_key=KEY)
        self.tasks: Any = self.ark.content_generation.tasks

    def created(self, *content: dict[str, Any], **fields: Any) -> str:
        return str(self.tasks.create(model=MODEL, content=list(content or (TEXT,)), **fields).id)


@pytest.fixture
def harness() -> Harness:
    return Harness(
        provider=FakeProvider(
            observations=[QUEUED, RUNNING, Succeeded((creation("c1", "video", "last-frame"),), tokens=108_900)]
        )
    )


@pytest.fixture(params=["/api/v3", "/volc/v1", "/volc/v1/"])
def caller(harness: Harness, request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(harness) as address:
        caller = Caller(harness, address + request.param)
        with caller.ark:
            yield caller


def test_a_task_is_created_watched_and_its_video_is_there_for_good(caller: Caller) -> None:
    task_id = caller.created(TEXT, BOAT, return_last_frame=True, seed=7, resolution="720p")
    assert caller.harness.task(task_id).request.kind is Kind.IMG2VIDEO
    assert caller.tasks.get(task_id=task_id).status == "queued"
    caller.harness.see_through(task_id)
    task = caller.tasks.get(task_id=task_id)
    assert (task.id, task.model, task.status, task.error) == (task_id, MODEL, "succeeded", None)
    assert (task.seed, task.resolution, task.duration) == (7, "720p", 4)
    assert (task.usage.completion_tokens, task.usage.total_tokens) == (108_900, 108_900)
    for link in (task.content.video_url, task.content.last_frame_url):
        assert httpx.get(link).content == FILE
    assert task.created_at <= task.updated_at


class Working(FakeProvider):
    """Begins to work at once, and counts how often it is asked to stop."""

    asked = 0

    def cancel(self, task: Task) -> bool:
        self.asked += 1
        return False


def test_what_is_running_is_not_deleted_and_the_sdk_asks_only_once(caller: Caller) -> None:
    caller.harness.provider = provider = Working(observations=[QUEUED])
    task_id = caller.created()
    with pytest.raises(ArkConflictError) as refused:
        caller.tasks.delete(task_id=task_id)
    assert refused.value.code == "InvalidAction.RunningTaskDeletion"
    assert f"Cannot delete task `{task_id}`" in refused.value.message
    assert provider.asked == 1


def refusal(reason: FailureClass, code: str = "") -> Refused:
    return Refused(Failure(reason=reason, code=code, message="no"))


@pytest.mark.parametrize(
    ("placement", "error", "code"),
    [
        (refusal(FailureClass.THROTTLED), ArkRateLimitError, "QuotaExceeded"),
        (refusal(FailureClass.POLICY, "InputTextSensitiveContentDetected"), ArkBadRequestError, None),
    ],
)
def test_a_submission_that_is_refused_is_not_repeated(
    caller: Caller, placement: Any, error: type[Exception], code: str | None
) -> None:
    caller.harness.provider.outcomes = [placement, Accepted("p-2")]
    with pytest.raises(error) as refused:
        caller.created()
    said: Any = refused.value
    assert said.code == (code or placement.failure.code)
    assert len(caller.harness.provider.dispatched) == 1


class Stumbling(FakeProvider):
    """The first time, something of ours goes wrong before anything is recorded."""

    checks = 0

    def check(self, task: Task) -> None:
        self.checks += 1
        if self.checks == 1:
            raise RuntimeError("a fault of ours")


def test_what_went_wrong_on_our_side_is_repeated_only_with_a_key(caller: Caller) -> None:
    caller.harness.provider = provider = Stumbling()
    with pytest.raises(ArkInternalServerError) as failed:
        caller.created()
    assert (failed.value.code, provider.checks) == ("InternalServiceError", 1)
    caller.harness.provider = provider = Stumbling()
    task_id = caller.created(extra_headers={"Idempotency-Key": "take-1"})
    assert (provider.checks, [task.id for task in provider.dispatched]) == (2, [task_id])


def test_a_repeated_key_gives_the_same_task_and_another_request_is_refused(caller: Caller) -> None:
    key = {"Idempotency-Key": "take-1"}
    assert caller.created(extra_headers=key) == caller.created(extra_headers=key)
    with pytest.raises(ArkUnprocessableEntityError) as refused:
        caller.created(seed=7, extra_headers=key)
    assert (refused.value.code, refused.value.param) == ("IdempotencyKeyReused", "Idempotency-Key")
    assert len(caller.harness.provider.dispatched) == 1


def test_a_failed_task_says_why(caller: Caller) -> None:
    failure = Failure(reason=FailureClass.POLICY, code="OutputVideoSensitiveContentDetected", message="not this")
    caller.harness.provider.observations = [Failed(failure)]
    task_id = caller.created()
    caller.harness.see_through(task_id)
    task = caller.tasks.get(task_id=task_id)
    assert (task.status, task.error.code, task.error.message) == ("failed", failure.code, "not this")
    assert task.content.video_url == ""
