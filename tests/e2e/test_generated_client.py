"""A client that a generator makes of the stack's own OpenAPI document: complete, with words that one would choose."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack, this_machines_environment
from tests.e2e.client import SMALL
from tests.e2e.conftest import NewClient, Prompt
from tests.waiting import until

PACKAGE = "client_of_reelkeep"

Module = Callable[[str], Any]


@pytest.fixture(scope="module")
def generated(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Module:
    """Its modules, by name. What the generator does not understand it leaves out with a warning: there is none."""
    place = tmp_path_factory.mktemp("generated")
    made = subprocess.run(
        [
            *(Path(sys.executable).with_name("openapi-python-client"), "generate", "--meta", "none"),
            *("--url", f"{stack.api_url}/openapi.json", "--output-path", place / PACKAGE, "--fail-on-warning"),
        ],
        env={**this_machines_environment(), "PATH": str(Path(sys.executable).parent)},  # it calls ruff
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(place))
    return lambda name: importlib.import_module(f"{PACKAGE}.{name}")


@pytest.fixture
def its(stack: Stack, new_client: NewClient, generated: Module) -> Iterator[Any]:
    """Its own client, with a key."""
    options = {"trust_env": not stack.aws_endpoint_url}
    with generated("client").AuthenticatedClient(
        base_url=stack.api_url, token=new_client("gene").key, httpx_args=options
    ) as client:
        yield client


def test_it_submits_a_task_shows_it_and_lists_it(generated: Module, its: Any, prompt: Prompt) -> None:
    models = generated("models")
    submit, show, listed = (generated(f"api.reelkeep.{name}") for name in ("submit_task", "show_task", "list_tasks"))
    text = prompt("of a generated client")
    task = submit.sync(client=its, body=models.Text2Video(kind="text2video", prompt=text, **SMALL))
    assert isinstance(task, models.Task)
    ended = until(
        lambda: found if (found := show.sync(task.id, client=its)).finished_at else None,
        what="the end of the task",
        within=300,
        every=0.5,
    )
    assert (ended.state, ended.kind) == (models.TaskState.SUCCESS, models.TaskKind.TEXT2VIDEO)
    assert ended.creations[0].files[0].url == ended.creations[0].url
    page = listed.sync(client=its, state=[models.TaskState.SUCCESS], task_id=[task.id])
    assert page.tasks == [ended]


def test_what_is_refused_is_a_problem_that_names_the_field(generated: Module, its: Any) -> None:
    models = generated("models")
    submit, show = generated("api.reelkeep.submit_task"), generated("api.reelkeep.show_task")
    refused = submit.sync_detailed(client=its, body=models.LipSync(kind="lip-sync", prompt="Hello", video_url="film"))
    assert (refused.status_code, refused.parsed.type_) == (400, models.ProblemType.INVALID_REQUEST)
    assert [each.field for each in refused.parsed.errors] == ["video_url"]
    nothing = show.sync("f" * 32, client=its)
    assert isinstance(nothing, models.Problem)
    assert (nothing.status, nothing.type_) == (404, models.ProblemType.NOT_FOUND)


def test_a_change_of_a_webhook_leaves_alone_what_it_does_not_name(stack: Stack, generated: Module, its: Any) -> None:
    models = generated("models")
    create, change, delete = (generated(f"api.reelkeep.{verb}_webhook") for verb in ("create", "change", "delete"))
    wanted = models.NewWebhook(
        url=f"{stack.api_url}/nowhere", events=[models.WebhookEvent.FAILED], body=models.WebhookBody.DIALECT
    )
    webhook = create.sync(client=its, body=wanted)
    try:
        paused = change.sync(webhook.id, client=its, body=models.WebhookChange(active=False))
    finally:
        delete.sync_detailed(webhook.id, client=its)
    assert (paused.active, paused.paused_because) == (False, models.WebhookPause.OWNER)
    assert (paused.events, paused.body) == (wanted.events, wanted.body)
