"""What cannot succeed fails after a few tries, and stays in the dead-letter queue for a person."""

from __future__ import annotations

import json
import subprocess

import pytest

from local.stack import Stack
from tests.e2e.conftest import NOBODY, Aws, Dlq
from tests.waiting import until


def test_poison_fails_after_a_few_tries_and_is_left_to_a_person(
    aws: Aws, stack: Stack, poisoned: list[str], dlq: Dlq
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
        found = dlq("list")
        return found if len(found) == 3 else []

    found = until(all_arrived, what="the messages", every=1)
    assert sorted((message["what"], message["task_id"]) for message in found) == [
        ("execution", NOBODY),
        ("unknown", ""),
        ("unknown", ""),
    ]
    with pytest.raises(subprocess.CalledProcessError) as failure:
        dlq("replay", "--all")
    assert failure.value.returncode == 1
    assert [each["deleted"] for each in json.loads(failure.value.output)] == [False, False, False]
    assert [message["id"] for message in all_arrived()] == [message["id"] for message in found]
    aws("sqs").purge_queue(QueueUrl=stack.dead_letter_queue_url)
