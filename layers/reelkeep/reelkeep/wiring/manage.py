"""Manage: what an owner has beside its tasks."""

from __future__ import annotations

from reelkeep.adapters.keys import TableKeys
from reelkeep.adapters.outbound import Outbound
from reelkeep.adapters.providers import ConfiguredProviders
from reelkeep.adapters.secrets import Secret
from reelkeep.api import Api
from reelkeep.dialects import upstream
from reelkeep.wiring import platform


def build() -> Api:
    settings = platform.settings
    secret = Secret(platform.secretsmanager(), settings.providers_secret_arn, platform.now)
    providers = ConfiguredProviders(secret, upstream, Outbound(platform.tls()))
    return Api(
        keys=TableKeys(platform.dynamodb(), settings.table),
        logger=platform.logger(),
        services={"list_providers": lambda *_: providers.all()},
    )
