"""Secrets Manager, read at most every five minutes, so that a rotated secret takes effect without a deploy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

_MAX_AGE_SECONDS = 300
_RETRY_SECONDS = 30  # a call to Secrets Manager may take seconds to fail, and a list has a hundred links to sign


class Secret:
    def __init__(self, provider: SecretsProvider, arn: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._arn = arn
        self._ticks = ticks
        self._known: str | None = None
        self._retry_at = 0.0

    def value(self) -> str:
        """The last known value while Secrets Manager does not answer. Raises GetParameterError if there is none."""
        if self._known is None or self._ticks() >= self._retry_at:
            try:
                self._known = str(self._provider.get(self._arn, max_age=_MAX_AGE_SECONDS))
            except GetParameterError:
                if self._known is None:
                    raise
                self._retry_at = self._ticks() + _RETRY_SECONDS
        return self._known
