"""No key, signed URL or prompt in the open: not in a log, a state machine or a notice, whatever the others did."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from local.deployment import STEPS
from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import POISON, RUN, WORD, Aws, admin
from tests.e2e.local_cloud import LocalCloud
from tests.e2e.mailbox import Mailbox


@pytest.fixture(scope="module")
def secrets(stack: Stack, provider_key: str, alice: Client, bob: Client) -> dict[str, str]:
    found = {
        "a prompt": WORD,
        "a signed URL": "X-Amz-Signature",
        "the first API key": stack.api_key,
        "alice's API key": alice.key,
        "bob's API key": bob.key,
        "the provider's key": provider_key,
    }
    return {name: secret for name, secret in found.items() if secret}


def found_in(text: str, secrets: dict[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if secret in text]


def test_the_functions_logs_hold_no_secret(
    local_cloud: LocalCloud | None, stack: Stack, secrets: dict[str, str]
) -> None:
    if local_cloud is None:
        pytest.skip("the logs of a stack that others started are not ours to read")
    logs = local_cloud.function_logs()
    assert set(STEPS) <= logs.keys()
    assert {name: found for name, text in logs.items() if (found := found_in(text, secrets))} == {}


def test_no_function_crashed_or_met_what_it_did_not_expect(local_cloud: LocalCloud | None, stack: Stack) -> None:
    if local_cloud is None:
        pytest.skip("the logs of a stack that others started are not ours to read")
    logs = local_cloud.function_logs()
    lines = [line for step in STEPS for line in logs[step].split("\n")]  # a prompt may hold U+2028
    assert [line for line in lines if '"level":"ERROR"' in line] == []
    # A trace ends with its exception, at the beginning of a line.
    frames = ("{", " ", "Traceback", "The above exception", "During handling")
    crashes = {line for line in lines if line and not line.startswith(frames)}
    expected = ["no application metrics"]  # of a sweep that failed, as it was made to
    if local_cloud.starts > 1:  # those that lost the emulator were being stopped; the second is that in our words
        expected += ["connect", "errors.trylater: task"]
    assert {line for line in crashes if not any(words in line.lower() for words in expected)} - POISON == set()


def test_the_state_machines_inputs_and_outputs_hold_no_secret(
    stack: Stack, aws: Aws, alice: Client, secrets: dict[str, str]
) -> None:
    looked_at = 0
    for event in history(stack, aws):
        assert found_in(str(event), secrets) == []
        looked_at += 1
    assert looked_at > 100


def history(stack: Stack, aws: Aws) -> Iterator[dict[str, Any]]:
    """Every event of every execution."""
    machine = aws("stepfunctions")
    for page in machine.get_paginator("list_executions").paginate(stateMachineArn=stack.state_machine_arn):
        for execution in page["executions"]:
            arn = execution["executionArn"]
            for events in machine.get_paginator("get_execution_history").paginate(executionArn=arn):
                yield from events["events"]


READING = (
    "keys list",
    "owners list",
    "providers check",
    "archive verify --strays",
    "archive rebuild --dry-run",
    "dlq list",
    "subscriptions list",
)


@pytest.mark.usefixtures("poisoned")
def test_no_command_of_the_operators_shows_a_secret(stack: Stack, aws: Aws, secrets: dict[str, str]) -> None:
    links = aws("secretsmanager").get_secret_value(SecretId=stack.link_secret_arn)["SecretString"]
    shown = [f"dlq show {message['id']}" for message in json.loads(run(stack, "dlq list --json"))]
    for command in (*READING, *(f"{command} --json" for command in READING), *shown):
        said = run(stack, command)
        assert said.strip(), command
        assert found_in(said, {**secrets, "what links are made with": links}) == [], command


def test_a_key_is_shown_once_and_is_all_that_is_printed(stack: Stack) -> None:
    key = admin(stack, "keys", "create", "--owner", f"once-{RUN}").strip()
    assert key.startswith("rk_")
    assert len(key.split()) == 1
    (known,) = json.loads(run(stack, f"keys list --owner once-{RUN} --json"))
    shown = json.dumps(known) + run(stack, f"keys revoke {known['key_id']}")
    assert key not in shown
    assert key[-4:] in shown


def run(stack: Stack, command: str) -> str:
    """All that the operator's command prints, whatever it finds."""
    return admin(stack, *command.split(), check=False, stderr=subprocess.STDOUT)


def test_the_notices_hold_no_secret(mailbox: Mailbox, alice: Client, secrets: dict[str, str]) -> None:
    mailbox.empty()
    told = [notice for notice in mailbox.notices if notice.attributes["owner"].endswith(RUN)]
    assert [(notice.event["id"], found) for notice in told if (found := found_in(notice.text, secrets))] == []
