"""Finds the Reelkeep to work on: a stack in AWS, the local cloud, or the table that the environment names."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_DEFAULT = "reelkeep"
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


class NotFound(Exception):
    """There is nothing to work on; the message says why, and what to do."""


@dataclass(frozen=True)
class Stack:
    session: boto3.Session
    table: str
    endpoint_url: str | None = None  # of the local cloud
    providers_secret_arn: str = ""  # empty if only the table is known

    def dynamodb(self) -> DynamoDBClient:
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)

    def providers(self) -> str:
        """Their configuration. Raises NotFound."""
        if not self.providers_secret_arn:
            raise NotFound("PROVIDERS_SECRET_ARN is not set; set it, or name the stack with --stack")
        client = self.session.client("secretsmanager", endpoint_url=self.endpoint_url, config=_CONFIG)
        return client.get_secret_value(SecretId=self.providers_secret_arn)["SecretString"]


def options() -> argparse.ArgumentParser:
    """What every command takes, to be inherited from."""
    parser = argparse.ArgumentParser(add_help=False)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--stack",
        metavar="NAME",
        help=f"the CloudFormation stack, in the AWS account and region that the environment names"
        f" (default: the table in TABLE_NAME, else {_DEFAULT!r})",
    )
    where.add_argument("--local", action="store_true", help="the local cloud that `make up` runs")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def find(options: argparse.Namespace, root: Path) -> Stack:
    """Raises NotFound, and what boto3 raises without a region, credentials or a connection."""
    if options.local:
        return _local(root / ".local" / "stack.json")
    table = os.environ.get("TABLE_NAME")
    if table and not options.stack:
        return Stack(boto3.Session(), table, providers_secret_arn=os.environ.get("PROVIDERS_SECRET_ARN", ""))
    return _deployed(options.stack or _DEFAULT)


def _deployed(name: str) -> Stack:
    session = boto3.Session()
    try:
        answer = session.client("cloudformation", config=_CONFIG).describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            raise NotFound(f"there is no stack {name!r} in {session.region_name}; name it with --stack") from error
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer["Stacks"][0].get("Outputs", [])}
    if "TableName" not in outputs:
        raise NotFound(f"the stack {name!r} has no output TableName: is it one of Reelkeep's?")
    return Stack(session, outputs["TableName"], providers_secret_arn=outputs.get("ProvidersSecretArn", ""))


def _local(file: Path) -> Stack:
    try:
        found = json.loads(file.read_text())
        session = boto3.Session("test", "test", region_name=found["region"])
        return Stack(session, found["table"], found["aws_endpoint_url"], found.get("providers_secret_arn", ""))
    except FileNotFoundError as error:
        raise NotFound(f"there is no {file}: start the local cloud with `make up`") from error
    except (ValueError, KeyError) as error:
        raise NotFound(f"{file} does not say where the local cloud is; run `make up` again") from error
