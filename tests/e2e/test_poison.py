"""What cannot succeed fails after a few tries, and lies in the dead-letter queue for a person to look at."""

from __future__ import annotations

import json
import subprocess

import pytest

from local.stack import Stack
from tests.e2e.conftest import NOBODY, Aws, Letters
from tests.waiting import until


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

    def all_arrived() -> list[dict[str, object]]:
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
