"""Sweep: on a schedule, and by hand."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.tasks import TableTasks
from reelkeep.services.sweep import Swept, sweep
from reelkeep.wiring import platform


class Sweep(Protocol):
    def __call__(self, *, everything: bool = False) -> Swept: ...


def build() -> Sweep:
    settings = platform.settings
    return partial(
        sweep,
        tasks=TableTasks(platform.dynamodb(), settings.table),
        executions=StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn),
        clock=platform.now,
    )
