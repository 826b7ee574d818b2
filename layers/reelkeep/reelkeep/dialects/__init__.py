"""One wire format a package, read both ways; nothing else lists them.

What its `server` calls `dialect` is served to clients, what its `client` calls `upstream` can be a provider's: a
format has either or both. What several formats share is in `families`.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from reelkeep.dialects.dialect import Dialect, Show
from reelkeep.dialects.replies import View
from reelkeep.domain.links import Links
from reelkeep.domain.task import Task
from reelkeep.domain.wire import Json, ProviderDialect


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
    """What this dialect sends to receivers about a task, and what else signs that; only this dialect is loaded."""
    dialect: Dialect = _spoken(name, "dialect", "server")
    show = next(route for route in dialect.routes if isinstance(route, Show))
    shape = show.event or show.reply
    body = shape.of(View(task, links)) if shape else None
    return body, show.callbacks_signed_by


def upstream(name: str) -> ProviderDialect | None:
    """The dialect of this name as a provider speaks it; only this one is loaded."""
    found: ProviderDialect | None = _spoken(name, "upstream", "client") if name in _names() else None
    return found


def _spoken(name: str, what: str, side: str) -> Any:
    """What the module for this side of this format calls so; None if it has no such side."""
    module = f"{__name__}.{name}.{side}"
    return getattr(import_module(module), what) if find_spec(module) else None


@cache
def _names() -> tuple[str, ...]:
    return tuple(each.name for each in pkgutil.iter_modules(__path__) if each.ispkg and each.name != "families")
