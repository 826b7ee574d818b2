"""Points in time, as JSON has them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def unix(moment: datetime) -> int:
    """In whole seconds since 1970."""
    return int(moment.timestamp())
