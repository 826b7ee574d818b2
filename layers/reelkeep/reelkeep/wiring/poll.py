"""Poll: one look at the provider."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.claims import TableClaims
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.s3.requests import S3Requests
from reelkeep.services.poll import Poll
from reelkeep.wiring import platform
from reelkeep.wiring.providers import configured_providers


def build() -> Poll:
    settings = platform.settings
    return Poll(
        tasks=TableTasks(platform.dynamodb(), settings.table),
        claims=TableClaims(platform.dynamodb(), settings.table),
        requests=S3Requests(platform.s3, settings.bucket),
        providers=configured_providers(calls_back_at=settings.callback_url),
        notices=SnsNotices(platform.sns, settings.topic_arn),
        clock=platform.now,
    )
