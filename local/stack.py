"""What a running local cloud is called and where it answers; also as the file that other programs read."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from local import journal

REGION: Final = "us-east-1"
# Everybody's, and enough for all but the secrets: those take the stack's own secret key.
EVERYBODYS: Final = journal.EVERYBODYS


@dataclasses.dataclass(frozen=True)
class Stack:
    api_url: str
    aws_endpoint_url: str
    region: str
    bucket: str
    table: str
    topic_arn: str
    state_machine_arn: str
    providers_secret_arn: str
    link_secret_arn: str
    sweep_function: str
    dead_letter_queue_url: str
    archive: str  # the folder that holds the bucket's files
    provider: str  # the simulator's address, or the file of providers
    api_key: str
    aws_secret_access_key: str

    @classmethod
    def read(cls, path: Path) -> Stack | None:
        """What an earlier run wrote, if it wrote the same things."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def console_url(self) -> str:
        """Opens the console with the key. Browsers keep to themselves what is behind the #."""
        return f"{self.api_url}/#key={self.api_key}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this stack instead of AWS."""
        return {**aws_environment(self.aws_endpoint_url, self.aws_secret_access_key), **self.parts}

    @property
    def parts(self) -> dict[str, str]:
        """What the operator's commands work on, by the variables that they read."""
        return {
            "TABLE_NAME": self.table,
            "BUCKET_NAME": self.bucket,
            "STATE_MACHINE_ARN": self.state_machine_arn,
            "SWEEP_FUNCTION": self.sweep_function,
            "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue_url,
            "PROVIDERS_SECRET_ARN": self.providers_secret_arn,
        }

    def client(self, service: str) -> Any:
        """Of one of the emulated services."""
        anyhow: Any = service  # the stubs want to see its name as it is written
        aws = session(self.aws_secret_access_key)
        return aws.client(anyhow, endpoint_url=self.aws_endpoint_url, config=DIRECT)

    def write(self, path: Path) -> None:
        """For this user's eyes only: it holds a key."""
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(dataclasses.asdict(self), file, indent=2)
        new.replace(path)


def credentials(secret_key: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": EVERYBODYS, "AWS_SECRET_ACCESS_KEY": secret_key}


def aws_environment(endpoint_url: str, secret_key: str = EVERYBODYS) -> dict[str, str]:
    """Points the AWS tools at the emulator, and away from whatever account this machine is set up for."""
    return {
        **credentials(secret_key),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def this_machines_environment() -> dict[str, str]:
    """Our own environment without any word about an AWS account."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def session(secret_key: str = EVERYBODYS) -> boto3.Session:
    return boto3.Session(EVERYBODYS, secret_key, region_name=REGION)


# A proxy that this machine is set up for has no business between us and the emulator.
DIRECT: Final = Config(proxies={}, retries={"total_max_attempts": 2}, read_timeout=120)
