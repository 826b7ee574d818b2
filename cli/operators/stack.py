"""Finds the Reelkeep to work on: a stack in AWS, the local cloud, or the one whose parts the environment names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer
from botocore.exceptions import ClientError

from cli.errors import CommandError, Misused
from cli.options import Options
from cli.world import world_of

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

_DEFAULT = "reelkeep"

# What a command may need beside the table: the output of the stack, and the variable of the environment.
_PARTS: Final = {
    "bucket": ("BucketName", "BUCKET_NAME"),
    "state_machine_arn": ("StateMachineArn", "STATE_MACHINE_ARN"),
    "sweep_function": ("SweepFunctionName", "SWEEP_FUNCTION"),
    "dead_letter_queue_url": ("DeadLetterQueueUrl", "DEAD_LETTER_QUEUE_URL"),
    "providers_secret_arn": ("ProvidersSecretArn", "PROVIDERS_SECRET_ARN"),
    "topic_arn": ("TopicArn", "TOPIC_ARN"),
}


class NotFound(CommandError):
    """There is nothing to work on; the message says why, and what to do."""


@dataclass(frozen=True)
class Stack:
    session: Session
    table: str
    endpoint_url: str | None = None  # of the local cloud
    bucket: str = ""
    state_machine_arn: str = ""
    sweep_function: str = ""
    dead_letter_queue_url: str = ""
    providers_secret_arn: str = ""
    topic_arn: str = ""

    def needed(self, part: str) -> str:
        """Raises NotFound if nobody said what this stack's is."""
        found: str = getattr(self, part)
        if not found:
            output, variable = _PARTS[part]
            if self.endpoint_url:
                raise NotFound(
                    f".local/stack.json does not say the {part}, as an earlier version did; run `reelkeep up` again"
                )
            raise NotFound(f"{variable} is not set; set it, or name the stack with --stack (its output {output})")
        return found

    def client(self, service: str, **settings: Any) -> Any:
        """Of AWS, or of the local cloud. The settings are botocore's."""
        return self.session.create_client(service, endpoint_url=self.endpoint_url, config=config(**settings))

    def dynamodb(self, connections: int = 10) -> DynamoDBClient:
        return cast("DynamoDBClient", self.client("dynamodb", max_pool_connections=connections))

    def s3(self, connections: int = 10) -> S3Client:
        """Checks no checksums by itself: whoever reads does."""
        unchecked = {"response_checksum_validation": "when_required"}
        found = self.client("s3", max_pool_connections=connections, read_timeout=60, **unchecked)
        return cast("S3Client", found)

    def providers(self) -> str:
        """Their configuration. Raises NotFound."""
        arn = self.needed("providers_secret_arn")
        return str(self.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


StackName = Annotated[
    str,
    typer.Option(
        "--stack",
        metavar="NAME",
        help="The CloudFormation stack, in the AWS account and region that the environment names"
        f" (default: the table in TABLE_NAME, else {_DEFAULT!r}).",
        show_default=False,
    ),
]
Local = Annotated[bool, typer.Option("--local", help="The local cloud that `reelkeep up` runs.")]


def find(ctx: typer.Context, stack: StackName = "", *, local: Local = False) -> Stack:
    """Raises NotFound, Misused, and what botocore raises without a region, credentials or a connection."""
    if local and stack:
        raise Misused("--stack and --local name two stacks: give one of them")
    if local:
        return _local(world_of(ctx).stack_file)
    table = os.environ.get("TABLE_NAME")
    if table and not stack:
        parts = {name: os.environ.get(variable, "") for name, (_, variable) in _PARTS.items()}
        return Stack(session(), table, **parts)
    return _deployed(stack or _DEFAULT)


Place = Annotated[Stack, Options(find)]


def config(**settings: Any) -> Config:
    from botocore.config import Config

    return Config(**{"connect_timeout": 5, "read_timeout": 20, "retries": {"mode": "standard"}, **settings})


def session(region: str = "", profile: str = "") -> Session:
    """In AWS_REGION, as for AWS's own tools: botocore alone knows AWS_DEFAULT_REGION only."""
    from botocore.session import Session  # which takes longer to load than all the rest; boto3 would take more

    found = Session(profile=profile or None)
    if region := region or os.environ.get("AWS_REGION", ""):
        found.set_config_variable("region", region)
    return found


def _deployed(name: str) -> Stack:
    aws = session()
    try:
        client: Any = aws.create_client("cloudformation", config=config())
        answer = client.describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            region = aws.get_config_variable("region")
            raise NotFound(f"there is no stack {name!r} in {region}; name it with --stack") from error
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer["Stacks"][0].get("Outputs", [])}
    if "TableName" not in outputs:
        raise NotFound(f"the stack {name!r} has no output TableName: is it one of Reelkeep's?")
    parts = {name: outputs.get(output, "") for name, (output, _) in _PARTS.items()}
    return Stack(aws, outputs["TableName"], **parts)


def _local(file: Path) -> Stack:
    try:
        found = json.loads(file.read_text())
        aws = session(found["region"])
        aws.set_credentials("test", found.get("aws_secret_access_key", "test"))
        parts = {name: found.get(name, "") for name in _PARTS}
        return Stack(aws, found["table"], found["aws_endpoint_url"], **parts)
    except FileNotFoundError as error:
        raise NotFound(f"there is no {file}: start the local cloud with `reelkeep up`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotFound(f"{file} does not say where the local cloud is; run `reelkeep up` again") from error
