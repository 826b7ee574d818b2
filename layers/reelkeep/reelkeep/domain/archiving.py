"""What becomes of the files of a task that its provider has made: archived, tried again later, or given up.

Nothing is given up while its link, or a fresh one, may still be alive. Each file waits for itself alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.task import ArchivedFile, Asset, Backward, Creation, Failure, FailureClass, State, Task

LINK_LIFE = timedelta(hours=24)  # of a link that does not say. Source: the documentation of Vidu, and of Ark
GIVE_UP_AFTER = timedelta(hours=72)  # of trying, for a provider that goes on handing out fresh links to nothing
ERRORS_PER_LINK = 3  # in a row; from then on the provider is asked for a fresh one before each try
DEAD_LINK_REFRESHES = 3  # so often in a row the provider must have no better link than a dead one
COMPANION_WAIT = timedelta(minutes=30)  # that a file beside the video may hold up the success of the task
DELAY = timedelta(minutes=30)  # after which operators get an event about files that cannot be fetched
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CopyError:
    """Why a file could not be archived this time."""

    number: int  # of the creation, from 1
    name: str  # of the file
    message: str
    is_link_dead: bool = False  # only another link can help
    is_too_large: bool = False  # nothing can help
    no_better_link: bool = False  # the provider was asked, and has none
    retry_after: float | None = None  # seconds, as the server of the file asked for
    quarantined: ArchivedFile | None = None  # what came instead of the file


def due(task: Task, now: datetime) -> list[tuple[int, str]]:
    """The files to try now: those with the fewest errors first, and of these the one whose link dies first."""
    files = [
        (asset.consecutive_errors, asset.expires_at or _NEVER, number, asset.name)
        for number, asset in _open(task)
        if asset.retry_at is None or asset.retry_at <= now
    ]
    return [(number, name) for _, _, number, name in sorted(files, key=lambda file: file[:2])]


def links_die_at(task: Task) -> datetime:
    """Of a task without links, when they would if it had just been made when it was last polled."""
    return task.links_die_at or (task.succeeded_at or task.updated_at) + LINK_LIFE


def retry_in(task: Task, now: datetime) -> int:
    """Seconds until the next file is to be tried, or success need not wait for one any longer."""
    moments = [asset.retry_at or now for _, asset in _open(task)]
    if task.state is State.ARCHIVING and now < _patient_until(task, now):
        moments.append(_patient_until(task, now))
    return schedule.seconds_until(min(moments, default=now), now)


def is_being_copied(task: Task, now: datetime) -> bool:
    return task.copying_until is not None and now < task.copying_until


def copying(task: Task, until: datetime, now: datetime) -> Task:
    """One invocation alone copies the files from now on. It ends by `until`, and so does its claim if it crashes."""
    if is_being_copied(task, now):
        raise Backward("another invocation copies the files")
    return replace(task, copying_until=until).with_polling(next_poll_at=until)


def not_copying(task: Task, until: datetime) -> Task:
    """The invocation whose claim lasts `until` copies nothing any more."""
    if task.copying_until != until:
        raise Backward("the claim has passed on")
    return replace(task, copying_until=None)


def needs_fresh_link(task: Task, asset: Asset, now: datetime) -> bool:
    return asset.consecutive_errors >= ERRORS_PER_LINK or now >= _link_dies_at(task, asset)


def find_asset(task: Task, number: int, name: str) -> Asset:
    asset = task.creations[number - 1].asset(name)
    if asset is None:
        raise LookupError(f"task {task.id} has no {name} in creation {number}")
    return asset


def archived(task: Task, number: int, name: str, file: ArchivedFile, now: datetime) -> Task:
    """The file is in the archive; its link is forgotten."""
    asset = task.creations[number - 1].asset(name)
    if asset is None or not asset.open:
        raise Backward(f"another run has settled {name}")
    settled = Asset(name=name, archived=file, expires_at=asset.expires_at)
    return _with_last_error(replace(_with_asset(task, number, settled), updated_at=now))


def with_fresh_links(task: Task, fresh: Sequence[Creation]) -> Task:
    """Matches creations by the provider's ids; by their order only if none of the ids is known."""
    by_id = {creation.id: creation for creation in fresh}
    matches = [by_id.get(creation.provider_id) for creation in task.creations]
    if not any(matches) and len(fresh) == len(task.creations):
        matches = list(fresh)
    return replace(task, creations=tuple(map(_with_links_of, task.creations, matches)))


def with_errors(task: Task, errors: Sequence[CopyError], now: datetime) -> Task:
    """Each of these files waits longer than the last time, or is given up; an optional one leaves no trace."""
    for error in errors:
        asset = task.creations[error.number - 1].asset(error.name)
        if asset is None or not asset.open:  # another run was quicker
            continue
        is_final = error.is_link_dead or error.is_too_large
        if asset.optional and (is_final or asset.consecutive_errors + 1 >= ERRORS_PER_LINK):
            task = _without_asset(task, error.number, error.name)
        else:
            task = _with_asset(task, error.number, _with_error(task, asset, error, now))
    retry_at = now + timedelta(seconds=retry_in(task, now))
    return _with_last_error(replace(task, updated_at=now, copying_until=None).with_polling(next_poll_at=retry_at))


