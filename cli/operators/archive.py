"""The archive: rebuild the table of tasks from it, verify it, copy it, list what is in quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from cli.operators.copying import Copied, CopyTask, Pair, in_pairs, left_of, require_other_bucket
from cli.operators.folders import SubmittedOn, folders
from cli.operators.quarantine import quarantined
from cli.operators.rebuild import Outcome, list_hidden, rebuild
from cli.operators.recorded import in_order, with_missing
from cli.operators.stack import Place
from cli.operators.verify import Checked, Difference, verify
from cli.options import Commands, Json
from cli.output import Columns, Progress, counted, print_json, print_rows, size
from cli.parallel import in_parallel
from reelkeep.adapters.dynamodb.tasks import TableTasks

_WORKERS = 32  # at once; each waits for S3 and the table most of the time
_READERS = 8  # of whole files


group = Commands(help=__doc__, no_args_is_help=True)


@group.command("rebuild")
def rebuild_all(
    days: SubmittedOn,
    place: Place,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: Json = False,
) -> int:
    """Rebuild the table of tasks: record every task that ended as its manifest in the archive says.

    What is recorded already stays, unless it is older than the manifest. It can be repeated, and broken off, at
    any time.
    """
    s3, bucket = place.s3(_WORKERS), place.needed("bucket")
    records = TableTasks(place.dynamodb(_WORKERS), place.table)
    work = partial(rebuild, s3=s3, bucket=bucket, records=records, dry_run=dry_run)
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
    hidden = list_hidden(records, dry_run=dry_run)
    if json:
        counts = {outcome.value: found[outcome] for outcome in Outcome} | {"hidden": hidden}
        named = [{"key": each.key, "reason": each.reason} for each in unreadable]
        print_json({**counts, "untold": untold, "dry_run": dry_run, "unreadable_manifests": named})
        return bool(unreadable)
    done = "would be recorded" if dry_run else "recorded"
    print(f"Tasks missing from the table, {done}: {found[Outcome.MISSING]:,}")
    print(f"Tasks older in the table, {done}: {found[Outcome.OLDER]:,}")
    print(f"Tasks there already: {found[Outcome.THERE]:,}")
    if hidden:
        print(f"Tasks that release 0.2.0 hid, {done} for the list of hidden ones: {hidden:,}")
    if untold:
        print(f"Not known to have been told of, which the sweep sees to: {untold:,}")
    if found[Outcome.WITHOUT]:
        print(f"Folders without a manifest, of tasks that had not come to an end: {found[Outcome.WITHOUT]:,}")
    for each in unreadable:
        print(f"not readable: {each.key}: {each.reason}")
    return bool(unreadable)


@group.command("verify")
def verify_all(
    days: SubmittedOn,
    place: Place,
    owner: Annotated[str | None, typer.Option("--owner", metavar="OWNER", help="Only this owner's tasks.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte instead of trusting S3's checksums.")] = False,
    strays: Annotated[bool, typer.Option("--strays", help="Also show files that belong to no task.")] = False,
    json: Json = False,
) -> int:
    """Compare every archived file with its manifest, and the archive with the table.

    Compares what S3 knows of every archived file (its size, its checksum, its type) with the manifests, and finds
    what is missing altogether: manifests and whole folders of tasks that the table knows. Shows what differs; the
    exit code is 1 if anything does.
    """
    workers = _READERS if deep else _WORKERS
    s3, bucket = place.s3(workers), place.needed("bucket")
    tasks = TableTasks(place.dynamodb(workers), place.table)
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
            owner=owner,
            deep=deep,
            records=tasks,
            strays=strays,
            reading=reading,
        )
        # The table first: what had come to its end by then is in a listing that begins later.
        recorded = in_order(_shown(tasks.ended(days.span), progress))
        found = with_missing(folders(s3, bucket, days, whole_bucket=strays), recorded)
        for each in in_parallel(work, found, workers=workers):
            differences += each.differences
            total = Checked(
                tasks=total.tasks + each.tasks,
                files=total.files + each.files,
                bytes=total.bytes + each.bytes,
                read=total.read + each.read,
            )
            progress.show(_so_far(total, read))
    if json:
        counts = {name: value for name, value in asdict(total).items() if name != "differences"}
        print_json({**counts, "differences": [asdict(each) for each in differences]})
        return bool(differences)
    print_differences(differences)
    print(f"{_so_far(total, total.read)}: {counted(len(differences), 'difference')}")
    return bool(differences)


@group.command()
def copy(
    days: SubmittedOn,
    place: Place,
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="Which is there already.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much would be copied.")] = False,
    json: Json = False,
) -> int:
    """Copy the archive to another bucket: every task that came to its end, its files first, its manifest last.

    Interrupt it whenever you like: it goes on where it stopped. S3 copies by itself where it can, and every copy is
    verified. What is damaged is left out and named, and makes the exit code 1. What was erased here is erased there.
    """
    source = place.needed("bucket")
    s3 = place.s3(_WORKERS)
    require_other_bucket(s3, source, bucket)

    def pairs() -> Iterator[Pair]:
        return in_pairs(folders(s3, source, days), folders(s3, bucket, days))

    left, done, copied = Copied(), Copied(), 0
    with Progress() as progress:
        for pair in pairs():
            left.add(left_of(pair))
            progress.show(f"{counted(left.files, 'file')} ({size(left.bytes)}) to copy")

        def heard(count: int) -> None:
            nonlocal copied
            copied += count  # by several threads: it is for show
            progress.show(f"{size(copied)} of {size(left.bytes)}, {counted(done.tasks, 'task')}")

        if not dry_run:
            for each in in_parallel(CopyTask(s3, source, bucket, heard), pairs(), workers=_WORKERS):
                done.add(each)
    if json:
        print_json({**asdict(left if dry_run else done), "dry_run": dry_run})
        return bool(done.differences)
    found, verb = (left, "would be copied") if dry_run else (done, "copied and verified")
    print_differences(done.differences)
    print(f"{counted(found.files, 'file')} ({size(found.bytes)}) {verb}, {found.there:,} there already")
    return bool(done.differences)


@group.command("quarantine")
def list_quarantine(
    days: SubmittedOn,
    place: Place,
    json: Json = False,
) -> None:
    """List the bytes that are not recognised as the media that they should be.

    Such bytes are set aside below quarantine/ in the bucket, where they can be looked at until the stack's parameter
    QuarantineDays has passed.
    """
    tasks = TableTasks(place.dynamodb(), place.table)
    found = list(quarantined(place.s3(), place.needed("bucket"), days, tasks))
    columns: Columns = {
        "FILE": "key",
        "SIZE": lambda each: size(each.bytes),
        "SINCE": "since",
        "OWNER": "owner",
        "STATE": "state",
        "REASON": "reason",
    }
    print_rows(found, columns, json=json)


def print_differences(found: Sequence[Difference]) -> None:
    if found:
        print_rows(found, {"WHAT": "kind", "FILE": "key", "OWNER": "owner", "DETAIL": "detail"}, json=False)


def _shown(task_ids: Iterator[str], progress: Progress) -> Iterator[str]:
    for count, task_id in enumerate(task_ids, 1):
        progress.show(f"{counted(count, 'task')} of the table")
        yield task_id


def _so_far(total: Checked, read: int) -> str:
    text = f"{counted(total.files, 'file')} ({size(total.bytes)}) of {counted(total.tasks, 'task')}"
    return f"{text}, {size(read)} read" if read else text
