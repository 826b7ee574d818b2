"""Finds the Reelkeep to work on: a stack in AWS, the local cloud, or the one whose parts the environment names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from botocore.exceptions import ClientError

from cli.errors import CommandError, Misused
from cli.world import world_of

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

_DEFAULT = "reelkeep"
_SWEEP_SECONDS: Final = 310  # a little longer than the function may run

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
    session: boto3.Session
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

    def dynamodb(self, connections: int = 10) -> DynamoDBClient:
        config = _config(max_pool_connections=connections)
        return self.session.client("dynamodb", endpoint_url=self.endpoint_url, config=config)

    def s3(self, connections: int = 10) -> S3Client:
        """Checks no checksums by itself: whoever reads does."""
        config = _config(
            max_pool_connections=connections, read_timeout=60, response_checksum_validation="when_required"
        )
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=config)

    def sqs(self) -> SQSClient:
        return self.session.client("sqs", endpoint_url=self.endpoint_url, config=_config())

    def sns(self) -> SNSClient:
        return self.session.client("sns", endpoint_url=self.endpoint_url, config=_config())

    def stepfunctions(self) -> SFNClient:
        return self.session.client("stepfunctions", endpoint_url=self.endpoint_url, config=_config())

    def functions(self) -> LambdaClient:
        """Waits for an answer, and calls once."""
        config = _config(read_timeout=_SWEEP_SECONDS, retries={"total_max_attempts": 1})
        return self.session.client("lambda", endpoint_url=self.endpoint_url, config=config)

    def providers(self) -> str:
        """Their configuration. Raises NotFound."""
        arn = self.needed("providers_secret_arn")
        client = self.session.client("secretsmanager", endpoint_url=self.endpoint_url, config=_config())
        return client.get_secret_value(SecretId=arn)["SecretString"]


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


def find(ctx: typer.Context, stack: str, *, local: bool) -> Stack:
    """Raises NotFound, Misused, and what boto3 raises without a region, credentials or a connection."""
    if local and stack:
        raise Misused("--stack and --local name two stacks: give one of them")
    if local:
        return _local(world_of(ctx).stack_file)
    table = os.environ.get("TABLE_NAME")
    if table and not stack:
        parts = {name: os.environ.get(variable, "") for name, (_, variable) in _PARTS.items()}
        return Stack(session(), table, **parts)
    return _deployed(stack or _DEFAULT)


def _config(**settings: Any) -> Config:
    from botocore.config import Config

    return Config(**{"connect_timeout": 5, "read_timeout": 20, "retries": {"mode": "standard"}, **settings})


def session() -> boto3.Session:
    """In AWS_REGION, as for AWS's own tools: boto3 alone knows AWS_DEFAULT_REGION only."""
    import boto3  # which takes longer to load than all the rest

    return boto3.Session(region_name=os.environ.get("AWS_REGION"))


def _deployed(name: str) -> Stack:
    aws = session()
    try:
        answer = aws.client("cloudformation", config=_config()).describe_stacks(StackName=name)
    except ClientError as error:
        if "does not exist" in str(error):
            raise NotFound(f"there is no stack {name!r} in {aws.region_name}; name it with --stack") from error
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer["Stacks"][0].get("Outputs", [])}
    if "TableName" not in outputs:
        raise NotFound(f"the stack {name!r} has no output TableName: is it one of Reelkeep's?")
    parts = {name: outputs.get(output, "") for name, (output, _) in _PARTS.items()}
    return Stack(aws, outputs["TableName"], **parts)


def _local(file: Path) -> Stack:
    try:
        found = json.loads(file.read_text())
        import boto3

        session = boto3.Session("test", "test", region_name=found["region"])
        parts = {name: found.get(name, "") for name in _PARTS}
        return Stack(session, found["table"], found["aws_endpoint_url"], **parts)
    except FileNotFoundError as error:
        raise NotFound(f"there is no {file}: start the local cloud with `reelkeep up`") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotFound(f"{file} does not say where the local cloud is; run `reelkeep up` again") from error
