"""Ark's own SDK, as it is, with its own defaults: only its address and key are set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from volcenginesdkarkruntime import Ark
from volcenginesdkarkruntime._exceptions import ArkBadRequestError, ArkConflictError, ArkNotFoundError

from local.stack import Stack
from tests.e2e.archive import Archive, decoded
from tests.e2e.client import Client
from tests.e2e.conftest import Prompt
from tests.e2e.simulator import Simulator
from tests.waiting import until

MODEL = "viduq2"
SEEDANCE = "doubao-seedance-1-5-pro-251215"
QUICK = "--rs 540p --dur 1"


@pytest.fixture
def tasks(stack: Stack, alice: Client) -> Iterator[Any]:
    with Ark(base_url=f"{stack.api_url}/volc/v1", api_key=alice.key) as ark:
        yield ark.content_generation.tasks


def created(tasks: Any, text: str, **fields: Any) -> str:
    return str(tasks.create(model=MODEL, content=[{"type": "text", "text": f"{text} {QUICK}"}], **fields).id)


def ended(tasks: Any, task_id: str) -> Any:
    def look() -> Any:
        task = tasks.get(task_id=task_id)
        return None if task.status in ("queued", "running") else task

    return until(look, what=f"the end of task {task_id}", every=0.5)


def test_its_user_gets_a_film_that_stays_after_the_task_was_deleted(
    tasks: Any, alice: Client, anyone: httpx.Client, archive: Archive, prompt: Prompt, simulator: Simulator
) -> None:
    text = prompt("of Ark's")
    task_id = created(tasks, text)
    assert simulator.task(text)["prompt"] == text  # without the flags, which are no words of this provider
    task = ended(tasks, task_id)
    assert (task.status, task.model, task.error) == ("succeeded", MODEL, None)
    assert (task.resolution, task.duration, task.framespersecond) == ("540p", 1, 24)
    assert (task.usage.completion_tokens, task.usage.total_tokens) == (0, 0)
    listed = tasks.list(task_ids=[task_id], status="succeeded", model=MODEL)
    assert ([item.id for item in listed.items], listed.total) == ([task_id], 1)
    film = decoded(anyone.get(task.content.video_url).content)
    assert (film.frames, film.seconds) == (24, 1.0)
    tasks.delete(task_id=task_id)
    with pytest.raises(ArkNotFoundError):
        tasks.get(task_id=task_id)
    assert tasks.list(task_ids=[task_id]).total == 0
    assert decoded(anyone.get(task.content.video_url).content) == film
    assert "1-video.mp4" in archive.names(task_id)


def test_what_only_ark_has_comes_from_a_provider_of_arks_dialect(
    stack: Stack, alice: Client, anyone: httpx.Client, prompt: Prompt, simulator: Simulator
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}, "role": "first_frame"}
    text = {"type": "text", "text": prompt("of Ark's own")}
    wanted: dict[str, Any] = {"model": SEEDANCE, "content": [text, picture], "resolution": "480p", "duration": 1}
    with Ark(base_url=f"{stack.api_url}/api/v3", api_key=alice.key) as ark:
        task_id = ark.content_generation.tasks.create(**wanted, seed=7, return_last_frame=True).id
        task = ended(ark.content_generation.tasks, task_id)
    assert (task.status, task.model, task.seed, task.resolution) == ("succeeded", SEEDANCE, 7, "480p")
    assert task.usage.completion_tokens == task.usage.total_tokens > 0
    assert simulator.task(text["text"])["request"]["return_last_frame"] is True
    assert decoded(anyone.get(task.content.video_url).content).frames == 24
    assert anyone.get(task.content.last_frame_url).headers["content-type"] == "image/jpeg"


def test_a_film_whose_submission_ark_did_not_answer_is_made_once_and_found(
    stack: Stack, alice: Client, anyone: httpx.Client, prompt: Prompt, simulator: Simulator
) -> None:
    """The SDK sends a null for each argument that was not given, also where the mark goes that it is found by."""
    text = prompt("whose answer is cut", "[submit-lose:1]")
    with Ark(base_url=f"{stack.api_url}/api/v3", api_key=alice.key) as ark:
        content: Any = [{"type": "text", "text": text}]
        task_id = ark.content_generation.tasks.create(
            model=SEEDANCE, content=content, resolution="480p", duration=1, execution_expires_after=None
        ).id
        task = ended(ark.content_generation.tasks, task_id)
    assert (task.status, task.error) == ("succeeded", None)
    assert len(simulator.tasks(text)) == 1
    assert decoded(anyone.get(task.content.video_url).content).frames == 24


def test_a_task_in_the_queue_is_cancelled_and_one_under_way_is_not(
    tasks: Any, prompt: Prompt, simulator: Simulator
) -> None:
    waiting = prompt("that waits for Ark's user", "[slow:0]")
    task_id = created(tasks, waiting, service_tier="flex")
    tasks.delete(task_id=task_id)
    assert tasks.get(task_id=task_id).status == simulator.task(waiting)["state"] == "cancelled"
    working = prompt("that Ark's user cannot stop", "[slow:4]")
    task_id = created(tasks, working)
    until(lambda: simulator.task(working)["state"] == "processing", what="the simulator to begin")
    with pytest.raises(ArkConflictError) as refused:
        tasks.delete(task_id=task_id)
    assert refused.value.code == "InvalidAction.RunningTaskDeletion"
    assert ended(tasks, task_id).status == "succeeded"


def test_pages_have_a_total_and_a_service_tier(tasks: Any, alice: Client, prompt: Prompt) -> None:
    before = tasks.list(service_tier="flex").total
    ids = [created(tasks, prompt(f"number {number} of Ark's"), service_tier="flex") for number in range(3)]
    listed = tasks.list(service_tier="flex", page_size=2, page_num=1)
    assert ([item.id for item in listed.items], listed.total) == (sorted(ids, reverse=True)[:2], before + 3)
    assert tasks.list(service_tier="flex", page_size=2, page_num=2).items[0].id == min(ids)
    for task_id in ids:
        alice.cancel(task_id)


def test_what_cannot_be_said_to_the_provider_is_refused_by_its_name(
    tasks: Any, prompt: Prompt, simulator: Simulator
) -> None:
    text = prompt("with a last frame")
    with pytest.raises(ArkBadRequestError) as refused:
        created(tasks, text, return_last_frame=True)
    assert (refused.value.code, refused.value.param) == ("InvalidParameter", "return_last_frame")
    assert "Request id: " in refused.value.message
    assert simulator.tasks(text) == []
