"""What a command found: as a table for people, or as JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

_ON_A_TERMINAL = 0.1  # seconds between two changes of the line
_ELSEWHERE = 30.0  # seconds between two lines


class Progress:
    """How far a long command has come, on standard error: one line that changes, or a line now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._next = time.monotonic() + (0 if self._terminal else _ELSEWHERE)

    def __enter__(self) -> Progress:
        return self

    def show(self, text: str) -> None:
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + (_ON_A_TERMINAL if self._terminal else _ELSEWHERE)
        self._stream.write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        self._stream.flush()

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def size(count: float) -> str:
    """Bytes for people: 1.5 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def counted(number: int, what: str) -> str:
    """1 file, 2,000 files."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def print_json(value: Any) -> None:
    """Times as ISO 8601."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=datetime.isoformat))


def print_table(columns: Mapping[str, Sequence[object]], *, file: TextIO | None = None) -> None:
    """Columns by their headings; as wide as they have to be. On a terminal that is too narrow for that, one cell a
    line. To standard output, unless to another file."""
    file = file or sys.stdout
    texts = [[heading, *map(_text, cells)] for heading, cells in columns.items()]
    widths = [max(map(len, column)) for column in texts]
    heading, *rows = zip(*texts, strict=True)
    if file.isatty() and not rows:
        print("none", file=file)
    elif file.isatty() and sum(widths) + 2 * len(widths) - 2 > shutil.get_terminal_size().columns:
        for row in rows:
            for name, cell in zip(heading, row, strict=True):
                print(f"{name:<{max(map(len, heading))}}  {cell}", file=file)
            print(file=file)
    else:
        for row in (heading, *rows):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(line.rstrip(), file=file)


def confirmed(question: str) -> bool:
    """Whether a person says yes; where nobody can be asked, nobody does."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))  # a terminal obeys the others
