"""Requests to AWS and the meaning of its refusals, as far as they can be tested without a service."""

from __future__ import annotations

import json
from dataclasses import replace

import boto3
import pytest
from botocore.stub import Stubber

from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.notices import SnsNotices
from reelkeep.domain.errors import TryLater
from tests.unit.services.webhook_harness import task

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:films-task"


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-west-1")


@pytest.mark.parametrize(
    ("model", "said"),
    [("vidu q2", "vidu q2"), ("豆包", "豆包"), ("vidu\tq2", "vidu?q2"), ("a\x00b\u2028c\x7f", "a?b?c?")],
)
def test_an_attribute_holds_nothing_for_which_sns_would_drop_the_notice(
    session: boto3.Session, model: str, said: str
) -> None:
    sns = session.client("sns")
    with Stubber(sns) as stubber:
        attribute = {"model": {"DataType": "String", "StringValue": said}}
        stubber.add_response(
            "publish",
            {"MessageId": "1"},
            {"TopicArn": "topic", "Message": json.dumps({"model": model}, ensure_ascii=False)}
            | {"MessageAttributes": attribute},
        )
        SnsNotices(lambda: sns, "topic").publish({"model": model}, {"model": model})
        stubber.assert_no_pending_responses()


def test_an_execution_bears_the_number_of_its_run_in_its_name_and_its_input(session: boto3.Session) -> None:
    states = session.client("stepfunctions")
    third = replace(task(), executions=2)
    asked = {
        "stateMachineArn": MACHINE,
        "name": f"{third.id}-2",
        "input": json.dumps({"task_id": third.id, "run": 2, "wait_seconds": 7}),
    }
    with Stubber(states) as stubber:
        stubber.add_client_error("start_execution", "ExecutionAlreadyExists", expected_params=asked)
        StepFunctionsExecutions(states, MACHINE).start(third, 7)
        stubber.add_client_error("start_execution", "ThrottlingException", expected_params=asked)
        with pytest.raises(TryLater):
            StepFunctionsExecutions(states, MACHINE).start(third, 7)
