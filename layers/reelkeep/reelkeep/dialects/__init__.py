"""One wire format a module, read both ways; nothing else lists them.

A module here that has a `dialect` is served to clients; one that has an `upstream` can be a provider's. What ends in
`_bodies` or `_openapi` belongs to the dialect it is named for, and is loaded by it only when it is needed; so are the
other `reelkeep_` modules, the native API's, one for each thing of an owner's beside its tasks. What several dialects
share is in `grammar`.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from reelkeep.dialects.dialect import Dialect, Show
from reelkeep.domain.links import Links
from reelkeep.domain.task import Task
from reelkeep.domain.wire import Json, ProviderDialect


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Every dialect that clients can speak."""
    modules = (import_module(f"{__name__}.{name}") for name in _names())
    found = [module.dialect for module in modules if hasattr(module, "dialect")]
    return tuple(found)


def dialect_of(path: str) -> Dialect:
    """The dialect with the longest prefix of this path; the native one has all paths."""
    folder = f"{path}/"  # also what bears a prefix's own name belongs to it

    def fit(dialect: Dialect) -> int:
        return max((len(prefix) for prefix in dialect.prefixes if folder.startswith(prefix)), default=-1)

    return max(all_dialects(), key=fit)


def shown(name: str, task: Task, links: Links) -> tuple[Json, str]:
    """What this dialect shows of a task, and what else signs it as a callback; only this one is loaded."""
    dialect: Dialect = import_module(f"{__name__}.{name}").dialect
    show = next(route for route in dialect.routes if isinstance(route, Show))
    return show.render(task, links).body, show.callbacks_signed_by


def upstream(name: str) -> ProviderDialect | None:
    """The dialect of this name as a provider speaks it; only this one is loaded."""
    if name not in _names():
        return None
    found: ProviderDialect | None = getattr(import_module(f"{__name__}.{name}"), "upstream", None)
    return found


@cache
def _names() -> tuple[str, ...]:
    names = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(name for name in names if not name.endswith(("_bodies", "_openapi")) and "reelkeep_" not in name)
