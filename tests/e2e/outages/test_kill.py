"""kill -9, in the middle of a hundred tasks: every accepted one ends as it should, and none is paid for twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.listener import Listener, listening
from local.stack import Stack
from reelkeep.adapters.s3.layout import manifest_key
from tests.e2e.archive import Archive
from tests.e2e.client import FINAL, Client
from tests.e2e.conftest import Aws, NewClient, Prompt, admin
from tests.e2e.simulator import Simulator
from tests.waiting import until

MANY = 100
AT_ONCE = 12

Kill = Callable[[], Callable[[], str]]


def all_ended(client: Client, ids: set[str]) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]] | None:
        tasks = [task for task in client.tasks() if task["id"] in ids]
        return tasks if all(task["state"] in FINAL for task in tasks) else None

    return until(look, what="the end of all tasks", within=1200, every=1.0)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def test_a_hundred_tasks_outlive_a_kill(
    kill: Kill,
    stack: Stack,
    new_client: NewClient,
    archive: Archive,
    simulator: Simulator,
    prompt: Prompt,
    listener: Listener,
) -> None:
    dora = new_client("dora")
    webhook = dora.http.post("/webhooks", json={"url": listener.url, "events": ["success"]})
    assert webhook.status_code == 201, webhook.text
    prompts = [prompt(f"number {number:03} under the axe") for number in range(MANY)]

    def submitted(text: str) -> str | None:
        """The task's id, if the client ever heard of it."""
        try:
            answer = dora.submit(text)
        except httpx.TransportError:
            return None
        return str(answer.json()["id"]) if answer.status_code == 201 else None

    def in_the_middle() -> bool:
        states = Counter(task["state"] for task in dora.tasks())
        return states["success"] >= MANY // 10

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = [pool.submit(submitted, text) for text in prompts]
        until(in_the_middle, what="some of the tasks to be done", every=0.1)
        start = kill()
    accepted = {text: task_id for text, each in zip(prompts, answers, strict=True) if (task_id := each.result())}
    assert len(accepted) > MANY // 10

    assert "was not stopped in order" in start()

    ended = all_ended(dora, set(accepted.values()))
    assert {task["id"]: task["state"] for task in ended} == dict.fromkeys(accepted.values(), "success")
    for task in ended:
        archive.verified(task)
    untold = set(accepted.values())
    while untold:
        message = listener.next(90)
        assert message is not None, f"nobody was told of {untold}"
        untold.discard(json.loads(message.body)["subject"])
    paid = Counter(task["prompt"] for task in simulator.tasks("under the axe") if task["billed"])
    assert paid.keys() >= accepted.keys()
    assert set(paid.values()) == {1}
    verified = json.loads(admin(stack, "archive", "verify", "--deep", "--owner", dora.owner, "--json"))
    assert verified["tasks"] >= len(accepted)
    assert verified["differences"] == []


def test_a_table_that_lost_its_tasks_in_a_kill_is_rebuilt_from_the_archive(
    kill: Kill, stack: Stack, aws: Aws, new_client: NewClient, prompt: Prompt
) -> None:
    eve = new_client("eve")
    ids = {eve.succeeded(eve.submitted(prompt(f"number {number} to be forgotten")))["id"] for number in range(5)}
    before = eve.tasks()
    for task_id in ids:
        aws("dynamodb").delete_item(TableName=stack.table, Key={"pk": {"S": f"task#{task_id}"}, "sk": {"S": "task"}})
    assert eve.tasks() == []
    broken = manifest_key("019b796dd600" + "0" * 20)
    aws("s3").put_object(Bucket=stack.bucket, Key=broken, Body=b"{")
    said = kill()()
    aws("s3").delete_object(Bucket=stack.bucket, Key=broken)
    assert f"not readable: {broken}" in said  # and yet it came up
    assert "rebuilt 5 tasks from the archive" in said
    assert eve.tasks() == before
