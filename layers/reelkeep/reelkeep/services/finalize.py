"""Finalize: keep every asset, write the manifest, only then mark success, and tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from reelkeep.domain import schedule
from reelkeep.domain.errors import Misconfigured
from reelkeep.domain.links import Links
from reelkeep.domain.notices import alerts
from reelkeep.domain.notices.notice import attributes, notice
from reelkeep.domain.observation import Busy, Failed, Missing, Pending, Succeeded, Unreadable
from reelkeep.domain.task import Asset, Creation, Failure, FailureClass, State, Task
from reelkeep.ports import (
    Archive,
    Clock,
    Notices,
    Provider,
    Providers,
    SecondsLeft,
    SourceBad,
    SourceBusy,
    SourceGone,
    Tasks,
)
from reelkeep.services.poll import Verdict
from reelkeep.services.record import read, record

_TRIES = 8  # with waits that double from 2 s: five minutes for a provider that serves nonsense to come to its senses
_PATIENCE = timedelta(hours=30)  # with what may still be had: the life of its links, and some hours with fresh ones
_RESERVE = 120.0  # seconds of the function's time under which no further copy is begun
_AFTERWARDS = 60.0  # of them for what follows a copy
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Trouble:
    number: int  # of the creation
    name: str
    message: str
    dead: bool  # only another link can help
    final: bool = False  # and there is none
    retry_after: float | None = None


def finalize(
    task_id: str,
    *,
    tasks: Tasks,
    archive: Archive,
    providers: Providers,
    notices: Notices,
    links: Links,
    clock: Clock,
    seconds_left: SecondsLeft,
) -> Verdict:
    """Running it twice changes nothing: what is kept is not copied again, what was told is not told again.

    Returns an unfinished verdict when an asset cannot be had yet, or time runs out; the machine then comes back.
    """
    task = read(task_id, tasks=tasks)
    if task.state is State.ARCHIVING:
        try:
            provider = providers.get(task.provider)
        except Misconfigured as wrong:  # for now: what is missing is waited for
            task, troubles = task, [_Trouble(number, name, str(wrong), dead=False) for number, name in _order(task)]
        else:
            task, troubles = _keep_assets(
                task, provider, tasks=tasks, archive=archive, clock=clock, seconds_left=seconds_left
            )
        if any(asset.open for creation in task.creations for asset in creation.assets):
            return _come_back(task, troubles, tasks=tasks, now=clock())
        task = _end(task, tasks=tasks, archive=archive, now=clock())
    elif not task.state.terminal:
        raise ValueError(f"task {task_id} is {task.state}: nothing to finalize")
    elif task.told_at is None:
        archive.keep_manifest(task)
    lost = ""
    if task.told_at is None:
        notices.tell(notice(task, links), attributes(task))
        now = clock()
        if loss := alerts.lost(task, now):
            notices.tell(loss, alerts.attributes(task, loss))
        task, lost = record(task, lambda task: replace(task, told_at=now), tasks=tasks), _lost(task)
    _keep_latest(task, tasks=tasks, archive=archive)
    return Verdict(task_id, finished=True, state=task.state, lost=lost)


def _keep_latest(task: Task, *, tasks: Tasks, archive: Archive) -> None:
    """That it was told, too: a rebuilt table must not tell everybody everything again. Nor must it show what its
    owner removed while this was written."""
    for _ in range(_TRIES):
        archive.keep_manifest(task)
        latest = read(task.id, tasks=tasks)
        if latest.version == task.version:
            return
        task = latest


def _lost(task: Task) -> str:
    if task.failure and task.failure.reason is FailureClass.LOST:
        return task.failure.message
    return "; ".join(asset.lost for creation in task.creations for asset in creation.assets if asset.lost)


def _keep_assets(
    task: Task, provider: Provider, *, tasks: Tasks, archive: Archive, clock: Clock, seconds_left: SecondsLeft
) -> tuple[Task, list[_Trouble]]:
    """Copies what is not kept yet; a dead link is worth one fresh look at the provider, which renews them all."""
    troubles: list[_Trouble] = []
    certain: bool | None = None  # after that look: whether there are no fresher links than those that we have
    keep = partial(_keep, provider=provider, tasks=tasks, archive=archive, seconds_left=seconds_left)
    for number, name in _order(task):
        if seconds_left() < _RESERVE:
            break
        if certain is None and _dead(_asset(task, number, name), clock()):
            task, certain = _refreshed(task, provider, tasks=tasks)
        task, trouble = keep(task, number, name)
        if trouble and trouble.dead and certain is None:
            task, certain = _refreshed(task, provider, tasks=tasks)
            task, trouble = keep(task, number, name)
        if trouble:
            troubles.append(replace(trouble, final=trouble.dead and certain is True))
    return task, troubles


def _order(task: Task) -> list[tuple[int, str]]:
    """What dies first comes first; what could not be had before must not hold up the rest."""
    left = [(n, asset) for n, creation in enumerate(task.creations, 1) for asset in creation.assets if asset.open]
    left.sort(key=lambda each: (each[1].setbacks, each[1].expires_at or _NEVER))
    return [(number, asset.name) for number, asset in left]


def _dead(asset: Asset, now: datetime) -> bool:
    return asset.expires_at is not None and asset.expires_at <= now


def _keep(
    task: Task,
    number: int,
    name: str,
    *,
    provider: Provider,
    tasks: Tasks,
    archive: Archive,
    seconds_left: SecondsLeft,
) -> tuple[Task, _Trouble | None]:
    asset = _asset(task, number, name)
    if not asset.open:  # another run was quicker
        return task, None
    try:
        kept = archive.keep(task, number, name, provider.source(asset), seconds_left() - _AFTERWARDS)
    except (SourceGone, SourceBad) as error:
        return task, _Trouble(number, name, f"{name}: {error}", dead=True)
    except SourceBusy as busy:
        return task, _Trouble(number, name, f"{name}: {busy}", dead=False, retry_after=busy.retry_after)

    def settled(task: Task) -> Task:
        return _with_asset(task, number, replace(_asset(task, number, name), kept=kept, source=""))

    return record(task, settled, tasks=tasks), None


def _refreshed(task: Task, provider: Provider, *, tasks: Tasks) -> tuple[Task, bool]:
    """The task with the links that the provider signs now, and whether these are all that there will be.

    They are not while it is busy, makes no sense, or says that it is still at work on what it had made.
    """
    match provider.observe(task):
        case Succeeded(creations):
            return record(task, lambda task: _relinked(task, creations), tasks=tasks), True
        case Missing() | Failed():
            return task, True
        case Pending() | Busy() | Unreadable():
            return task, False


def _relinked(task: Task, fresh: Sequence[Creation]) -> Task:
    """Creations are known by their ids there; by their places only where none of the ids is one that we know."""
    by_id = {creation.id: creation for creation in fresh}
    known = [by_id.get(creation.provider_id) for creation in task.creations]
    if not any(known) and len(fresh) == len(task.creations):
        known = list(fresh)
    return replace(task, creations=tuple(map(_with_links_of, task.creations, known)))


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


def _come_back(task: Task, troubles: Sequence[_Trouble], *, tasks: Tasks, now: datetime) -> Verdict:
    """Not everything is kept yet: wait and try again, or give up on what is certainly not to be had."""
    if not troubles:  # only time ran out
        return Verdict(task.id, finished=False, wait_seconds=1, state=task.state)
    waited = now >= (task.succeeded_at or now) + _PATIENCE
    wait = schedule.copy_wait(task.setbacks, max(trouble.retry_after or 0 for trouble in troubles))

    def changed(task: Task) -> Task:
        for trouble in troubles:
            asset = _asset(task, trouble.number, trouble.name)
            if not asset.open:  # another run had more luck
                continue
            refusals = asset.refusals + trouble.final
            lost = trouble.message if waited or refusals >= _TRIES else ""
            asset = replace(asset, setbacks=asset.setbacks + 1, refusals=refusals, lost=lost)
            task = _with_asset(task, trouble.number, asset)
        task = replace(task, setbacks=task.setbacks + 1, trouble=troubles[-1].message, updated_at=now)
        return replace(task, next_look_at=now + timedelta(seconds=wait))

    task = record(task, changed, tasks=tasks)
    settled = not _order(task)
    return Verdict(
        task.id, finished=False, wait_seconds=1 if settled else wait, state=task.state, trouble=task.trouble
    )


def _end(task: Task, *, tasks: Tasks, archive: Archive, now: datetime) -> Task:
    """Success if every video is kept; the manifest comes first, so that success is never more than the archive."""
    lost = [asset.lost for creation in task.creations for asset in creation.assets if asset.lost]
    lost_video = any(asset.lost for creation in task.creations if (asset := creation.asset("video")))

    def ended(task: Task) -> Task:
        if lost_video:
            message = f"generated, but not to be had: {lost[0]}"
            return task.failed(Failure(reason=FailureClass.LOST, message=message), now)
        return task.advanced(State.SUCCESS, now, setbacks=0, trouble=lost[0] if lost else "")

    archive.keep_manifest(ended(task))
    return record(task, ended, tasks=tasks)


def _asset(task: Task, number: int, name: str) -> Asset:
    asset = task.creations[number - 1].asset(name)
    if asset is None:
        raise LookupError(f"task {task.id} has no {name} in creation {number}")
    return asset


def _with_asset(task: Task, number: int, asset: Asset) -> Task:
    creation = task.creations[number - 1]
    assets = tuple(asset if known.name == asset.name else known for known in creation.assets)
    creations = list(task.creations)
    creations[number - 1] = replace(creation, assets=assets)
    return replace(task, creations=tuple(creations))
