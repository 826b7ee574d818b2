"""Secrets Manager, read at most every five minutes, so that a rotated secret takes effect without a deploy."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reelkeep.ports import Clock

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_FRESH = timedelta(minutes=5)


class Secret:
    def __init__(self, client: SecretsManagerClient, arn: str, clock: Clock) -> None:
        self._client = client
        self._arn = arn
        self._clock = clock
        self._read: tuple[datetime, str] | None = None

    def value(self) -> str:
        now = self._clock()
        if self._read is None or now - self._read[0] > _FRESH:
            self._read = now, self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        return self._read[1]
