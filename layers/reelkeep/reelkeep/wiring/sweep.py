"""Sweep: on a schedule, and by hand."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.dialects import upstream
from reelkeep.services.adopt import Adopt
from reelkeep.services.sweep import Sweep
from reelkeep.wiring import platform


def build() -> tuple[Sweep, Adopt]:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    executions = StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn)
    secret = platform.secret(settings.providers_secret_arn)
    providers = ConfiguredProviders(secret, upstream, Outbound(platform.tls()))
    return (
        Sweep(
            tasks=tasks,
            executions=executions,
            notices=SnsNotices(platform.sns, settings.topic_arn),
            soon=settings.links_expiring,
            clock=platform.now,
        ),
        Adopt(tasks, providers, executions, platform.now),
    )
