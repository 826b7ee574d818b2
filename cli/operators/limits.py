"""Limits as they are written on a command line, NAME=VALUE each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from cli.errors import Misused
from reelkeep.domain.errors import InvalidRequest
from reelkeep.domain.limits import COUNTED, NO_LIMITS, Limits, check
from reelkeep.domain.money import amount

NO_LIMIT = "none"
NAMES = ("models", "providers", *COUNTED, "currency", "unpriced")


def changed(limits: Limits, pairs: Iterable[str]) -> Limits:
    """With what the pairs say. What they do not name stays as it is."""
    for pair in pairs:
        name, separator, text = pair.partition("=")
        name = name.replace("-", "_")
        if not separator or name not in NAMES:
            raise Misused(f"{pair!r} is not NAME=VALUE with one of {', '.join(NAMES)}")
        change: dict[str, Any] = {name: _read(name, text)}
        limits = replace(limits, **change)
    return limits


def checked(limits: Limits, above: Limits = NO_LIMITS) -> Limits:
    """Raises Misused for limits that cannot be, or that are higher than those `above`."""
    try:
        check(limits, above, path="")
    except InvalidRequest as error:
        raise Misused(error.message) from None
    return limits


def _read(name: str, text: str) -> object:
    if text == NO_LIMIT:
        return getattr(Limits(), name)
    if name in ("models", "providers"):
        return tuple(text.split(","))
    if name == "currency":
        return text
    if name == "unpriced" and text in ("yes", "no"):
        return text == "yes"
    try:
        if name.startswith("money"):
            return Decimal(text)
        if name != "unpriced":
            return int(text)
    except (ValueError, InvalidOperation):
        pass
    raise Misused(f"{name}: {text!r} is not {_KINDS.get(name, 'a whole number')}, nor {NO_LIMIT}")


_KINDS = {
    "money_a_day": "an amount of money",
    "money_a_month": "an amount of money",
    "unpriced": "yes or no",
}


def shown(limits: Limits) -> dict[str, object]:
    """All of them, as JSON."""
    found = {name: plain(getattr(limits, name)) for name in NAMES}
    return {**found, "currency": limits.currency or None}


def plain(value: object) -> object:
    if isinstance(value, Decimal):
        return amount(value)
    return list(value) if isinstance(value, tuple) else value


def in_words(limits: Limits, names: Iterable[str]) -> str:
    """Those of these that there are, as the command line takes them."""
    return " ".join(f"{name}={value}" for name in names if (value := said(limits, name)))


def said(limits: Limits, name: str) -> str | None:
    """For a person; None if there is no such limit."""
    value = getattr(limits, name)
    if value in (None, (), ""):
        return None
    if isinstance(value, Decimal):
        return f"{amount(value)} {limits.currency}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, tuple) else str(value)
