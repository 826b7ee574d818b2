"""The dead-letter queue: what fails for good ends there, and `admin letters` shows it and does it again.

The local cloud does not tell EventBridge of executions, nor does its Scheduler know dead letters. So the first is told
here, in Step Functions' own words, to the rule that the template declares.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.client import Client
from tests.e2e.conftest import Aws, Prompt, admin
from tests.waiting import until

Json = dict[str, Any]
Letters = Callable[..., list[Json]]


@pytest.fixture
def letters(stack: Stack) -> Letters:
    def run(*arguments: str) -> list[Json]:
        found: list[Json] = json.loads(admin(stack, "letters", *arguments, "--json"))
        return found

    return run


def tell_of_failure(aws: Aws, execution_arn: str) -> None:
    """As Step Functions tells EventBridge of an execution that ended."""
    found = aws("stepfunctions").describe_execution(executionArn=execution_arn)
    detail = {
        "executionArn": execution_arn,
        "stateMachineArn": found["stateMachineArn"],
        "name": found["name"],
        "status": found["status"],
        "input": found["input"],
        "error": found.get("error"),
        "cause": found.get("cause"),
    }
    kind = "Step Functions Execution Status Change"
    event = {"Source": "aws.states", "DetailType": kind, "Detail": json.dumps(detail)}
    answer = aws("events").put_events(Entries=[event])
    assert answer["FailedEntryCount"] == 0, answer


def stopped(aws: Aws, stack: Stack, task_id: str) -> str:
    """The task's execution, aborted."""
    arn = f"{stack.state_machine_arn.replace(':stateMachine:', ':execution:')}:{task_id}"
    aws("stepfunctions").stop_execution(executionArn=arn, error="Test", cause="stopped by hand")
    return arn


def test_an_aborted_execution_is_shown_and_its_task_goes_on_when_it_is_replayed(
    aws: Aws, stack: Stack, local_cloud: object, alice: Client, letters: Letters, prompt: Prompt
) -> None:
    if local_cloud is None:
        pytest.skip("it stops executions")
    task_id = alice.submitted(prompt("stopped on its way", "[slow:3]"))
    tell_of_failure(aws, stopped(aws, stack, task_id))

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


def test_a_sweep_that_fails_for_good_ends_there_and_is_made_up_for(
    aws: Aws, stack: Stack, local_cloud: object, letters: Letters
) -> None:
    if local_cloud is None:
        pytest.skip("it makes the sweep fail")
    aws("lambda").invoke(FunctionName=stack.sweep_function, InvocationType="Event", Payload=b'["garbage"]')

    def arrived() -> list[Json]:
        return [letter for letter in letters("list") if letter["what"] == "sweep"]

    (letter,) = until(arrived, what="the letter", within=240, every=2)
    assert "AttributeError" in letter["reason"]
    (replayed,) = letters("replay", letter["id"])
    assert (replayed["result"], replayed["deleted"]) == ("swept", True)
    assert arrived() == []


def test_garbage_fails_at_once_and_is_left_to_a_person(
    aws: Aws, stack: Stack, local_cloud: object, letters: Letters
) -> None:
    if local_cloud is None:
        pytest.skip("it leaves garbage behind")
    machine = aws("stepfunctions")
    started = machine.start_execution(stateMachineArn=stack.state_machine_arn, input='{"task": "garbage"}')
    arn = started["executionArn"]

    def ended() -> bool:
        status: str = machine.describe_execution(executionArn=arn)["status"]
        return status == "FAILED"

    until(ended, what="the execution to fail", within=30)
    tell_of_failure(aws, arn)
    aws("sqs").send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody="hello")

    def both_arrived() -> list[Json]:
        found = [letter for letter in letters("list") if letter["what"] == "unknown"]
        return found if len(found) == 2 else []

    found = until(both_arrived, what="the letters", every=1)
    with pytest.raises(subprocess.CalledProcessError) as failure:
        letters("replay", *(letter["id"] for letter in found))
    assert failure.value.returncode == 1
    assert [each["deleted"] for each in json.loads(failure.value.output)] == [False, False]
    assert [letter["id"] for letter in both_arrived()] == [letter["id"] for letter in found]
    aws("sqs").purge_queue(QueueUrl=stack.dead_letter_queue_url)
