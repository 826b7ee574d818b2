"""Sweep: on a schedule, and by hand."""

from __future__ import annotations

from functools import partial

from reelkeep.adapters.dynamodb.balances import TableBalances
from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.keys import TableKeys
from reelkeep.adapters.dynamodb.ledger import TableLedger
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.adapters.invocations import LambdaInvocations
from reelkeep.adapters.metrics import ProviderMetrics
from reelkeep.adapters.notices import SnsNotices
from reelkeep.services.adopt import Adopt
from reelkeep.services.counts import RepairCounts, SweepCounts, count_queued
from reelkeep.services.drift import CompareBalances
from reelkeep.services.end_reports import StartWatches
from reelkeep.services.room import LearnSlots
from reelkeep.services.sweep import Sweep
from reelkeep.wiring import platform
from reelkeep.wiring.providers import configured_providers


def build() -> tuple[Sweep, Adopt, LambdaInvocations, LearnSlots, StartWatches, CompareBalances, SweepCounts]:
    settings = platform.settings
    tasks = TableTasks(platform.dynamodb(), settings.table)
    executions = StepFunctionsExecutions(
        platform.stepfunctions(), settings.state_machine_arn, settings.watch_machine_arn
    )
    providers, slots = configured_providers(), TableSlots(platform.dynamodb(), settings.table)
    client, ledger = platform.dynamodb(), TableLedger(platform.dynamodb(), settings.table)
    notices = SnsNotices(platform.sns, settings.topic_arn)
    return (
        Sweep(
            tasks=tasks,
            executions=executions,
            notices=notices,
            soon=settings.links_expiring,
            clock=platform.now,
        ),
        Adopt(tasks, providers, executions, platform.now),
        LambdaInvocations(platform.lambda_),
        LearnSlots(slots, providers, platform.now),
        StartWatches(slots, providers, executions, platform.now),
        CompareBalances(
            providers,
            ledger,
            TableBalances(client, settings.table),
            notices,
            ProviderMetrics(settings.stack),
            platform.now,
        ),
        SweepCounts(
            TableKeys(client, settings.table).counters,
            RepairCounts(
                TableCounters(client, settings.table),
                ledger,
                tasks,
                platform.now,
                partial(count_queued, slots=slots, tasks=tasks),
            ),
            platform.now,
        ),
    )
