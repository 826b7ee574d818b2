"""Finalize: into the archive, then told."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.http.outbound import Outbound
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.providers.configured import ConfiguredProviders
from reelkeep.adapters.s3.archive import S3Archive
from reelkeep.adapters.secrets import Secret
from reelkeep.dialects import upstream
from reelkeep.ports import SecondsLeft
from reelkeep.services.finalize import finalize
from reelkeep.services.poll import Verdict
from reelkeep.wiring import platform
from reelkeep.wiring.links import permanent_links


class Finalize(Protocol):
    def __call__(self, task_id: str, *, seconds_left: SecondsLeft) -> Verdict: ...


def build() -> Finalize:
    settings = platform.settings
    outbound = Outbound(platform.tls())
    providers_secret = Secret(platform.secretsmanager(), settings.providers_secret_arn, platform.now)
    link_secret = Secret(platform.secretsmanager(), settings.link_secret_arn, platform.now)
    return partial(
        finalize,
        tasks=TableTasks(platform.dynamodb(), settings.table),
        archive=S3Archive(platform.s3(), platform.credentials(), settings.bucket, outbound),
        providers=ConfiguredProviders(providers_secret, upstream, outbound),
        notices=SnsNotices(platform.sns(), settings.topic_arn),
        links=permanent_links(link_secret, settings.public_url),
        clock=platform.now,
    )
