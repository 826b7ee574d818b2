"""Poll: one look at the provider."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.claims import TableClaims
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.adapters.s3.requests import S3Requests
from reelkeep.dialects import upstream
from reelkeep.services.poll import Poll
from reelkeep.wiring import platform


def build() -> Poll:
    settings = platform.settings
    secret = platform.secret(settings.providers_secret_arn)
    return Poll(
        tasks=TableTasks(platform.dynamodb(), settings.table),
        claims=TableClaims(platform.dynamodb(), settings.table),
        requests=S3Requests(platform.s3, settings.bucket),
        providers=ConfiguredProviders(
            secret, upstream, Outbound(platform.tls()), calls_back_at=settings.callback_url
        ),
        notices=SnsNotices(platform.sns, settings.topic_arn),
        clock=platform.now,
    )
