"""The dead-letter queue: what fails for good ends there, and `admin letters` shows it and does it again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, Prompt, admin
from tests.e2e.local_cloud import LocalCloud
from tests.waiting import until

Json = dict[str, Any]
Letters = Callable[..., list[Json]]


NOBODY = "f" * 32  # the id of no task
POISON = {  # how the functions end that are handed it
    f"LookupError: no task {NOBODY}",
    "KeyError: 'task_id'",
    "AttributeError: 'list' object has no attribute 'get'",
}


@pytest.fixture(scope="module", autouse=True)
def poisoned(stack: Stack, aws: Aws, local_cloud: LocalCloud | None) -> list[str]:
    """Executions that cannot succeed; begun before anything else, since they take their time to fail."""
    if local_cloud is None:
        pytest.skip("a stack that others started is not ours to poison")
    inputs = ({"task_id": NOBODY, "wait_seconds": 1}, {"task": "garbage", "wait_seconds": 1})
    start = aws("stepfunctions").start_execution
    return [start(stateMachineArn=stack.state_machine_arn, input=json.dumps(each))["executionArn"] for each in inputs]


@pytest.fixture
def letters(stack: Stack) -> Letters:
    def run(*arguments: str) -> list[Json]:
        found: list[Json] = json.loads(admin(stack, "letters", *arguments, "--json"))
        return found

    return run


def stop(aws: Aws, stack: Stack, task_id: str) -> None:
    """Aborts the task's execution."""
    arn = f"{stack.state_machine_arn.replace(':stateMachine:', ':execution:')}:{task_id}"
    aws("stepfunctions").stop_execution(executionArn=arn, error="Test", cause="stopped by hand")


def test_an_aborted_execution_is_shown_and_its_task_goes_on_when_it_is_replayed(
    aws: Aws, stack: Stack, alice: Client, letters: Letters, prompt: Prompt
) -> None:
    task_id = alice.submitted(prompt("stopped on its way", "[slow:3]"))
    stop(aws, stack, task_id)

    def arrived() -> list[Json]:
        return [letter for letter in letters("list") if letter["task_id"] == task_id]

    (letter,) = until(arrived, what="the letter", every=1)
    assert (letter["what"], letter["status"], letter["name"]) == ("execution", "ABORTED", task_id)
    assert arrived() == [letter]  # looking does not take it away
    shown: Any = json.loads(admin(stack, "letters", "show", letter["id"][:13]))
    assert shown["body"]["detail"]["name"] == task_id

    (replayed,) = letters("replay", letter["id"])
    assert (replayed["result"], replayed["deleted"]) == ("restarted", True)
    assert arrived() == []
    assert alice.succeeded(task_id)["id"] == task_id


def test_a_sweep_that_fails_for_good_ends_there_and_is_made_up_for(aws: Aws, stack: Stack, letters: Letters) -> None:
    aws("lambda").invoke(FunctionName=stack.sweep_function, InvocationType="Event", Payload=b'["garbage"]')

    def arrived() -> list[Json]:
        return [letter for letter in letters("list") if letter["what"] == "sweep"]

    (letter,) = until(arrived, what="the letter", within=240, every=2)
    assert "AttributeError" in letter["reason"]
    (replayed,) = letters("replay", letter["id"])
    assert (replayed["result"], replayed["deleted"]) == ("swept", True)
    assert arrived() == []


def test_poison_fails_after_a_few_tries_and_is_left_to_a_person(
    aws: Aws, stack: Stack, poisoned: list[str], letters: Letters
) -> None:
    machine = aws("stepfunctions")

    def ended() -> bool:
        return all(machine.describe_execution(executionArn=arn)["status"] == "FAILED" for arn in poisoned)

    until(ended, what="the executions to fail", within=300, every=1)
    for arn in poisoned:
        history = machine.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        assert sum(event["type"] in ("LambdaFunctionFailed", "TaskFailed") for event in history) == 4
    aws("sqs").send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody="hello")

    def all_arrived() -> list[Json]:
        found = letters("list")
        return found if len(found) == 3 else []

    found = until(all_arrived, what="the letters", every=1)
    assert sorted((letter["what"], letter["task_id"]) for letter in found) == [
        ("execution", NOBODY),
        ("unknown", ""),
        ("unknown", ""),
    ]
    with pytest.raises(subprocess.CalledProcessError) as failure:
        letters("replay", "--all")
    assert failure.value.returncode == 1
    assert [each["deleted"] for each in json.loads(failure.value.output)] == [False, False, False]
    assert [letter["id"] for letter in all_arrived()] == [letter["id"] for letter in found]
    aws("sqs").purge_queue(QueueUrl=stack.dead_letter_queue_url)
