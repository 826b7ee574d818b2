"""Wake: what providers call."""

from __future__ import annotations

import time
from functools import partial

from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.seen_callbacks import TableSeenCallbacks
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.api import Api
from reelkeep.dialects import upstream
from reelkeep.public import callback
from reelkeep.services.provider_callback import ProviderCallback
from reelkeep.wiring import platform


def build() -> Api:
    settings = platform.settings
    secret = platform.secret(settings.providers_secret_arn)
    provider_callback = ProviderCallback(
        tasks=TableTasks(platform.dynamodb(), settings.table),
        providers=ConfiguredProviders(secret, upstream, Outbound(platform.tls()), calls_back_at=settings.public_url),
        seen=TableSeenCallbacks(platform.dynamodb(), settings.table),
        executions=StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn),
        clock=platform.now,
        pause=time.sleep,
    )
    logger = platform.logger()
    return Api(
        base_path=settings.base_path,
        keys=TableKeys(platform.dynamodb(), settings.table),
        logger=logger,
        public={"POST /wake/": partial(callback, accept=provider_callback, logger=logger)},
    )
