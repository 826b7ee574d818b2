"""`reelkeep owners erase`, killed and run again: nothing of the owner is left, and all of the others."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from cli.main import main
from reelkeep.adapters.dynamodb.claims import TableClaims
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableWaiting, TableWebhooks
from reelkeep.adapters.s3.layout import manifest_key
from reelkeep.domain.claims import Claim
from reelkeep.domain.keys import KeySettings
from reelkeep.domain.notices.webhooks import Delivery, Webhook, new_delivery_id, new_webhook_id
from reelkeep.domain.task import Announcements, State
from reelkeep.services.ledger import KeepLedger
from tests.integration.conftest import CREDENTIALS
from tests.integration.example import a_task
from tests.integration.killed import kill_after
from tests.integration.seeded import stock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

PROVIDERS = {"vidu": {"dialect": "volc_ark", "base_url": "https://ark.test/api/v3", "api_key": "sk-1234567"}}


@pytest.fixture
def environment(aws_endpoint: str, table: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = boto3.client("sns", endpoint_url=aws_endpoint, **CREDENTIALS)
    secrets = boto3.client("secretsmanager", endpoint_url=aws_endpoint, **CREDENTIALS)
    secret = secrets.create_secret(Name=table, SecretString=json.dumps(PROVIDERS))["ARN"]
    values = {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": table,
        "BUCKET_NAME": bucket,
        "TOPIC_ARN": sns.create_topic(Name=table)["TopicArn"],
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:none",
        "PROVIDERS_SECRET_ARN": secret,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    sns.close()
    secrets.close()


def fill(dynamodb: DynamoDBClient, table: str, owner: str, task_id: str) -> None:
    """With all that an owner has beside its tasks."""
    now = datetime.now(UTC)
    TableKeys(dynamodb, table).create(owner, KeySettings(), now)
    webhook = TableWebhooks(dynamodb, table).create(
        Webhook(id=new_webhook_id(now), owner=owner, url="https://example.com", created_at=now)
    )
    for about in (task_id, "f" * 32):  # of a webhook, and of one that is gone
        delivery = Delivery(
            id=new_delivery_id(now),
            owner=owner,
            webhook_id=webhook.id if about == task_id else new_webhook_id(now),
            task_id=about,
            event="success",
            url=webhook.url,
            body="{}",
            content_type="application/json",
            created_at=now,
        )
        TableDeliveries(dynamodb, table).add(delivery)
        TableWaiting(dynamodb, table).put(delivery.waiting)
    claim = Claim(sort="key", owner=owner, name="n", task_id=task_id, expires_at=now + timedelta(days=1))
    TableClaims(dynamodb, table).claim(claim, now)


def items(dynamodb: DynamoDBClient, table: str) -> dict[str, Any]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    return {f"{item['pk']['S']} {item['sk']['S']}": item for page in pages for item in page["Items"]}


def of_alice(name: str, item: Any, tasks: set[str]) -> bool:
    """Whether nothing of the sort may be there afterwards; sums of what was spent may."""
    if name.startswith("usage#") or name == "spend#alice counts":
        return False
    return name[5:37] in tasks or "alice" in name or item.get("owner") == {"S": "alice"}


def objects(s3: S3Client, bucket: str) -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket=bucket)["Contents"]
    return {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found}


@pytest.mark.usefixtures("environment")
def test_an_owner_is_erased_however_often_it_is_interrupted_and_nobody_else_is(
    dynamodb: DynamoDBClient,
    s3: S3Client,
    table: str,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    records, now = TableTasks(dynamodb, table), datetime.now(UTC)
    told = Announcements(announced_at=now)
    tasks = [replace(task, announcements=told) for task in stock(s3, bucket, 18)]
    for task in tasks:
        records.create(task)
        KeepLedger(TableLedger(dynamodb, table))(task)
    mine = {task.id for task in tasks if task.owner == "alice"}
    for owner in ("alice", "bob"):
        fill(dynamodb, table, owner, next(task.id for task in tasks if task.owner == owner))
    talkative = replace(a_task(owner="bob").request, prompt='{"owner":"alice"}')
    records.create(replace(a_task(owner="bob"), request=talkative))
    settings = TableKeys(dynamodb, table).settings
    settings.change("alice", lambda found: replace(found, stopped="the invoice is open"))
    TableCounters(dynamodb, table).rebuild("alice", {"at_once": Decimal(1)})  # of a task that ends later
    before = items(dynamodb, table)
    del before["owners #stopped"]
    others = {name: item for name, item in before.items() if not of_alice(name, item, mine)}
    assert any(name.startswith("usage#") and "alice" in name for name in others)  # what its tasks cost
    assert "spend#alice counts" in others
    files = {key: body for key, body in objects(s3, bucket).items() if key.split("/")[4] not in mine}

    assert main(["owners", "erase", "nobody", "--yes"]) == 5
    monkeypatch.setattr("sys.stdin", io.StringIO("alica\n"))
    assert main(["owners", "erase", "alice"]) == 1
    assert "that is not its name" in capsys.readouterr().err
    for calls in (3, 4):
        kill_after("DeleteObject", calls, "owners", "erase", "alice", "--yes")
        assert not any(key.is_good(now) for key in TableKeys(dynamodb, table).all("alice"))
    under_way = records.create(a_task(86_400.0, owner="alice", state=State.PROCESSING))
    assert main(["owners", "erase", "alice", "--yes", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["under_way"] == [under_way.id]
    records.save(replace(under_way, state=State.FAILED, announcements=told))
    assert main(["owners", "erase", "alice", "--yes"]) == 0
    assert "1 task, 1 key, 0 other records of alice erased" in capsys.readouterr().out

    assert settings.stopped().owners == frozenset()
    left = items(dynamodb, table)
    del left["owners #stopped"]
    of_tasks = {name[5:37] for name in left.keys() - others.keys()}
    assert of_tasks == mine | {under_way.id}
    assert {name: left[name] for name in others} == others
    for task_id in of_tasks:
        found = records.get(task_id)
        assert found is not None
        assert (found.erased_at is not None, found.request.prompt, found.creations) == (True, "", ())
    versions = s3.list_object_versions(Bucket=bucket)
    rest = objects(s3, bucket)
    assert {key: rest[key] for key in files} == files
    assert rest.keys() - files.keys() == {manifest_key(task_id) for task_id in of_tasks}
    keys = [each["Key"] for each in (*versions["Versions"], *versions.get("DeleteMarkers", ()))]
    assert sorted(key for key in keys if key not in files) == sorted(rest.keys() - files.keys())
