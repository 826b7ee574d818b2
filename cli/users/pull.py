"""Pulling: the videos of many tasks into a folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.api import Api, Parameters, Task
from cli.errors import CommandError, Unsuccessful
from cli.options import Connected, Here, Json, Options, filters
from cli.output import counted, note, printable, say, size
from cli.parallel import in_parallel
from cli.users.downloads import Downloads, Wanted
from cli.users.waiting import in_words, reason
from cli.world import World
from reelkeep.domain.task import State

_LONGEST_WORDS: Final = 40  # letters of a prompt in a file's name
_LONGEST_BYTES: Final = 120  # of them, as a file system counts


def pull(
    world: Here,
    filters: Annotated[Parameters, Options(filters, without=("state", "unfinished", "failure", "hidden"))],
    api: Connected,
    tasks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="The tasks; `-` reads ids from standard input.", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where to put the files.", file_okay=False)
    ] = Path(),
    every: Annotated[bool, typer.Option("--all-files", help="Covers and the other files, too.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help="How many tasks at most, without ids.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=32, help="Files at once.")] = 4,
    json: Json = False,
) -> None:
    """Save videos: of these tasks, or of all that match the filters.

    Each file is named from date, model and prompt, and has that name only once it is complete and its checksum is
    right. What is there already is not fetched again; what was interrupted goes on where it stopped.
    """
    if tasks:
        found = api.some([line.strip() for line in sys.stdin if line.strip()] if tasks == ["-"] else tasks)
    else:
        found = list(islice(api.tasks([*filters, ("state", State.SUCCESS)]), limit))
    result = _Result()
    _pull(world, api, found, out, every=every, workers=workers, result=result)
    fetched = sum(each.fetched for each in result.saved)
    total = size(sum(each.bytes for each in result.saved))
    saved = [{"path": str(each.path), "bytes": each.bytes, "fetched": each.fetched} for each in result.saved]
    say(f"{counted(len(saved), 'file')} ({total}), {fetched:,} of them fetched now", saved, json=json)
    for error in result.errors[:-1]:
        note(f"error: {error}")
    if result.errors:
        raise result.errors[-1]
    empty = [each for each in found if tasks and not any(c["url"] for c in each["creations"])]
    if empty:
        raise Unsuccessful(
            "; ".join(f"{each['id']} has no video: it is {in_words(each)}{reason(each)}" for each in empty[:5])
        )


def pulled(world: World, api: Api, tasks: Sequence[Task], out: Path) -> list[Path]:
    """The videos of these tasks, saved. Raises CommandError."""
    result = _Result()
    _pull(world, api, tasks, out, every=False, workers=4, result=result)
    if result.errors:
        raise result.errors[0]
    return [each.path for each in result.saved]


@dataclass(frozen=True)
class _Saved:
    path: Path
    bytes: int
    fetched: bool


class _Result:
    def __init__(self) -> None:
        self.saved: list[_Saved] = []
        self.errors: list[CommandError] = []


def _pull(
    world: World, api: Api, tasks: Iterable[Task], out: Path, *, every: bool, workers: int, result: _Result
) -> None:
    files = [file for task in tasks for file in wanted(task, out, every=every)]
    downloads = Downloads(api.files, world.sleep)
    with _progress(files) as arrived:
        work = partial(_saved, downloads, arrived)
        try:
            for each in in_parallel(work, files, workers=workers):
                if isinstance(each, CommandError):
                    result.errors.append(each)
                else:
                    result.saved.append(each)
        finally:
            downloads.stop.set()


def _saved(downloads: Downloads, arrived: Callable[[int], None], file: Wanted) -> _Saved | CommandError:
    try:
        return _Saved(file.path, file.bytes, downloads.save(file, arrived))
    except CommandError as error:  # the others go on
        return error


@contextmanager
def _progress(files: Sequence[Wanted]) -> Iterator[Callable[[int], None]]:
    """Called with how many bytes arrived just now."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task(counted(len(files), "file"), total=sum(each.bytes for each in files))
        yield lambda count: progress.advance(bar, count)


def wanted(task: Task, out: Path, *, every: bool) -> Iterator[Wanted]:
    """The files of a task, with the names that they are to have."""
    stem = name_of(task)
    for number, creation in enumerate(task["creations"], 1):
        for file in creation["files"]:
            if not every and file["name"] != "video":
                continue
            suffix = "".join(re.findall(r"\.\w{1,8}$", file["url"].partition("?")[0]))
            more = f"_{number}" if len(task["creations"]) > 1 else ""
            more += "" if file["name"] == "video" else f"_{_words(file['name'])}"
            path = out / f"{stem}{more}{suffix}"
            yield Wanted(file["url"], path, file["bytes"], file["sha256"] or "", file["crc32"] or "")


def name_of(task: Task) -> str:
    """2026-11-21_viduq2_a-paper-boat-on-a-pond_5f0c9a1b: the end of the id tells equal prompts apart."""
    parts = (
        task["created_at"][:10],
        _words(task["model"] or ""),
        _words(task["prompt"] or task["kind"]),
        task["id"][-8:],
    )
    return "_".join(part for part in parts if part)


def _words(text: str) -> str:
    """As a part of a file's name, on every file system."""
    words = re.sub(r"[\W_]+", "-", printable(text).lower()).strip("-")
    if len(words) > _LONGEST_WORDS:
        words = words[:_LONGEST_WORDS].rpartition("-")[0] or words[:_LONGEST_WORDS]
    return words.encode()[:_LONGEST_BYTES].decode(errors="ignore").strip("-")
