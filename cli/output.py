"""What a command found: a table for people, JSON for programs. Colours and progress are for terminals only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, Final, TextIO

_ON_A_TERMINAL = 0.1  # seconds between two changes of the line
_ELSEWHERE = 30.0  # seconds between two lines
_STYLES: Final = {
    "success": "green",
    "failed": "red",
    "expired": "red",
    "cancelled": "dim",
    "processing": "cyan",
    "archiving": "cyan",
    "ok": "green",
}

Columns = Mapping[str, str | Callable[[Any], object]]  # a heading: a field, or what is made of the row


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


def ago(then: datetime | None, now: datetime) -> str:
    """A length of time for people: 5 s, 12 min, 3 h, 8 d."""
    if then is None:
        return "-"
    seconds = (now - then).total_seconds()
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"


def note(text: str) -> None:
    """Something for the person beside what the command prints."""
    print(printable(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """Times as ISO 8601."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=datetime.isoformat))


def print_json_line(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, default=datetime.isoformat), flush=True)


def print_table(columns: Mapping[str, Sequence[object]], *, file: TextIO | None = None) -> None:
    """Columns by their headings. On a terminal they fit its width; elsewhere they are as wide as they have to be. To
    standard output, unless to another file."""
    file = file or sys.stdout
    texts = {heading: [*map(_text, cells)] for heading, cells in columns.items()}
    if not file.isatty():
        widths = [max(map(len, (heading, *cells))) for heading, cells in texts.items()]
        for row in (tuple(texts), *zip(*texts.values(), strict=True)):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print(line.rstrip(), file=file)
    elif not any(texts.values()):
        print("none", file=file)
    else:
        from rich.console import Console

        Console(file=file).print(table(texts))


def print_rows(
    rows: Sequence[Any],
    columns: Columns,
    *,
    json: bool,
    file: TextIO | None = None,
) -> None:
    """Dicts or dataclasses, as JSON or as a table: a column for each heading."""
    if json:
        print_json([asdict(row) if is_dataclass(row) else row for row in rows])  # type: ignore[arg-type]  # no class is a row
        return

    def cell(row: Any, shown: str | Callable[[Any], object]) -> object:
        if callable(shown):
            return shown(row)
        return row[shown] if isinstance(row, Mapping) else getattr(row, shown)

    print_table({heading: [cell(row, shown) for row in rows] for heading, shown in columns.items()}, file=file)


def print_facts(facts: Mapping[str, Any]) -> None:
    """One below the other, without what is not known."""
    texts = {
        name: [str(each) for each in value] if isinstance(value, list) else printable(str(value)).splitlines()
        for name, value in facts.items()
        if value not in (None, "", [])
    }
    width = max(map(len, texts))
    for name, (first, *more) in texts.items():
        print(f"{name:<{width}}  {first}", *(f"{'':<{width}}  {line}" for line in more), sep="\n")


def say(sentence: str, facts: Any, *, json: bool) -> None:
    """The sentence to a person, the facts to a program."""
    if json:
        print_json(facts)
    else:
        print(printable(sentence))


def table(texts: Mapping[str, Sequence[str]]) -> Any:
    """As rich shows it. An id stays whole, so that it can be copied; what is longest gives way."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in texts:
        shown.add_column(heading, no_wrap=heading in ("ID", "KEY ID", "STATE"), overflow="fold")
    for row in zip(*texts.values(), strict=True):
        shown.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    return shown


def confirmed(question: str) -> bool:
    """Whether a person says yes; where nobody can be asked, nobody does."""
    return typed(f"{question} [y/N]").lower() in ("y", "yes")


def typed(question: str) -> str:
    """What a person answers; nothing where nobody can be asked."""
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def printable(text: str) -> str:
    """Without the letters that a terminal obeys."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _text(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
    return printable(str(value)).replace("\n", "?")
