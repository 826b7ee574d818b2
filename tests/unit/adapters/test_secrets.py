"""What a secret's value is, while Secrets Manager answers and while it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.config import Config

from reelkeep.adapters.secrets import Secret
from tests.servers import Request, Server, reply


class SecretsManager:
    """Serves through `Server`. `value` is None while it is away."""

    def __init__(self) -> None:
        self.value: str | None = "first"
        self.calls = 0

    def __call__(self, request: Request) -> list[bytes]:
        self.calls += 1
        if self.value is None:
            return reply(400, b'{"__type": "InternalServiceError"}')
        return reply(200, json.dumps({"SecretString": self.value}).encode())


class Clock:
    """Gives the time, to the library as well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.seconds = 1_000_000.0
        self.move(0)

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        now = datetime.fromtimestamp(0) + timedelta(seconds=self.seconds)  # noqa: DTZ006  as the library takes it

        class Moved(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return now

        self._monkeypatch.setattr("aws_lambda_powertools.utilities.parameters.base.datetime", Moved)

    def ticks(self) -> float:
        return self.seconds


@pytest.fixture
def manager() -> SecretsManager:
    return SecretsManager()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def secret(manager: SecretsManager, clock: Clock) -> Iterator[Secret]:
    with Server(manager) as server:
        client = boto3.Session("key", "secret", region_name="us-east-1").client(
            "secretsmanager",
            endpoint_url=f"http://127.0.0.1:{server.port}",
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield Secret(SecretsProvider(boto3_client=client), "arn", clock.ticks)
        client.close()


def test_it_is_read_once_in_five_minutes(secret: Secret, manager: SecretsManager, clock: Clock) -> None:
    assert [secret.value() for _ in range(3)] == ["first"] * 3
    clock.move(299)
    assert secret.value() == "first"
    assert manager.calls == 1


def test_a_rotated_secret_takes_effect_after_five_minutes(
    secret: Secret, manager: SecretsManager, clock: Clock
) -> None:
    secret.value()
    manager.value = "second"
    clock.move(301)
    assert secret.value() == "second"


def test_the_last_known_value_holds_while_secrets_manager_is_away_and_no_call_waits_for_it_twice(
    secret: Secret, manager: SecretsManager, clock: Clock
) -> None:
    secret.value()
    manager.value = None
    clock.move(301)
    assert [secret.value() for _ in range(100)] == ["first"] * 100
    assert manager.calls == 2
    manager.value = "second"
    clock.move(31)
    assert secret.value() == "second"


def test_a_secret_that_was_never_read_is_an_error_and_is_tried_again_at_once(
    secret: Secret, manager: SecretsManager
) -> None:
    manager.value = None
    with pytest.raises(GetParameterError):
        secret.value()
    manager.value = "first"
    assert secret.value() == "first"
