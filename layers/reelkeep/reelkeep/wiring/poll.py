"""Poll: one question to the provider."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.claims import TableClaims
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.s3.bucket import S3Bucket
from reelkeep.services.inputs import ResolveInputs
from reelkeep.services.poll import Poll
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.links import permanent_links
from reelkeep.wiring.providers import configured_providers
from reelkeep.wiring.room import room_at


def build() -> Poll:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    links = permanent_links(platform.secret(settings.link_secret_arn), settings.public_url)
    inputs = ResolveInputs(tasks, links)
    providers = configured_providers(calls_back_at=settings.callback_url, inputs=inputs)
    return Poll(
        tasks=tasks,
        claims=TableClaims(platform.dynamodb(), settings.table),
        requests=S3Bucket(platform.s3, settings.bucket),
        providers=providers,
        notices=SnsNotices(platform.sns, settings.topic_arn),
        room=room_at(providers, tasks),
        forecasts=forecasts(),
        clock=platform.now,
    )
