"""Two hundred tasks at once: each paid once, archived whole, announced once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.e2e.archive import Archive
from tests.e2e.client import FINAL, SMALL, Client
from tests.e2e.conftest import NewClient, Prompt
from tests.e2e.mailbox import Mailbox
from tests.e2e.simulator import Simulator
from tests.waiting import until

MANY = 200


@pytest.fixture(scope="module")
def carol(new_client: NewClient) -> Client:
    """Someone who wants much."""
    return new_client("carol")


@pytest.fixture(scope="module")
def answers(
    carol: Client, stack: Stack, prompt: Prompt, simulator: Simulator, mailbox: Mailbox
) -> list[httpx.Response]:
    """To all of them, submitted at the same time: half in Vidu's words, half in our own."""

    async def submit() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            base_url=stack.api_url,
            headers={"authorization": f"Bearer {carol.key}"},
            timeout=600,
            limits=httpx.Limits(max_connections=MANY),
            trust_env=not stack.aws_endpoint_url,
        ) as http:

            async def one(number: int) -> httpx.Response:
                body = {**SMALL, "prompt": prompt(f"number {number:03} of many", "[slow:0][moderation:0]")}
                if number % 2:
                    return await http.post("/tasks", json={"kind": "text2video", **body})
                return await http.post("/ent/v2/text2video", json=body)

            return await asyncio.gather(*map(one, range(MANY)))

    return asyncio.run(submit())


@pytest.fixture(scope="module")
def ended(carol: Client, answers: list[httpx.Response]) -> list[dict[str, Any]]:
    """All of carol's tasks, once none of them is under way."""

    def look() -> list[dict[str, Any]] | None:
        tasks = carol.tasks()
        return tasks if all(task["state"] in FINAL for task in tasks) else None

    return until(look, what="the end of all tasks", within=1200, every=1.0)


def test_all_are_taken_in(answers: list[httpx.Response]) -> None:
    assert Counter(answer.status_code for answer in answers) == {200: MANY // 2, 201: MANY // 2}


def test_all_end_in_success(ended: list[dict[str, Any]], answers: list[httpx.Response]) -> None:
    assert Counter(task["state"] for task in ended) == {"success": MANY}
    bodies = [answer.json() for answer in answers]
    assert {task["id"] for task in ended} == {body.get("task_id") or body["id"] for body in bodies}


def test_each_is_paid_once(ended: list[dict[str, Any]], simulator: Simulator) -> None:
    generated = [task for task in simulator.tasks("of many") if task["state"] == "success"]
    assert Counter(task["prompt"] for task in generated) == {task["prompt"]: 1 for task in ended}


def test_each_is_in_the_archive_whole(ended: list[dict[str, Any]], archive: Archive) -> None:
    for task in ended:
        assert archive.verified(task).keys() == {"video", "cover"}


def test_each_is_announced_once(ended: list[dict[str, Any]], mailbox: Mailbox) -> None:
    told = mailbox.await_all([task["id"] for task in ended])
    for task_id, notices in told.items():
        assert {notice.event["id"] for notice in notices} == {f"{task_id}.success"}