def is_held_up(task: Task, now: datetime) -> bool:
    """Whether the end of the task waits for a file: every video, and for some time every other file."""
    patient = now < _patient_until(task, now)
    return any(
        asset.name == "video" or patient or asset.consecutive_errors < ERRORS_PER_LINK for _, asset in _open(task)
    )


def with_other_links(task: Task) -> Task:
    """The permanent links to its files that there were are revoked."""

    def revoked(asset: Asset) -> Asset:
        file = asset.archived
        return replace(asset, archived=replace(file, link_epoch=file.link_epoch + 1)) if file else asset

    creations = (replace(each, assets=tuple(map(revoked, each.assets))) for each in task.creations)
    return replace(task, creations=tuple(creations))


def ended(task: Task, now: datetime) -> Task:
    """A success if every video is in the archive."""
    lost = [asset.lost for _, asset in _assets(task) if asset.name == "video" and asset.lost]
    if lost:
        message = f"generated, but its file cannot be fetched: {lost[0]}"
        return task.failed(Failure(reason=FailureClass.LOST, message=message), now)
    return task.advanced(State.SUCCESS, now)


def is_delayed(task: Task, now: datetime) -> bool:
    """Whether files have failed for so long that a person should know."""
    failing = any(asset.consecutive_errors >= ERRORS_PER_LINK for _, asset in _open(task))
    return failing and now >= (task.succeeded_at or now) + DELAY


def losses(task: Task) -> list[str]:
    """Why each file that was given up could not be fetched."""
    return [asset.lost for _, asset in _assets(task) if asset.lost]


def _assets(task: Task) -> list[tuple[int, Asset]]:
    return [(number, asset) for number, creation in enumerate(task.creations, 1) for asset in creation.assets]


def _open(task: Task) -> list[tuple[int, Asset]]:
    return [(number, asset) for number, asset in _assets(task) if asset.open]


def _patient_until(task: Task, now: datetime) -> datetime:
    return (task.succeeded_at or now) + COMPANION_WAIT


def _link_dies_at(task: Task, asset: Asset) -> datetime:
    return asset.expires_at or (task.succeeded_at or task.updated_at) + LINK_LIFE


def _with_error(task: Task, asset: Asset, error: CopyError, now: datetime) -> Asset:
    errors = asset.consecutive_errors + 1
    dead = error.is_link_dead and error.no_better_link and now >= _link_dies_at(task, asset)
    refreshes = asset.dead_link_refreshes + 1 if dead else 0
    too_late = now >= (task.succeeded_at or now) + GIVE_UP_AFTER
    hopeless = error.is_too_large or refreshes >= DEAD_LINK_REFRESHES or too_late
    jitter = random.Random(f"{task.id}/{error.number}/{asset.name}/{errors}").random()  # noqa: S311 - no secret
    wait = schedule.copy_wait(errors, jitter, error.retry_after)
    patient_until = _patient_until(task, now)
    if asset.name != "video" and error.retry_after is None and now < patient_until:  # once more, before success
        wait = min(wait, schedule.seconds_until(patient_until, now))
    return replace(
        asset,
        consecutive_errors=errors,
        dead_link_refreshes=refreshes,
        last_error=error.message,
        quarantined=error.quarantined or asset.quarantined,
        retry_at=now + timedelta(seconds=wait),
        lost=error.message if hopeless else "",
        too_large=error.is_too_large,
    )


def _with_links_of(creation: Creation, fresh: Creation | None) -> Creation:
    sources = {asset.name: asset for asset in fresh.assets} if fresh else {}
    return replace(
        creation,
        assets=tuple(
            replace(asset, source=sources[asset.name].source, expires_at=sources[asset.name].expires_at)
            if asset.open and asset.name in sources
            else asset
            for asset in creation.assets
        ),
    )


def _with_asset(task: Task, number: int, asset: Asset) -> Task:
    creation = task.creations[number - 1]
    assets = tuple(asset if known.name == asset.name else known for known in creation.assets)
    creations = list(task.creations)
    creations[number - 1] = replace(creation, assets=assets)
    return replace(task, creations=tuple(creations))


def _without_asset(task: Task, number: int, name: str) -> Task:
    creations = list(task.creations)
    assets = tuple(asset for asset in creations[number - 1].assets if asset.name != name)
    creations[number - 1] = replace(creations[number - 1], assets=assets)
    return replace(task, creations=tuple(creations))


def _with_last_error(task: Task) -> Task:
    """The owner sees why a file is not in the archive yet, or why it was given up."""
    errors = [asset.last_error for _, asset in _assets(task) if asset.last_error]
    return replace(task, last_error=errors[-1] if errors else "")
