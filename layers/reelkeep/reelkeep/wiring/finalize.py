"""Finalize: as a step of the state machine, and directly."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.s3.archive import S3Archive
from reelkeep.services.early_end import FinalizeDirectly
from reelkeep.services.finalize import Finalize
from reelkeep.wiring import platform
from reelkeep.wiring.links import permanent_links
from reelkeep.wiring.providers import configured_providers


def build() -> tuple[Finalize, FinalizeDirectly]:
    settings = platform.settings
    outbound = Outbound(platform.tls())
    link_secret = platform.secret(settings.link_secret_arn)
    finalize = Finalize(
        tasks=TableTasks(platform.dynamodb(), settings.table),
        archive=S3Archive(platform.s3, settings.bucket, outbound),
        providers=configured_providers(outbound),
        notices=SnsNotices(platform.sns, settings.topic_arn),
        links=permanent_links(link_secret, settings.public_url),
        clock=platform.now,
    )
    return finalize, FinalizeDirectly(
        finalize,
        lambda: StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn),
    )
