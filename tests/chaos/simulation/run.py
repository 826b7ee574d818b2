"""One run, from its seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

from local.simulator import simulator as simulator_module
from local.simulator.simulator import Settings
from tests.chaos.provider import Provider, Stock
from tests.chaos.simulation.checks import Checks
from tests.chaos.simulation.people import People
from tests.chaos.simulation.provider import Accounts, Line
from tests.chaos.simulation.stack import Stack
from tests.chaos.simulation.world import Report, World


def simulate(seed: int, size: int, watched: int | None = None) -> Report:
    world = World(seed, watched)
    with TemporaryDirectory() as place, _seeded(Random(seed)):
        stock = Stock(Path(place))
        settings = Settings(data=Path(place) / "simulator", concurrency=size, off_peak_seconds=40_000)
        provider = Provider(settings, stock, lambda: world.now.timestamp(), Accounts)
        try:
            stack = Stack(world, Line(world, provider), provider)
            checks = Checks(stack, provider, stock)
            People(stack, provider).come(size)
            stack.schedule()
            world.run()
            checks.judge()
        finally:
            provider.close()
    return world.report


@contextmanager
def _seeded(random: Random) -> Iterator[None]:
    """The simulator's ids come from the same seed."""
    with patch.object(simulator_module, "randbelow", random.randrange):
        yield
