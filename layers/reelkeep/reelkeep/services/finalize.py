"""Finalize: keep every asset, write the manifest, only then mark success, and tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.errors import Misconfigured
from reelkeep.domain.links import Links
from reelkeep.domain.notice import attributes, notice
from reelkeep.domain.observation import Succeeded
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
_LINKS_LIVE = timedelta(hours=24)
_RESERVE = 60.0  # seconds of the function's time under which no further copy is begun


@dataclass(frozen=True, slots=True)
class _Trouble:
    message: str
    final: bool  # more patience will not help, only fresh links might
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
        except Misconfigured as wrong:
            return _come_back(task, _Trouble(str(wrong), final=False), tasks=tasks, now=clock())
        task, trouble = _keep_assets(task, provider, tasks=tasks, archive=archive, seconds_left=seconds_left)
        if any(_open(asset) for creation in task.creations for asset in creation.assets):
            return _come_back(task, trouble, tasks=tasks, now=clock())
        task = _end(task, tasks=tasks, archive=archive, now=clock())
    elif not task.state.terminal:
        raise ValueError(f"task {task_id} is {task.state}: nothing to finalize")
    elif task.told_at is None:
        archive.keep_manifest(task)
    if task.told_at is None:
        notices.tell(notice(task, links), attributes(task))
        now = clock()
        task = record(task, lambda task: replace(task, told_at=now), tasks=tasks)
    archive.keep_manifest(task)  # that it was told, too: a rebuilt table must not tell everybody everything again
    return Verdict(task_id, finished=True)


def _open(asset: Asset) -> bool:
    return asset.kept is None and not asset.lost


def _keep_assets(
    task: Task, provider: Provider, *, tasks: Tasks, archive: Archive, seconds_left: SecondsLeft
) -> tuple[Task, _Trouble | None]:
    """Copies what is not kept yet; a dead link is worth one fresh look at the provider."""
    trouble, refreshed = None, False
    for number, name in [(n, asset.name) for n, c in enumerate(task.creations, 1) for asset in c.assets]:
        if not _open(_asset(task, number, name)):
            continue
        if seconds_left() < _RESERVE:
            return task, trouble
        task, failed = _keep(task, number, name, provider, tasks=tasks, archive=archive)
        if failed and failed.final and not refreshed:
            task, refreshed = _refreshed(task, provider, tasks=tasks), True
            task, failed = _keep(task, number, name, provider, tasks=tasks, archive=archive)
        trouble = failed or trouble
    return task, trouble


def _keep(
    task: Task, number: int, name: str, provider: Provider, *, tasks: Tasks, archive: Archive
) -> tuple[Task, _Trouble | None]:
    try:
        kept = archive.keep(task, number, name, provider.source(_asset(task, number, name)))
    except SourceGone as gone:
        return task, _Trouble(f"{name}: {gone}", final=True)
    except SourceBad as bad:
        return task, _Trouble(f"{name}: {bad}", final=True)
    except SourceBusy as busy:
        return task, _Trouble(f"{name}: {busy}", final=False, retry_after=busy.retry_after)

    def settled(task: Task) -> Task:
        return _with_asset(task, number, replace(_asset(task, number, name), kept=kept, source=""))

    return record(task, settled, tasks=tasks), None


def _refreshed(task: Task, provider: Provider, *, tasks: Tasks) -> Task:
    """The task with the links that the provider signs now; the same task if it has none to give."""
    observation = provider.observe(task)
    if not isinstance(observation, Succeeded):
        return task
    fresh = {creation.id: creation for creation in observation.creations}

    def relinked(task: Task) -> Task:
        return replace(task, creations=tuple(_relinked(c, fresh.get(c.provider_id)) for c in task.creations))

    return record(task, relinked, tasks=tasks)


def _relinked(creation: Creation, fresh: Creation | None) -> Creation:
    sources = {asset.name: asset for asset in fresh.assets} if fresh else {}
    return replace(
        creation,
        assets=tuple(
            replace(asset, source=sources[asset.name].source, expires_at=sources[asset.name].expires_at)
            if _open(asset) and asset.name in sources
            else asset
            for asset in creation.assets
        ),
    )


def _come_back(task: Task, trouble: _Trouble | None, *, tasks: Tasks, now: datetime) -> Verdict:
    """Not everything is kept yet: wait and try again, or give up on what is certainly not to be had."""
    if trouble is None:  # only time ran out
        return Verdict(task.id, finished=False, wait_seconds=1)
    hopeless = task.setbacks + 1 >= _TRIES if trouble.final else now >= (task.succeeded_at or now) + _LINKS_LIVE
    wait = schedule.copy_wait(task.setbacks, trouble.retry_after)

    def changed(task: Task) -> Task:
        task = replace(task, setbacks=task.setbacks + 1, trouble=trouble.message, updated_at=now)
        task = replace(task, next_look_at=now + timedelta(seconds=wait))
        return _given_up(task, trouble.message) if hopeless else task

    record(task, changed, tasks=tasks)
    return Verdict(task.id, finished=False, wait_seconds=1 if hopeless else wait)


def _given_up(task: Task, why: str) -> Task:
    def settled(asset: Asset) -> Asset:
        return replace(asset, lost=why) if _open(asset) else asset

    creations = (replace(c, assets=tuple(settled(asset) for asset in c.assets)) for c in task.creations)
    return replace(task, creations=tuple(creations))


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
