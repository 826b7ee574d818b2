"""The emulated AWS, with the table as the template declares it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from botocore.config import Config

from local import emulator
from local.claims import free_ports

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

ROOT = Path(__file__).parents[2]
CREDENTIALS: Any = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
# What CreateTable understands of the template's properties.
CREATED_WITH = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")


class Template(yaml.SafeLoader):
    """YAML with CloudFormation's tags; what they stand for is of no interest here."""


Template.add_multi_constructor("!", lambda loader, suffix, node: suffix)


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an emulator that is ours alone, and gone when the tests end."""
    program = Path(os.environ.get("REELKEEP_MINISTACK", ROOT / ".venv-cloud" / "bin" / "ministack"))
    assert program.is_file(), f"there is no {program}: run `make setup` first"
    folder = tmp_path_factory.mktemp("ministack")
    (port,) = free_ports(1)
    with emulator.running(program, port=port, data=folder, functions={}, log=folder / "log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def dynamodb(aws_endpoint: str) -> Iterator[DynamoDBClient]:
    client = _client(aws_endpoint)
    yield client
    client.close()


@pytest.fixture
def new_dynamodb(aws_endpoint: str) -> Iterator[DynamoDBClient]:
    """A client for one test to listen to, or to interfere with."""
    client = _client(aws_endpoint)
    yield client
    client.close()


@pytest.fixture
def table(dynamodb: DynamoDBClient) -> Iterator[str]:
    """A new table's name."""
    name = create_table(dynamodb)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def s3(aws_endpoint: str) -> Iterator[S3Client]:
    client = boto3.client("s3", endpoint_url=aws_endpoint, **CREDENTIALS)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: S3Client) -> str:
    """A new bucket's name."""
    name = f"archive-{time.monotonic_ns()}"
    s3.create_bucket(Bucket=name)
    return name


def create_table(client: DynamoDBClient) -> str:
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=Template)  # a kind of SafeLoader
    properties: dict[str, Any] = template["Resources"]["TasksTable"]["Properties"]
    name = f"tasks-{time.monotonic_ns()}"
    client.create_table(TableName=name, **{each: properties[each] for each in CREATED_WITH})
    return name


def _client(endpoint: str) -> DynamoDBClient:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        **CREDENTIALS,
        config=Config(max_pool_connections=32, retries={"total_max_attempts": 4}),
    )
