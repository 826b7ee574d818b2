"""One wire format a module, read both ways; nothing else lists them.

What a module calls `dialect` is served to clients, what it calls `upstream` can be a provider's. A format that takes
more than a page is a package, with the one in its `server` and the other in its `client`. What several dialects share
is in `grammar`.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from reelkeep.dialects.dialect import Dialect, Show
from reelkeep.domain.links import Links
from reelkeep.domain.task import Task
from reelkeep.domain.wire import Json, ProviderDialect

_SHARED = frozenset({"dialect", "grammar"})


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Every dialect that clients can speak."""
    return tuple(found for name in _names() if (found := getattr(_side(name, "server"), "dialect", None)))


def dialect_of(path: str) -> Dialect:
    """The dialect with the longest prefix of this path; the native one has all paths."""
    folder = f"{path}/"  # also what bears a prefix's own name belongs to it

    def fit(dialect: Dialect) -> int:
        return max((len(prefix) for prefix in dialect.prefixes if folder.startswith(prefix)), default=-1)

    return max(all_dialects(), key=fit)


def shown(name: str, task: Task, links: Links) -> tuple[Json, str]:
    """What this dialect shows of a task, and what else signs it as a callback; only this one is loaded."""
    dialect: Dialect = _side(name, "server").dialect  # type: ignore[union-attr]  # every task came in one of them
    show = next(route for route in dialect.routes if isinstance(route, Show))
    return show.render(task, links).body, show.callbacks_signed_by


def upstream(name: str) -> ProviderDialect | None:
    """The dialect of this name as a provider speaks it; only this one is loaded."""
    return getattr(_side(name, "client"), "upstream", None) if name in _names() else None


def _side(name: str, side: str) -> ModuleType | None:
    """The module that has this side of a dialect, if it has this side."""
    whole = import_module(f"{__name__}.{name}")
    if not hasattr(whole, "__path__"):
        return whole
    place = f"{__name__}.{name}.{side}"
    return import_module(place) if find_spec(place) else None


@cache
def _names() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__)) - _SHARED
