"""Watch: what a provider's list shows."""

from __future__ import annotations

import time

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.invocations import LambdaFinalizing
from reelkeep.services.early_end import RecordEarlyEnd
from reelkeep.services.watch import Watch
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.providers import configured_providers
from reelkeep.wiring.room import room_at


def build() -> Watch:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    providers, expected = configured_providers(), forecasts()
    room = room_at(providers, tasks)
    finalizing = LambdaFinalizing(platform.lambda_, settings.finalize_function_arn)
    return Watch(
        tasks=tasks,
        providers=providers,
        slots=room.slots,
        record_early_end=RecordEarlyEnd(tasks, expected, finalizing, room),
        forecasts=expected,
        clock=platform.now,
        pause=time.sleep,
    )
