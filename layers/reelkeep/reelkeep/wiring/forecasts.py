"""Wires what foretells when tasks end."""

from __future__ import annotations

from reelkeep.adapters.dynamodb.durations import TableDurations
from reelkeep.services.forecasts import Forecasts
from reelkeep.wiring import platform


def forecasts() -> Forecasts:
    settings = platform.settings
    return Forecasts(TableDurations(platform.dynamodb(), settings.table), settings.poll_cost, platform.now)
