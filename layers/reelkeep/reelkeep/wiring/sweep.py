"""Sweep: on a schedule, and by hand."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.ports import SecondsLeft
from reelkeep.services.adopt import Adopted, adopt
from reelkeep.services.sweep import Swept, sweep
from reelkeep.wiring import platform


class Sweep(Protocol):
    def __call__(self, *, seconds_left: SecondsLeft, everything: bool = False) -> Swept: ...


class Adopt(Protocol):
    def __call__(self, *, seconds_left: SecondsLeft) -> Adopted: ...


def build() -> tuple[Sweep, Adopt]:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    executions = StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn)
    secret = platform.secret(settings.providers_secret_arn)
    providers = ConfiguredProviders(secret, upstream, Outbound(platform.tls()))
    return (
        partial(
            sweep,
            tasks=tasks,
            executions=executions,
            notices=SnsNotices(platform.sns, settings.topic_arn),
            soon=settings.links_expiring,
            clock=platform.now,
        ),
        partial(adopt, tasks=tasks, providers=providers, executions=executions, clock=platform.now),
    )
