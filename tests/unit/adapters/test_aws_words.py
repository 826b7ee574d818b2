"""What AWS is told, and what its refusals mean, where neither needs a service to be shown."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.stub import ANY, Stubber

from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.notices import SnsNotices
from reelkeep.domain.errors import TryLater
from tests.unit.services.webhook_stage import task

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


def test_an_execution_that_cannot_be_looked_at_now_may_be_looked_at_later(session: boto3.Session) -> None:
    states = session.client("stepfunctions")
    executions = StepFunctionsExecutions(states, MACHINE)
    with Stubber(states) as stubber:
        stubber.add_client_error("describe_execution", "ThrottlingException", expected_params={"executionArn": ANY})
        with pytest.raises(TryLater):
            executions.running(task())
        stubber.add_client_error("describe_execution", "ExecutionDoesNotExist", expected_params={"executionArn": ANY})
        assert not executions.running(task())
