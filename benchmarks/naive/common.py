"""Everything that any function might need, made once for all of them."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import boto3
import httpx
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig

from benchmarks.naive.models import Provider, Task

logger = Logger()
metrics = Metrics()
tracer = Tracer()
app = APIGatewayHttpResolver()

dynamodb = boto3.Session().client("dynamodb")
s3 = boto3.Session().client("s3")
sns = boto3.Session().client("sns")
stepfunctions = boto3.Session().client("stepfunctions")
secretsmanager = boto3.Session().client("secretsmanager")

table = os.environ["TABLE_NAME"]
persistence = DynamoDBPersistenceLayer(table_name=table, boto3_client=dynamodb)
idempotency = IdempotencyConfig(event_key_jmespath='headers."idempotency-key"')


@cache
def providers() -> dict[str, Provider]:
    secret = secretsmanager.get_secret_value(SecretId=os.environ["PROVIDERS_SECRET_ARN"])["SecretString"]
    return {name: Provider.model_validate(settings) for name, settings in json.loads(secret).items()}


def get_item(pk: str, sk: str) -> dict[str, Any] | None:
    key: dict[str, Any] = {"pk": {"S": pk}, "sk": {"S": sk}}
    answer: dict[str, Any] = dict(dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True))
    return answer.get("Item")


def put_task(task: Task, condition: str, **expression: Any) -> None:
    request = task.request
    indexed = {
        "owner": task.owner,
        "owner_state": f"{task.owner}#{task.state}",
        "owner_model": f"{task.owner}#{request.model}",
        "owner_resolution": f"{task.owner}#{request.resolution}" if request.resolution else "",
        "owner_template": f"{task.owner}#{request.template}" if request.template else "",
        "unfinished": task.id[-1] if task.told_at is None else "",
    }
    item: dict[str, Any] = {
        "pk": {"S": f"task#{task.id}"},
        "sk": {"S": "task"},
        "task_id": {"S": task.id},
        "state": {"S": task.state},
        "version": {"N": str(task.version)},
        "document": {"S": task.model_dump_json(exclude_defaults=True)},
        **{name: {"S": value} for name, value in indexed.items() if value},
    }
    dynamodb.put_item(TableName=table, Item=item, ConditionExpression=condition, **expression)


def save_task(task: Task) -> None:
    read, task.version = task.version, task.version + 1
    put_task(
        task,
        "#version = :read",
        ExpressionAttributeNames={"#version": "version"},
        ExpressionAttributeValues={":read": {"N": str(read)}},
    )


def call(provider: Provider, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {"Authorization": f"Token {provider.api_key.get_secret_value()}"}
    response = httpx.request(method, provider.base_url + path, headers=headers, json=body, timeout=20)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
