"""Provider callback: what providers call."""

from __future__ import annotations

import time
from functools import partial

from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.seen_callbacks import TableSeenCallbacks
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.invocations import LambdaFinalizing
from reelkeep.api import Api
from reelkeep.public import callback
from reelkeep.services.early_end import RecordEarlyEnd
from reelkeep.services.provider_callback import ProviderCallback
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.providers import configured_providers
from reelkeep.wiring.room import room_at


def build() -> Api:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    providers = configured_providers(calls_back_at=settings.public_url)
    provider_callback = ProviderCallback(
        tasks=tasks,
        providers=providers,
        seen=TableSeenCallbacks(platform.dynamodb(), settings.table),
        record_early_end=RecordEarlyEnd(
            tasks,
            forecasts(),
            LambdaFinalizing(platform.lambda_, settings.finalize_function_arn),
            room_at(providers, tasks),
        ),
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
