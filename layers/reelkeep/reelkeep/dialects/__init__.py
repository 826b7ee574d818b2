"""One wire format a file, read both ways. A module here that has a `dialect` is one; nothing else lists them."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from reelkeep.dialects.dialect import Dialect
from reelkeep.domain.wire import ProviderDialect


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Every dialect, the longest prefix first, so that the first that fits a path is the right one."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = [module.dialect for module in modules if hasattr(module, "dialect")]
    return tuple(sorted(found, key=lambda dialect: -len(dialect.prefix)))


@cache
def upstreams() -> dict[str, ProviderDialect]:
    """The dialects that a provider can speak, by name: the modules here that have an `upstream`."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    return {module.upstream.name: module.upstream for module in modules if hasattr(module, "upstream")}
