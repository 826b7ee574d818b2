"""What a command found: as a table for people, or as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


def print_json(value: Any) -> None:
    """Times as ISO 8601."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=datetime.isoformat))


def print_table(columns: Mapping[str, Sequence[object]]) -> None:
    """Columns by their headings; as wide as they have to be."""
    texts = [[heading, *map(_text, cells)] for heading, cells in columns.items()]
    widths = [max(map(len, column)) for column in texts]
    for row in zip(*texts, strict=True):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value)
