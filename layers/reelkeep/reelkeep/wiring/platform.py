"""What every function stands on: one AWS session, one set of trusted authorities, the clock, secrets, the log."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.config import Config

from reelkeep.adapters.dynamodb.troubles import TableTroubles
from reelkeep.adapters.secrets import Secret
from reelkeep.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

# A function of the API has 29 s for everything; a stuck connection must not take them all.
_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    # A fifth of each call's CPU goes into making up botocore's own user agent, a tenth into these two.
    user_agent="reelkeep",
    account_id_endpoint_mode="disabled",
    parameter_validation=False,  # the type checker has seen every call
)

# Every part carries a checksum, which is signed; hashing all bytes once more for the signature proves nothing.
_S3_CONFIG = _CONFIG.merge(
    Config(
        signature_version="s3v4",
        s3={"addressing_style": "virtual", "payload_signing_enabled": False},
        read_timeout=60,
    )
)

Handler = Callable[[dict[str, Any], Any], Any]  # of an event and Lambda's context

settings = Settings()


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def _client(name: str, config: Config = _CONFIG) -> Any:
    """Made once, when it is first needed."""
    return cache(lambda: cast("Any", _session()).client(name, config=config))


dynamodb: Callable[[], DynamoDBClient] = _client("dynamodb")
lambda_: Callable[[], LambdaClient] = _client("lambda")
s3: Callable[[], S3Client] = _client("s3", _S3_CONFIG)
secretsmanager: Callable[[], SecretsManagerClient] = _client("secretsmanager")
sns: Callable[[], SNSClient] = _client("sns")
sqs: Callable[[], SQSClient] = _client("sqs")
stepfunctions: Callable[[], SFNClient] = _client("stepfunctions")


@cache
def tls() -> ssl.SSLContext:
    """Loading the authorities takes tens of milliseconds: once, for every connection that this function opens."""
    return ssl.create_default_context()


@cache
def secrets() -> SecretsProvider:
    return SecretsProvider(boto3_client=secretsmanager())


def secret(arn: str) -> Secret:
    return Secret(secrets(), arn)


@cache
def troubles() -> TableTroubles:
    return TableTroubles(dynamodb(), settings.table, lambda: now())


@cache
def logger() -> Logger:
    """One JSON line an event; never a prompt, a key or a signed link."""
    return Logger()


def lambda_handler(correlation_id: str | None = None) -> Callable[[Handler], Handler]:
    """Wraps a function's handler: each log line names the request, the function and the value that lies at this path
    of the event (JMESPath), and each call is traced if the template says so.

    In the end, the troubles with providers are written that were noted meanwhile."""

    def wrap(invoked: Handler) -> Handler:
        def handler(event: dict[str, Any], context: Any) -> Any:
            try:
                return invoked(event, context)
            finally:
                if troubles.cache_info().currsize:
                    troubles().flush()

        handler = logger().inject_lambda_context(handler, correlation_id_path=correlation_id, clear_state=True)
        if settings.tracing:
            tracer = Tracer(patch_modules=("botocore",))  # loads X-Ray's SDK, which takes a tenth of a second
            return tracer.capture_lambda_handler(handler, capture_response=False)
        return handler

    return wrap


def now() -> datetime:
    return datetime.now(UTC)
