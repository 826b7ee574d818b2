"""Announce: who is told of a change, and what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableWebhooks
from reelkeep.adapters.outbox import SqsOutbox
from reelkeep.dialects import shown
from reelkeep.domain.links import Links
from reelkeep.domain.task import Task
from reelkeep.ports import Rendered
from reelkeep.services.announce import announce
from reelkeep.wiring import platform
from reelkeep.wiring.links import permanent_links


def build() -> Callable[[Task, Task], int]:
    settings = platform.settings
    link_secret = platform.secret(settings.link_secret_arn)
    return partial(
        announce,
        webhooks=TableWebhooks(platform.dynamodb(), settings.table),
        deliveries=TableDeliveries(platform.dynamodb(), settings.table),
        outbox=SqsOutbox(platform.sqs(), settings.deliveries_url),
        render=_rendered,
        links=permanent_links(link_secret, settings.public_url),
    )


def _rendered(task: Task, links: Links) -> Rendered:
    return Rendered(*shown(task.request.dialect, task, links))
