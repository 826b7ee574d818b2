"""`reelkeep status` and `tasks`, on the emulated services: what is there, whose, and what needs a person."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from cli.main import main
from cli.world import World
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.dynamodb.troubles import TableTroubles
from reelkeep.domain.keys import KeySettings
from reelkeep.domain.task import Failure, FailureClass, Price, State
from reelkeep.domain.upstream import Health
from reelkeep.services.ledger import KeepLedger
from tests.integration.example import NOON, a_task

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ARK = {"dialect": "volc_ark", "base_url": "https://ark.test/api/v3", "api_key": "sk-1234567", "slots": 3}
MACHINE = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}})


def test_a_stack_is_shown_with_what_needs_a_person_and_with_everybodys_tasks(
    dynamodb: DynamoDBClient, table: str, aws_endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    secrets = session.client("secretsmanager", endpoint_url=aws_endpoint)
    sqs = session.client("sqs", endpoint_url=aws_endpoint)
    states = session.client("stepfunctions", endpoint_url=aws_endpoint)
    name = table[-20:]
    role = "arn:aws:iam::000000000000:role/states"
    machine = states.create_state_machine(name=name, definition=MACHINE, roleArn=role)["stateMachineArn"]
    states.start_execution(stateMachineArn=machine, name="one")
    stack = {
        "region": "us-east-1",
        "table": table,
        "aws_endpoint_url": aws_endpoint,
        "state_machine_arn": machine,
        "providers_secret_arn": secrets.create_secret(Name=name, SecretString=json.dumps({"vidu": ARK}))["ARN"],
        "dead_letter_queue_url": sqs.create_queue(QueueName=name)["QueueUrl"],
    }
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(stack))
    world = World(checkout=tmp_path)
    assert main(["status", "--local", "--json"], world) == 0
    quiet = json.loads(capsys.readouterr().out)
    assert quiet["attention"] == []

    now = datetime.now(UTC)
    hour_ago = (now - NOON).total_seconds() - 3600
    TableKeys(dynamodb, table).create("alice", KeySettings(), now)
    tasks = TableTasks(dynamodb, table)
    old = tasks.create(a_task(state=State.PROCESSING))  # whose execution ended days ago
    lost = a_task(hour_ago, state=State.FAILED)
    tasks.create(replace(lost, failure=Failure(reason=FailureClass.LOST)))
    troubles = TableTroubles(dynamodb, table, lambda: now)
    troubles.note("vidu", Health.KEY_REFUSED, "the provider refused the key")
    troubles.flush()
    price = Price(unit="credits", units=Decimal(30), each=Decimal("0.05"), currency="USD")
    paid = a_task((now - NOON).total_seconds(), state=State.PROCESSING)
    KeepLedger(TableLedger(dynamodb, table))(replace(paid, price=price, provider_task_id="1"))
    sqs.send_message(QueueUrl=stack["dead_letter_queue_url"], MessageBody="{}")
    assert main(["status", "--local", "--json"], world) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["providers"] == [
        {
            "name": "vidu",
            "dialect": "volc_ark",
            "models": [],
            "slots": 3,
            "in_line": 0,
            "health": "key-refused",
            "stopped": False,
            "under_way": 1,
        }
    ]
    counts = ("unfinished", "overdue", "running_executions", "dead_letters", "submitted", "failed", "lost")
    assert [found[name] for name in counts] == [{"processing": 1}, 1, 1, 1, 1, {"lost": 1}, 1]
    assert len(found["attention"]) == 4
    assert any(each.startswith("vidu is key-refused since ") for each in found["attention"])
    assert found["spent"] == {
        "USD": {"charged": "0", "reserved": "1.5"},
        "credits": {"charged": "0", "reserved": "30"},
    }
    assert main(["status", "--local"], world) == 1
    assert "1 task lost within 24 hours" in capsys.readouterr().out

    TableKeys(dynamodb, table).create("bob", KeySettings(), now)
    bobs = tasks.create(a_task(hour_ago - 60, owner="bob", state=State.SUCCESS))
    wanted = {
        "": [lost.id, bobs.id, old.id],
        "--owner bob": [bobs.id],
        "--failure lost": [lost.id],
        "--unfinished --since 2026-11-21": [old.id],
        "--limit 1": [lost.id],
        "--provider nobody": [],
    }
    for words, ids in wanted.items():
        assert main(["tasks", *words.split(), "--local", "--json"], world) == 0
        assert [each["id"] for each in json.loads(capsys.readouterr().out)] == ids, words
    assert main(["tasks", "--local"], world) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["OWNER", "alice", "bob", "alice"]
    secrets.close()
    sqs.close()
    states.close()
