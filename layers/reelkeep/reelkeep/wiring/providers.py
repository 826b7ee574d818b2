"""The providers of the secret, and what the alarms learn of them."""

from __future__ import annotations

from collections.abc import Callable

from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.metrics import ProviderMetrics
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.domain.task import Task
from reelkeep.wiring import platform


def configured_providers(
    outbound: Outbound | None = None, *, calls_back_at: str = "", inputs: Callable[[Task], Task] = lambda task: task
) -> ConfiguredProviders:
    return ConfiguredProviders(
        platform.secret(platform.settings.providers_secret_arn),
        upstream,
        outbound or Outbound(platform.tls()),
        calls_back_at=calls_back_at,
        report=ProviderMetrics(platform.settings.stack),
        note_trouble=platform.troubles().note,
        inputs=inputs,
    )
