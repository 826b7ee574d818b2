"""Finalize: archive every file, write the manifest, mark the end of the task, announce it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from reelkeep.domain import archiving, schedule
from reelkeep.domain.archiving import CopyError
from reelkeep.domain.delivered import differences
from reelkeep.domain.errors import Misconfigured, TryLater
from reelkeep.domain.links import Links
from reelkeep.domain.notices import alerts
from reelkeep.domain.notices.notice import (
    attributes,
    differs,
    differs_attributes,
    notice,
    updated,
    updated_attributes,
)
from reelkeep.domain.observation import Busy, Failed, Missing, Pending, Succeeded, Unreadable
from reelkeep.domain.task import Asset, Backward, FailureClass, State, Task
from reelkeep.ports.archive import Archive, SourceBad, SourceBusy, SourceGone, SourceNotMedia, SourceTooLarge
from reelkeep.ports.notices import Notices
from reelkeep.ports.platform import Clock, SecondsLeft
from reelkeep.ports.providers import Provider, Providers
from reelkeep.ports.tasks import Tasks
from reelkeep.services.poll import Verdict
from reelkeep.services.record import Change, Superseded, read_in_run, record_in_run, write_latest_manifest

_COPY_RESERVE = 120.0  # seconds of the function's time under which no further copy is begun
_LONGEST_WAIT_FOR_OTHER = 60  # seconds
_RESERVE_OF_OTHERS = 60.0  # seconds that a copy leaves to each file after it, of half of the time at most
_RECORD_RESERVE = 60.0  # seconds of it for what follows a copy


@dataclass(frozen=True, slots=True)
class Finalize:
    """Archives what a provider has made, and announces the end of the task. Repeating it changes nothing.

    The verdict is unfinished while a file is still to be fetched; the state machine then comes back. A file beside
    the video that is refused for long does not hold up success, which names what is archived: it is fetched
    afterwards, and announced when it is there.
    """

    tasks: Tasks
    archive: Archive
    providers: Providers
    notices: Notices
    links: Links
    clock: Clock

    def __call__(self, task_id: str, seconds_left: SecondsLeft, run: int | None = None) -> Verdict:
        """`run` is the number of the execution that asks.

        Raises LookupError for an unknown task, ValueError for one that its provider has not finished.
        """
        try:
            task = read_in_run(task_id, run, tasks=self.tasks)
            if not task.is_generated:
                raise ValueError(f"task {task_id} is {task.state}: nothing to finalize")
            if archiving.is_being_copied(task, self.clock()):
                return self._wait_for_other(task)
            if archiving.due(task, self.clock()):
                return self._archive_alone(task, seconds_left)
            return self._finish(_Progress(self.tasks, task), task)
        except Superseded:
            return Verdict(task_id, run or 0, finished=True, superseded=True)

    def _wait_for_other(self, task: Task) -> Verdict:
        """Another invocation copies the files. If it crashes, its claim ends by itself."""
        wait = min(schedule.seconds_until(task.copying_until, self.clock()), _LONGEST_WAIT_FOR_OTHER)
        return Verdict(task.id, task.executions, finished=False, wait_seconds=wait, state=task.state)

    def _archive_alone(self, found: Task, seconds_left: SecondsLeft) -> Verdict:
        now = self.clock()
        until = now + timedelta(seconds=seconds_left())
        task = record_in_run(found, lambda task: archiving.copying(task, until, now), tasks=self.tasks)
        if task.copying_until != until:
            return self._wait_for_other(task)
        progress = _Progress(self.tasks, task)
        try:
            self._archive_files(progress, seconds_left)
            return self._finish(progress, found)
        except Exception:  # the next invocation must not wait for this one
            with suppress(TryLater, Superseded):
                progress.record(lambda task: archiving.not_copying(task, until))
            raise

    def _finish(self, progress: _Progress, found: Task) -> Verdict:
        """`found` is the task as it was before its files were copied."""
        if progress.task.state is State.ARCHIVING and not archiving.is_held_up(progress.task, self.clock()):
            task = self._end(progress)
        else:
            task = progress.recorded()
            if found.state.terminal and task.announcements.announced_at is None:
                self.archive.write_manifest(task)
        lost = "; ".join(loss for loss in archiving.losses(task) if loss not in archiving.losses(found))
        announced = task.state.terminal and task.announcements.announced_at is None
        if announced:
            task, lost = self._announce(task), _lost(task)
        elif task.has_late_files:
            task = self._announce_late_files(task)
        elif task.copying_until is not None:
            until = task.copying_until
            task = record_in_run(task, lambda task: archiving.not_copying(task, until), tasks=self.tasks)
        is_announced = task.announcements != found.announcements
        is_news = is_announced or not task.unfinished or lost or task.archived_files > found.archived_files
        if task.state.terminal and is_news:
            # With the time of the announcement, so that a rebuilt table announces nothing again.
            write_latest_manifest(task, tasks=self.tasks, manifests=self.archive)
        return Verdict(
            task.id,
            task.executions,
            finished=not task.unfinished,
            wait_seconds=archiving.retry_in(task, self.clock()),
            state=task.state,
            last_error=task.last_error,
            lost=lost if task.state.terminal else "",
            task=task,
            announced=announced,
        )

    def _archive_files(self, progress: _Progress, seconds_left: SecondsLeft) -> None:
        task = progress.task
        due = archiving.due(task, self.clock())
        try:
            provider = self.providers.get(task.provider)
        except Misconfigured as wrong:  # an operator will correct it
            self._record_errors(progress, [CopyError(number, name, str(wrong)) for number, name in due])
            return
        copies = _Copies(progress, self.archive, provider, self.clock, seconds_left)
        for others, (number, name) in zip(reversed(range(len(due))), due, strict=True):
            if seconds_left() < _COPY_RESERVE:
                break
            copies.archive_file(number, name, others)
        if copies.errors:
            self._record_errors(progress, copies.errors)

    def _record_errors(self, progress: _Progress, errors: list[CopyError]) -> None:
        """Operators get the event before the record says so: a repeated event is harmless, a missing one is not."""
        now, task = self.clock(), progress.task
        after = archiving.with_errors(task, errors, now)
        if task.announcements.announced_at and len(archiving.losses(after)) > len(archiving.losses(task)):
            self._alert(after, alerts.lost(after, now))
        is_news = task.announcements.delay_announced_at is None and archiving.is_delayed(after, now)
        if is_news:
            self._alert(after, alerts.delayed(after, now))

        def changed(task: Task) -> Task:
            task = archiving.with_errors(task, errors, now)
            return task.with_announcements(delay_announced_at=now) if is_news else task

        progress.record(changed)

    def _end(self, progress: _Progress) -> Task:
        """The manifest comes first, so that success never says more than the archive holds."""
        now = self.clock()
        self.archive.write_manifest(archiving.ended(progress.task, now))
        return progress.record(lambda task: archiving.ended(task, now))

    def _announce(self, task: Task) -> Task:
        self.notices.publish(notice(task, self.links), attributes(task))
        now = self.clock()
        if differences(task):
            self.notices.publish(differs(task), differs_attributes(task))
        self._alert(task, alerts.lost(task, now))
        files = task.archived_files if task.state is State.SUCCESS else None
        return self._record_announced(task, announced_at=now, announced_files=files)

    def _announce_late_files(self, task: Task) -> Task:
        self.notices.publish(updated(task, self.links), updated_attributes(task))
        return self._record_announced(task, announced_files=task.archived_files)

    def _record_announced(self, task: Task, **changes: Any) -> Task:
        def announced(task: Task) -> Task:
            return replace(task, copying_until=None).with_announcements(**changes)

        return record_in_run(task, announced, tasks=self.tasks)

    def _alert(self, task: Task, alert: alerts.Alert | None) -> None:
        if alert is not None:
            self.notices.publish(alert, alerts.attributes(task, alert))


@dataclass(slots=True)
class _Progress:
    """The task with what was done for it and is recorded together with the next change.

    A function that is killed before that copies the files again, to which the archive adds nothing.
    """

    tasks: Tasks
    task: Task  # as it is with all that was done
    _recorded: Task = field(init=False)
    _done: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._recorded = self.task

    def note(self, change: Change) -> None:
        self._done.append(change)
        self.task = _changed(self.task, [change])

    def record(self, change: Change) -> Task:
        done = tuple(self._done)

        def together(task: Task) -> Task:
            after = _changed(task, done)
            try:
                return change(after)
            except Backward:
                if after == task:
                    raise
                return after

        self.task = self._recorded = record_in_run(self._recorded, together, tasks=self.tasks)
        self._done.clear()
        return self.task

    def recorded(self) -> Task:
        return self.record(lambda task: task) if self._done else self.task


def _changed(task: Task, changes: Iterable[Change]) -> Task:
    for change in changes:
        with suppress(Backward):
            task = change(task)
    return task


@dataclass(slots=True)
class _Copies:
    """The copies of one invocation, in which the provider is asked for fresh links once at most."""

    progress: _Progress
    archive: Archive
    provider: Provider
    clock: Clock
    seconds_left: SecondsLeft
    errors: list[CopyError] = field(default_factory=list)
    _before_refresh: Task | None = None
    _refresh_answered: bool = False

    def archive_file(self, number: int, name: str, others: int) -> None:
        """`others` is how many files come after it."""
        if archiving.needs_fresh_link(self.task, self._asset(number, name), self.clock()):
            self._refresh_once()
        tried = self._asset(number, name)
        error = self._copy(number, name, others)
        if error and error.is_link_dead and not tried.optional:
            self._refresh_once()
            if self._asset(number, name).source != tried.source:
                error = self._copy(number, name, others)
        if error:
            self.errors.append(replace(error, no_better_link=self._has_no_better_link(number, name)))

    def _copy(self, number: int, name: str, others: int) -> CopyError | None:
        asset = self._asset(number, name)
        if not asset.open:  # another run was quicker
            return None
        source, left = self.provider.source(asset), self.seconds_left() - _RECORD_RESERVE
        seconds = max(left / 2, left - others * _RESERVE_OF_OTHERS)
        try:
            file = self.archive.archive(self.task, number, name, source, seconds)
        except SourceNotMedia as error:
            return CopyError(number, name, f"{name}: {error}", is_link_dead=True, quarantined=error.quarantined)
        except SourceTooLarge as error:
            return CopyError(number, name, f"{name}: {error}", is_too_large=True)
        except (SourceGone, SourceBad) as error:
            return CopyError(number, name, f"{name}: {error}", is_link_dead=True)
        except SourceBusy as busy:
            return CopyError(number, name, f"{name}: {busy}", retry_after=busy.retry_after)
        now = self.clock()
        self.progress.note(lambda task: archiving.archived(task, number, name, file, now))
        if others:  # else the end of the task is recorded now
            self.progress.recorded()
        return None

    @property
    def task(self) -> Task:
        return self.progress.task

    def _refresh_once(self) -> None:
        """Takes over the links that the provider signs now. It has no better ones for certain unless it is busy,
        makes no sense, or says that it is still at work on what it had made."""
        if self._before_refresh is not None:
            return
        self._before_refresh = self.task
        match self.provider.observe(self.task):
            case Succeeded(creations):
                self._refresh_answered = True
                self.progress.record(lambda task: archiving.with_fresh_links(task, creations))
            case Missing() | Failed():
                self._refresh_answered = True
            case Pending() | Busy() | Unreadable():
                pass

    def _has_no_better_link(self, number: int, name: str) -> bool:
        if self._before_refresh is None or not self._refresh_answered:
            return False
        return archiving.find_asset(self._before_refresh, number, name).source == self._asset(number, name).source

    def _asset(self, number: int, name: str) -> Asset:
        return archiving.find_asset(self.task, number, name)


def _lost(task: Task) -> str:
    if task.failure and task.failure.reason is FailureClass.LOST:
        return task.failure.message
    return "; ".join(archiving.losses(task))
