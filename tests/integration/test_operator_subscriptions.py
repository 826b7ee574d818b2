"""`reelkeep subscriptions`, on the emulated SNS and DynamoDB."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from cli.main import main
from reelkeep.domain.notices.subscription import EVENT_TYPES

Admin = Callable[..., Any]


@pytest.fixture
def admin(
    aws_endpoint: str, table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Admin]:
    session = boto3.Session("test", "test", region_name="us-east-1")
    sns = session.client("sns", endpoint_url=aws_endpoint)
    environment = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
        "TOPIC_ARN": sns.create_topic(Name=f"operators-{table}")["TopicArn"],
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def admin(*arguments: str) -> Any:
        """What a command of `subscriptions` prints as JSON, or its complaint."""
        status = main(["subscriptions", *arguments, "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out or "null") if status == 0 else printed.err

    yield admin
    sns.close()


def test_an_operator_subscribes_is_listed_and_unsubscribes(admin: Admin) -> None:
    arguments = ("--protocol", "email", "--endpoint", "ops@example.com", "--type", "lost", "--type", "links-expiring")
    [made] = admin("add", *arguments)
    assert (made["endpoint"], made["events"]) == (
        "ops@example.com",
        "reelkeep.task.lost, reelkeep.task.links-expiring",
    )
    assert admin("list") == [made]
    assert "already" in admin("add", *arguments)
    assert admin("remove", made["id"]) is None
    assert admin("list") == []


def test_without_a_type_it_gets_everything(admin: Admin) -> None:
    [made] = admin("add", "--protocol", "sqs", "--endpoint", "arn:aws:sqs:us-east-1:000000000000:ops")
    assert (made["events"], made["status"]) == ("all", "active")


def test_what_an_endpoint_is_let_in_by_is_not_shown(admin: Admin) -> None:
    [made] = admin("add", "--protocol", "https", "--endpoint", "https://127.0.0.1/hook?key=s3cr3t")
    assert made["endpoint"] == admin("list")[0]["endpoint"] == "https://127.0.0.1/hook?[redacted]"


def test_what_is_wrong_is_said(admin: Admin) -> None:
    assert "endpoint must be an e-mail address" in admin("add", "--protocol", "email", "--endpoint", "ops")
    assert "there is no subscription" in admin("remove", "nothing")


def test_every_type_of_event_has_a_word_of_its_own() -> None:
    assert len({each.rpartition(".")[2] for each in EVENT_TYPES}) == len(EVENT_TYPES)
