"""Exporting: what is known of many tasks, for other programs."""

from __future__ import annotations

import csv
import json as json_
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from cli.api import Task
from cli.options import Connected, Filters, Json
from cli.output import Progress, counted, say

COLUMNS: Final = (
    "id",
    "state",
    "kind",
    "provider",
    "model",
    "prompt",
    "duration",
    "resolution",
    "aspect_ratio",
    "seed",
    "off_peak",
    "tags",
    "starred",
    "created_at",
    "started_at",
    "ready_at",
    "finished_at",
    "credits",
    "failure",
    "url",
    "cover_url",
    "bytes",
    "sha256",
)


class Form(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


def export(
    api: Connected,
    filters: Filters,
    form: Annotated[
        Form | None, typer.Option("--format", metavar="FORM", help="jsonl or csv; by the file's name if absent.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Instead of standard output.", dir_okay=False)
    ] = None,
    json: Json = False,
) -> None:
    """Write tasks down, one per line: as JSON with everything, or as CSV with what fits a table.

    A file has its name only once it is complete.
    """
    tasks = api.tasks(filters)
    chosen = form or (Form.CSV if out is not None and out.suffix.lower() == ".csv" else Form.JSONL)
    write = _csv if chosen is Form.CSV else _jsonl
    if out is None:
        write(tasks, sys.stdout)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        count = write(tasks, file)
    part.replace(out)
    say(f"{counted(count, 'task')} in {out}", {"file": str(out), "tasks": count}, json=json)


def _jsonl(tasks: Iterable[Task], file: TextIO) -> int:
    count = 0
    with Progress() as progress:
        for count, task in enumerate(tasks, 1):
            file.write(json_.dumps(task, ensure_ascii=False) + "\n")
            progress.show(counted(count, "task"))
    return count


def _csv(tasks: Iterable[Task], file: TextIO) -> int:
    count = 0
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    with Progress() as progress:
        for count, task in enumerate(tasks, 1):
            writer.writerow(row(task))
            progress.show(counted(count, "task"))
    return count


def row(task: Task) -> dict[str, Any]:
    """One line of a table: of several creations, the first one's files."""
    creation: dict[str, Any] = next(iter(task["creations"]), {})
    video: dict[str, Any] = next((each for each in creation.get("files", ()) if each["name"] == "video"), {})
    found = {
        **task,
        "tags": " ".join(task["tags"]),
        "failure": (task["failure"] or {}).get("reason"),
        "url": creation.get("url"),
        "cover_url": creation.get("cover_url"),
        "bytes": video.get("bytes"),
        "sha256": video.get("sha256"),
    }
    return {name: _tame(found.get(name)) for name in COLUMNS}


def _tame(value: Any) -> Any:
    """A spreadsheet takes text that begins so for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
