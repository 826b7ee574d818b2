"""`reelkeep providers check`, on the secret."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from cli.main import main
from cli.world import World

ARK = {"dialect": "volc_ark", "base_url": "https://ark.test/api/v3", "api_key": "sk-1234567"}


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ({"ark": ARK}, 0, "volc_ark"),
        ({"ark": {**ARK, "models": "ep-*"}}, 1, "ark.models: "),
        ({}, 1, "there is no provider in it"),  # as the template makes it
    ],
)
def test_what_the_secret_holds_is_checked(
    content: object, status: int, said: str, aws_endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = boto3.Session("test", "test", region_name="us-east-1").client(
        "secretsmanager", endpoint_url=aws_endpoint
    )
    arn = secrets.create_secret(Name=f"providers-{tmp_path.name}", SecretString=json.dumps(content))["ARN"]
    stack = {"region": "us-east-1", "table": "t", "aws_endpoint_url": aws_endpoint, "providers_secret_arn": arn}
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(stack))
    assert main(["providers", "check", "--local"], World(checkout=tmp_path)) == status
    captured = capsys.readouterr()
    assert said in captured.out + captured.err
    assert ARK["api_key"] not in captured.out + captured.err
    secrets.close()
