"""The archive: rebuild the table of tasks from it, verify what lies in it, list what is in quarantine."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from admin import stack
from admin.folders import Days, folders
from admin.output import Progress, counted, print_json, print_table, size
from admin.parallel import in_parallel
from admin.quarantine import quarantined
from admin.rebuild import Outcome, rebuild
from admin.recorded import in_order, with_missing
from admin.stack import Stack
from admin.verify import Checked, Difference, verify
from reelkeep.adapters.dynamodb.tasks import TableTasks
from reelkeep.domain.errors import InvalidRequest

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]

_WORKERS = 32  # at once; each waits for S3 and the table most of the time
_READERS = 8  # of whole files


def register(groups: Groups) -> None:
    group = groups.add_parser("archive", help="the archive", description=__doc__)
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    common = [stack.options(), _days()]

    rebuild_ = commands.add_parser(
        "rebuild",
        parents=common,
        help="rebuild the table of tasks from the archive",
        description="Records every task that came to its end as its manifest in the archive says. What is recorded"
        " already stays, unless it is older than the manifest. Can be repeated, and broken off, at any time.",
    )
    rebuild_.add_argument("--dry-run", action="store_true", help="only say what would be done")
    rebuild_.set_defaults(run=rebuild_all)

    verify_ = commands.add_parser(
        "verify",
        parents=common,
        help="compare every archived file with its manifest, and the archive with the table",
        description="Compares what S3 knows of every archived file (its size, its checksum, its type) with the"
        " manifests, and finds what is missing altogether: manifests and whole folders of tasks that the table knows."
        " Shows what differs; the exit code is 1 if anything does.",
    )
    verify_.add_argument("--owner", help="only this owner's tasks")
    verify_.add_argument("--deep", action="store_true", help="read every byte instead of trusting S3's checksums")
    verify_.add_argument("--strays", action="store_true", help="also show files that belong to no task")
    verify_.set_defaults(run=verify_all)

    quarantine = commands.add_parser(
        "quarantine",
        parents=common,
        help="list the bytes that are not recognised as the media that they should be",
        description="Such bytes are set aside below quarantine/ in the bucket, where they can be looked at until the"
        " stack's parameter QuarantineDays has passed.",
    )
    quarantine.set_defaults(run=list_quarantine)


def _days() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    for name, what in (("--since", "from this day on"), ("--until", "up to this day, included")):
        parser.add_argument(name, type=_day, metavar="YYYY-MM-DD", help=f"only tasks submitted {what} (UTC)")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day, such as 2026-11-21") from None


def _chosen(options: argparse.Namespace) -> Days:
    if options.since and options.until and options.since > options.until:
        raise InvalidRequest("--since is later than --until")
    return Days(options.since, options.until)


def rebuild_all(options: argparse.Namespace, stack: Stack) -> int:
    days, s3, bucket = _chosen(options), stack.s3(_WORKERS), stack.needed("bucket")
    work = partial(
        rebuild,
        s3=s3,
        bucket=bucket,
        records=TableTasks(stack.dynamodb(_WORKERS), stack.table),
        dry_run=options.dry_run,
    )
    found: Counter[Outcome] = Counter()
    untold, unreadable = 0, []
    with Progress() as progress:
        for each in in_parallel(work, folders(s3, bucket, days), workers=_WORKERS):
            found[each.outcome] += 1
            untold += each.untold
            if each.outcome is Outcome.UNREADABLE:
                unreadable.append(each)
            progress.show(
                f"{counted(found.total(), 'task')}, {found[Outcome.MISSING] + found[Outcome.OLDER]:,} rebuilt"
            )
    if options.json:
        counts = {outcome.value: found[outcome] for outcome in Outcome}
        named = [{"key": each.key, "reason": each.reason} for each in unreadable]
        print_json({**counts, "untold": untold, "dry_run": options.dry_run, "unreadable_manifests": named})
        return bool(unreadable)
    done = "would be recorded" if options.dry_run else "recorded"
    print(f"Tasks missing from the table, {done}: {found[Outcome.MISSING]:,}")
    print(f"Tasks older in the table, {done}: {found[Outcome.OLDER]:,}")
    print(f"Tasks there already: {found[Outcome.THERE]:,}")
    if untold:
        print(f"Not known to have been told of, which the sweep sees to: {untold:,}")
    if found[Outcome.WITHOUT]:
        print(f"Folders without a manifest, of tasks that had not come to an end: {found[Outcome.WITHOUT]:,}")
    for each in unreadable:
        print(f"not readable: {each.key}: {each.reason}")
    return bool(unreadable)


def verify_all(options: argparse.Namespace, stack: Stack) -> int:
    workers = _READERS if options.deep else _WORKERS
    s3, bucket = stack.s3(workers), stack.needed("bucket")
    tasks, days = TableTasks(stack.dynamodb(workers), stack.table), _chosen(options)
    total, differences = Checked(), list[Difference]()
    with Progress() as progress:
        read = 0

        def reading(count: int) -> None:
            nonlocal read
            read += count  # by several threads: it is for show, what is reported is added up below
            progress.show(_so_far(total, read))

        work = partial(
            verify,
            s3=s3,
            bucket=bucket,
            owner=options.owner,
            deep=options.deep,
            records=tasks,
            strays=options.strays,
            reading=reading,
        )
        # The table first: what had come to its end by then is in a listing that begins later.
        recorded = in_order(_shown(tasks.ended(days.span), progress))
        found = with_missing(folders(s3, bucket, days, whole_bucket=options.strays), recorded)
        for each in in_parallel(work, found, workers=workers):
            differences += each.differences
            total = Checked(
                tasks=total.tasks + each.tasks,
                files=total.files + each.files,
                bytes=total.bytes + each.bytes,
                read=total.read + each.read,
            )
            progress.show(_so_far(total, read))
    if options.json:
        counts = {name: value for name, value in asdict(total).items() if name != "differences"}
        print_json({**counts, "differences": [asdict(each) for each in differences]})
        return bool(differences)
    if differences:
        print_table(
            {
                "WHAT": [each.kind for each in differences],
                "FILE": [each.key for each in differences],
                "OWNER": [each.owner or None for each in differences],
                "DETAIL": [each.detail for each in differences],
            }
        )
    print(f"{_so_far(total, total.read)}: {counted(len(differences), 'difference')}")
    return bool(differences)


def list_quarantine(options: argparse.Namespace, stack: Stack) -> int:
    tasks = TableTasks(stack.dynamodb(), stack.table)
    found = list(quarantined(stack.s3(), stack.needed("bucket"), _chosen(options), tasks))
    if options.json:
        print_json([asdict(each) for each in found])
    else:
        print_table(
            {
                "FILE": [each.key for each in found],
                "SIZE": [size(each.bytes) for each in found],
                "SINCE": [each.since for each in found],
                "OWNER": [each.owner or None for each in found],
                "STATE": [each.state or None for each in found],
                "REASON": [each.reason or None for each in found],
            }
        )
    return 0


def _shown(task_ids: Iterator[str], progress: Progress) -> Iterator[str]:
    for count, task_id in enumerate(task_ids, 1):
        progress.show(f"{counted(count, 'task')} of the table")
        yield task_id


def _so_far(total: Checked, read: int) -> str:
    text = f"{counted(total.files, 'file')} ({size(total.bytes)}) of {counted(total.tasks, 'task')}"
    return f"{text}, {size(read)} read" if read else text
