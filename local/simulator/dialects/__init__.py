"""A wire format a module or package, from the provider's side; nothing else lists them.

Each has `routes(simulator)`, and `SERVES`: as which providers it can be configured.
"""

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from starlette.routing import BaseRoute

from local.simulator.simulator import Simulator


@dataclass(frozen=True)
class Serves:
    """A provider that a client of the simulator may configure."""

    dialect: str  # as the client calls it
    models: tuple[str, ...]  # patterns
    path: str = ""  # what stands before the dialect's own


def routes(simulator: Simulator) -> list[BaseRoute]:
    return [route for module in _modules() for route in module.routes(simulator)]


def served() -> list[Serves]:
    return [provider for module in _modules() for provider in module.SERVES]


def _modules() -> list[Any]:
    return [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
