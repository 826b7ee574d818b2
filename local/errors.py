"""What a person reads when the local cloud cannot go on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

TAIL_LINES = 20
LINE_CHARACTERS = 500


class CloudError(Exception):
    """Says what is wrong in one sentence, and which logs may say more."""

    def __init__(self, message: str, *logs: Path) -> None:
        super().__init__(message)
        self.logs = logs


def last_lines(logs: Iterable[Path]) -> Iterable[str]:
    """The end of each log that holds anything."""
    for log in logs:
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        if lines:
            yield f"--- the end of {log}"
            yield from (line[:LINE_CHARACTERS] for line in lines[-TAIL_LINES:])
