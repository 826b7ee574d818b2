"""kill -9, and nothing left but the archive's files: every archived task is there again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import httpx
import pytest

from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import admin
from tests.e2e.local_cloud import LocalCloud


@pytest.fixture
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One that no other test needs afterwards."""
    if "REELKEEP_STACK" in os.environ:
        pytest.skip("a stack that others started is not ours to lose")
    cloud = LocalCloud(tmp_path_factory.mktemp("lost") / "cloud")
    try:
        yield cloud
    finally:
        cloud.stop()


def client(stack: Stack, http: httpx.Client) -> Client:
    key = json.loads(admin(stack, "keys", "create", "--owner", "zoe", "--json"))["key"]
    http.base_url = httpx.URL(stack.api_url)
    http.headers["authorization"] = f"Token {key}"
    return Client(http, "zoe", key)


def test_tasks_are_rebuilt_from_their_files_when_everything_else_is_lost(cloud: LocalCloud) -> None:
    with httpx.Client(timeout=60, trust_env=False, follow_redirects=True) as http:
        stack = cloud.start()
        zoe = client(stack, http)
        for number in range(3):
            zoe.succeeded(zoe.submitted(f"number {number} that outlives its table"))
        before = zoe.tasks()
        films = [http.get(task["creations"][0]["url"]).content for task in before]

        cloud.kill()
        shutil.rmtree(cloud.data / "state")
        again = cloud.start()

        assert again.bucket != stack.bucket
        assert "brought 12 files over from the archive before" in cloud.said
        assert "rebuilt 3 tasks from the archive" in cloud.said
        zoe = client(again, http)  # keys are in no archive
        after = zoe.tasks()
        assert [without_links(task) for task in after] == [without_links(task) for task in before]
        assert [http.get(task["creations"][0]["url"]).content for task in after] == films
        verified = json.loads(admin(again, "archive", "verify", "--deep", "--strays", "--json"))
        assert (verified["tasks"], verified["differences"]) == (3, [])


def without_links(task: dict[str, object]) -> dict[str, object]:
    """The secret that they are made with is new."""
    return {name: value for name, value in task.items() if name != "creations"}
