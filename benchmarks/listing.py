"""What a list of 100 tasks reads of an owner who has very many, in each dialect that lists and with each filter.

    python -m benchmarks.listing [--check] [--tasks N]

The table is an emulator's, so that times mean nothing; but what is read is what DynamoDB would read, and bill: keys
of an index, and items of the table. A dialect whose format has a total pays for it in keys, as many as it counts.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

_ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT / "layers" / "reelkeep"))

from local import emulator
from local.claims import free_ports
from reelkeep.adapters.dynamodb.task_record import to_item
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.dialects import all_dialects
from reelkeep.dialects.dialect import Http, List
from reelkeep.domain import ids
from reelkeep.domain.listing import Listing
from reelkeep.domain.task import Announcements, Kind, Request, State, Task
from reelkeep.ports.owners import Caller
from reelkeep.services.query import ListTasks
from tests.integration.conftest import create_table

_TASKS: Final = 100_000
_MOST_KEYS: Final = 400  # for 100 tasks, where nothing is counted and no page skipped
_MOST_ITEMS: Final = 101
_OWNER: Final = "alice"
_NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
_BEGAN: Final = _NOW - timedelta(days=6)  # all are within the seven days that some formats look back
_MODELS: Final = ("viduq1", "viduq2", "viduq2-pro", "doubao-seedance-1-5-pro-251215")
_STATES: Final = (*[State.SUCCESS] * 16, State.FAILED, State.CANCELLED, State.QUEUEING, State.PROCESSING)


def tasks(number: int) -> Iterator[Task]:
    dice = random.Random(number)
    for each in range(number):
        now = _BEGAN + timedelta(days=6) / number * each
        state = dice.choice(_STATES)
        yield Task(
            id=ids.new_task_id(now),
            owner=_OWNER,
            key_id="key-1",
            provider="vidu",
            request=Request(
                dialect="reelkeep",
                kind=Kind.TEXT2VIDEO,
                model=dice.choice(_MODELS),
                prompt="a paper boat on a pond",
                resolution=dice.choice(("540p", "720p", "1080p")),
                template="rare" if dice.random() < 0.0005 else dice.choice(("", "hugging")),
                off_peak=dice.random() < 0.3,
            ),
            created_at=now,
            updated_at=now,
            deadline=now + timedelta(hours=2),
            state=state,
            announcements=Announcements(announced_at=now if state.terminal else None),
        )


def queries(known: list[str]) -> dict[str, tuple[str, ...]]:
    """By path, with one filter at a time. All but the last ask for a page of 100."""
    begin, end = (f"{_BEGAN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in (48, 96))
    some = known[:: len(known) // 100][:100]
    return {
        "/tasks": (
            "limit=100",
            *(f"limit=100&{one}" for one in ("state=success", "state=failed", "state=queueing,processing")),
            *(f"limit=100&{one}" for one in ("model=viduq2", "model=viduq1,viduq2", "model=none", "resolution=720p")),
            *(f"limit=100&{one}" for one in ("template=hugging", "template=rare")),
            f"limit=100&created_from={begin}&created_to={end}",
            f"limit=100&task_id={','.join(some)}",
        ),
        "/ent/v2/tasks": (
            "pager.pagesz=100",
            *(f"pager.pagesz=100&{one}" for one in ("states=success", "states=processing", "model_versions=q2")),
            *(f"pager.pagesz=100&{one}" for one in ("resolutions=720p", "templates=hugging", "templates=rare")),
            f"pager.pagesz=100&created_at.from={begin}&created_at.to={end}",
            f"pager.pagesz=100&task_ids={','.join(some)}",
            "pager.pagesz=100&pager.page=50",
        ),
        "/api/v3/contents/generations/tasks": (
            "page_size=100",
            *(f"page_size=100&filter.{one}" for one in ("status=succeeded", "status=running", "service_tier=flex")),
            f"page_size=100&filter.model={_MODELS[-1]}",
            f"page_size=100&filter.task_ids={','.join(some)}",
            "page_size=100&page_num=50",
        ),
        "/v1/videos": ("limit=100", "limit=100&order=asc", f"limit=100&after={known[len(known) // 2]}"),
    }


@dataclass
class Meter:
    keys: int = 0
    items: int = 0
    calls: int = 0

    def count(self, parsed: dict[str, Any], **_: object) -> None:
        self.calls += 1
        self.keys += parsed.get("ScannedCount", 0)
        self.items += sum(map(len, parsed.get("Responses", {}).values()))


@contextmanager
def dynamodb() -> Iterator[Any]:
    """A client of an emulator that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        (port,) = free_ports(1)
        program, data = _ROOT / ".venv-cloud" / "bin" / "ministack", Path(folder)
        with emulator.running(program, port=port, data=data, functions={}, log=data / "log"):
            yield boto3.client(
                "dynamodb",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(read_timeout=600, proxies={}),
            )


def filled(client: Any, made: Iterable[Task]) -> str:
    table = create_table(client)
    puts = [{"PutRequest": {"Item": to_item(task, "written by the benchmark")}} for task in made]
    for first in range(0, len(puts), 25):
        client.batch_write_item(RequestItems={table: puts[first : first + 25]})
    return table


def routes() -> dict[str, List]:
    return {route.path: route for dialect in all_dialects() for route in dialect.routes if isinstance(route, List)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="end with status 1 if more is read than there should be")
    parser.add_argument("--tasks", type=int, default=_TASKS, help="that the owner has")
    options = parser.parse_args()
    made = list(tasks(options.tasks))
    paths, missed = routes(), False
    with dynamodb() as client:
        print(f"writing {len(made):,} tasks", file=sys.stderr)
        table = TableTasks(client, filled(client, made))
        meter = Meter()
        client.meta.events.register("after-call.dynamodb", meter.count)
        print(f"{'shown':>6}{'total':>8}{'items':>7}{'keys':>8}{'calls':>7}  a list of 100 of {len(made):,}")
        for path, each in queries([task.id for task in made]).items():
            for query in each:
                meter.keys = meter.items = meter.calls = 0
                listing = paths[path].parse(Http(method="GET", path=path, query=pairs(query)))
                caller = Caller(owner=_OWNER, key_id="key-1")
                page = ListTasks(table, lambda: _NOW)(listing, caller, paths[path].window)
                allowed = _MOST_KEYS + listing.skip + (page.total or 0)
                over = meter.items > _MOST_ITEMS or meter.keys > allowed or not right(page.tasks, made, listing)
                missed |= over
                total = "" if page.total is None else f"{page.total:,}"
                shown = f"{len(page.tasks):>6}{total:>8}{meter.items:>7}{meter.keys:>8,}{meter.calls:>7}"
                print(f"{shown}  {path}?{query[:60]}{'   TOO MUCH' if over else ''}", flush=True)
    return 1 if options.check and missed else 0


def pairs(query: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, _, value in (part.partition("=") for part in query.split("&")))


def right(shown: tuple[Task, ...], made: list[Task], listing: Listing) -> bool:
    """Whether these are the tasks that reading all of them would give."""
    order = made if listing.oldest_first else made[::-1]
    if listing.cursor:
        order = order[[task.id for task in order].index(listing.cursor) + 1 :]
    wanted = [task.id for task in order if listing.filter.admits(task)]
    return [task.id for task in shown] == wanted[listing.skip : listing.skip + listing.size]


if __name__ == "__main__":
    sys.exit(main())
