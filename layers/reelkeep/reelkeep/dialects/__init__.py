"""One wire format a module, read both ways; nothing else lists them.

What a module calls `dialect` is served to clients, what it calls `upstream` can be a provider's. A format that takes
more than a page is a package, with the one in its `server` and the other in its `client`. What several dialects share
is in `families` and `grammar`.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from reelkeep.dialects.dialect import Dialect, Show
from reelkeep.domain.links import Links
from reelkeep.domain.task import Task
from reelkeep.domain.wire import Json, ProviderDialect

_SHARED = frozenset({"dialect", "families", "grammar", "translate"})


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Every dialect that clients can speak."""
    return tuple(filter(None, (_spoken(name, "dialect", "server") for name in _names())))


def dialect_of(path: str) -> Dialect:
    """The dialect with the longest prefix of this path; the native one has all paths."""
    folder = f"/{path.removeprefix('/')}/"  # also what bears a prefix's own name belongs to it
    return next(dialect for prefix, dialect in _prefixes() if folder.startswith(prefix))


@cache
def _prefixes() -> list[tuple[str, Dialect]]:
    """The longest first."""
    found = [(prefix, dialect) for dialect in all_dialects() for prefix in dialect.prefixes]
    return sorted(found, key=lambda each: -len(each[0]))


def shown(name: str, task: Task, links: Links) -> tuple[Json, str]:
    """What this dialect shows of a task, and what else signs it as a callback; only this one is loaded."""
    dialect: Dialect = _spoken(name, "dialect", "server")
    show = next(route for route in dialect.routes if isinstance(route, Show))
    return show.render(task, links).body, show.callbacks_signed_by


def upstream(name: str) -> ProviderDialect | None:
    """The dialect of this name as a provider speaks it; only this one is loaded."""
    found: ProviderDialect | None = _spoken(name, "upstream", "client") if name in _names() else None
    return found


def _spoken(name: str, what: str, side: str) -> Any:
    """What the module of this name calls so, or if it is a package, the module in it for that side; or None."""
    module = import_module(f"{__name__}.{name}")
    if hasattr(module, "__path__"):
        place = f"{__name__}.{name}.{side}"
        if not find_spec(place):
            return None
        module = import_module(place)
    return getattr(module, what, None)


@cache
def _names() -> tuple[str, ...]:
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)
