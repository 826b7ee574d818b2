"""What a client may know of a provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upstream:
    name: str
    dialect: str
    models: tuple[str, ...]  # patterns
    default: bool
    default_model: str = ""  # of submissions that name none
