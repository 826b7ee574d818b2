"""What the table says must be in the archive, beside what the archive's listing shows."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from tempfile import TemporaryFile

from cli.operators.folders import Folder

_AT_ONCE = 100_000  # ids that are sorted in memory, some 10 MB


def in_order(task_ids: Iterable[str], *, at_once: int = _AT_ONCE) -> Iterator[str]:
    """Sorted, however many there are: what does not fit into memory at once lies in temporary files meanwhile."""
    task_ids = iter(task_ids)
    with ExitStack() as opened:
        runs = []
        while run := sorted(islice(task_ids, at_once)):
            file = opened.enter_context(TemporaryFile("w+", encoding="ascii"))
            file.writelines(f"{task_id}\n" for task_id in run)
            file.seek(0)
            runs.append(map(str.strip, file))
        yield from heapq.merge(*runs)


def with_missing(found: Iterable[Folder], recorded: Iterable[str]) -> Iterator[Folder]:
    """Every folder, and an empty one for each recorded task that has none. Both come in the order of ids."""
    left = iter(recorded)
    task_id = next(left, None)
    for folder in found:
        while folder.task_id and task_id is not None and task_id <= folder.task_id:
            if task_id < folder.task_id:
                yield Folder(task_id, {})
            task_id = next(left, None)
        yield folder
    while task_id is not None:
        yield Folder(task_id, {})
        task_id = next(left, None)
