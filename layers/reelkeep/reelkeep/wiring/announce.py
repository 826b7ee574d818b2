"""Wires what follows from changes of tasks: Announce, KeepLedger, WarnOfBudgets."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.owners import TableOwners
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.dynamodb.webhooks import TableDeliveries, TableWaiting, TableWebhooks
from reelkeep.adapters.metrics import ProviderMetrics
from reelkeep.adapters.notices import SnsNotices
from reelkeep.adapters.outbox import SqsOutbox
from reelkeep.dialects import shown
from reelkeep.domain.links import Links
from reelkeep.domain.task import Task
from reelkeep.ports.notices import Rendered
from reelkeep.services.announce import Announce
from reelkeep.services.budgets import WarnOfBudgets
from reelkeep.services.forecasts import Estimate
from reelkeep.services.ledger import KeepLedger
from reelkeep.services.owners_line import OwnersLine
from reelkeep.wiring import platform
from reelkeep.wiring.forecasts import forecasts
from reelkeep.wiring.links import permanent_links
from reelkeep.wiring.room import owners_line


def build() -> Announce:
    settings = platform.settings
    link_secret = platform.secret(settings.link_secret_arn)
    return Announce(
        webhooks_of=TableWebhooks(platform.dynamodb(), settings.table).of,
        deliveries=TableDeliveries(platform.dynamodb(), settings.table),
        waiting=TableWaiting(platform.dynamodb(), settings.table),
        outbox=SqsOutbox(platform.sqs(), settings.deliveries_url),
        render=_rendered,
        links=permanent_links(link_secret, settings.public_url),
        estimate=Estimate(forecasts(), platform.now),
    )


def build_owners_line() -> OwnersLine:
    return owners_line(TableTasks(platform.dynamodb(), platform.settings.table))


def build_ledger() -> KeepLedger:
    return KeepLedger(TableLedger(platform.dynamodb(), platform.settings.table, clock=platform.now))


def build_warnings(announce: Announce) -> WarnOfBudgets:
    settings = platform.settings
    return WarnOfBudgets(
        TableCounters(platform.dynamodb(), settings.table),
        TableOwners(platform.dynamodb(), settings.table).settings,
        announce,
        SnsNotices(platform.sns, settings.topic_arn),
        ProviderMetrics(settings.stack).budget_full,
        platform.now,
    )


def _rendered(task: Task, links: Links) -> Rendered:
    return Rendered(*shown(task.request.dialect, task, links))
