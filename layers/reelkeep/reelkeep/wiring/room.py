"""Wires what gives tasks their place at a provider."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.counters import TableCounters
from reelkeep.adapters.dynamodb.owners import TableOwners
from reelkeep.adapters.dynamodb.slots import TableSlots
from reelkeep.adapters.executions import StepFunctionsExecutions
from reelkeep.ports.providers import Providers
from reelkeep.ports.tasks import Tasks
from reelkeep.services.end_reports import EndReports
from reelkeep.services.owners_line import OwnersLine
from reelkeep.services.room import Room
from reelkeep.wiring import platform


def owners_line(tasks: Tasks) -> OwnersLine:
    client, settings = platform.dynamodb(), platform.settings
    return OwnersLine(
        tasks=tasks,
        slots=TableSlots(client, settings.table),
        counters=TableCounters(client, settings.table),
        settings_of=TableOwners(client, settings.table).settings,
        executions=StepFunctionsExecutions(platform.stepfunctions(), settings.state_machine_arn),
        clock=platform.now,
    )


def room_at(providers: Providers, tasks: Tasks) -> Room:
    settings = platform.settings
    slots = TableSlots(platform.dynamodb(), settings.table)
    return Room(
        tasks=tasks,
        slots=slots,
        providers=providers,
        executions=StepFunctionsExecutions(
            platform.stepfunctions(), settings.state_machine_arn, settings.watch_machine_arn
        ),
        reports=EndReports(slots),
        clock=platform.now,
        stopped=TableOwners(platform.dynamodb(), settings.table).stopped,
        start_owners_next=owners_line(tasks).start_next,
    )
