"""The dead-letter queue: what fails for good ends there, and `admin dlq` shows it and does it again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, Dlq, Prompt, admin
from tests.waiting import until

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("poisoned")  # begun here, since it takes its time to fail: see test_poison.py


def stop(aws: Aws, stack: Stack, task_id: str) -> None:
    """Aborts the task's execution."""
    arn = f"{stack.state_machine_arn.replace(':stateMachine:', ':execution:')}:{task_id}"
    aws("stepfunctions").stop_execution(executionArn=arn, error="Test", cause="stopped by hand")


def test_an_aborted_execution_is_shown_and_its_task_goes_on_when_it_is_replayed(
    aws: Aws, stack: Stack, alice: Client, dlq: Dlq, prompt: Prompt
) -> None:
    task_id = alice.submitted(prompt("stopped on its way", "[slow:3]"))
    stop(aws, stack, task_id)

    def arrived() -> list[Json]:
        return [message for message in dlq("list") if message["task_id"] == task_id]

    (message,) = until(arrived, what="the message", every=1)
    assert (message["what"], message["status"], message["name"]) == ("execution", "ABORTED", task_id)
    assert arrived() == [message]  # looking does not take it away
    shown: Any = json.loads(admin(stack, "dlq", "show", message["id"][:13]))
    assert shown["body"]["detail"]["name"] == task_id

    (replayed,) = dlq("replay", message["id"])
    assert (replayed["result"], replayed["deleted"]) == ("restarted", True)
    assert arrived() == []
    assert alice.succeeded(task_id)["id"] == task_id


def test_a_sweep_that_fails_for_good_ends_there_and_is_made_up_for(aws: Aws, stack: Stack, dlq: Dlq) -> None:
    aws("lambda").invoke(FunctionName=stack.sweep_function, InvocationType="Event", Payload=b'["garbage"]')

    def arrived() -> list[Json]:
        return [message for message in dlq("list") if message["what"] == "sweep"]

    (message,) = until(arrived, what="the message", within=240, every=2)
    assert "AttributeError" in message["reason"]
    (replayed,) = dlq("replay", message["id"])
    assert (replayed["result"], replayed["deleted"]) == ("swept", True)
    assert arrived() == []
