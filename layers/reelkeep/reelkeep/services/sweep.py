"""Sweep: give every unfinished task whose execution does not poll any more a new one, and tell operators what is in
danger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.archiving import LINK_LIFE
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.notices import alerts
from reelkeep.domain.task import Task
from reelkeep.ports import Clock, Executions, Notices, SecondsLeft, Tasks
from reelkeep.services.record import record

_RESERVE = 60.0  # seconds of the function's time in which operators are told


@dataclass(frozen=True, slots=True)
class Swept:
    unfinished: int
    restarted: int
    links_expiring_soon: int  # tasks about to lose a link to a video that is not archived
    left: int = 0  # for the next time: there was no more time, or no execution could be started


@dataclass(frozen=True, slots=True)
class Sweep:
    """Restarts what nobody works on; what is nearest to losing its links goes first.

    Operators are told once of a task that loses one so `soon`.
    """

    tasks: Tasks
    executions: Executions
    notices: Notices
    soon: timedelta
    clock: Clock

    def __call__(self, *, seconds_left: SecondsLeft, everything: bool = False) -> Swept:
        """With `everything`, also tasks that are not overdue are restarted: after a restart of the local cloud.

        Raises TryLater in the end if no execution could be started at all.
        """
        now, unfinished = self.clock(), 0
        overdue, expiring = list[Task](), list[Task]()
        for task in self.tasks.unfinished():
            unfinished += 1
            if _loses_links_soon(task, now, self.soon):
                expiring.append(task)
            if everything or now >= (task.polling.next_poll_at or task.updated_at) + schedule.OVERDUE_AFTER:
                overdue.append(task)
        overdue.sort(key=_links_die_at)
        restarted, left, fault = self._restart(overdue, now, seconds_left)
        for task in expiring:  # after everything that saves them
            if task.announcements.links_expiring_announced_at is None:
                self._warn(task, now)
        if fault and left == len(overdue):
            raise fault
        videos = sum(_loses_video_soon(task, now, self.soon) for task in expiring)
        return Swept(unfinished, restarted, videos, left)

    def _restart(
        self, overdue: list[Task], now: datetime, seconds_left: SecondsLeft
    ) -> tuple[int, int, TryLater | None]:
        """How many were restarted, how many are left, and why one is left that could not be restarted."""
        restarted, left, fault = 0, len(overdue), None
        for task in overdue:
            if seconds_left() < _RESERVE:
                break
            try:
                restarted += restart(task, tasks=self.tasks, executions=self.executions, now=now)
                left -= 1
            except TryLater as error:  # the others must not wait for it
                fault = error
        return restarted, left, fault

    def _warn(self, task: Task, now: datetime) -> None:
        event = alerts.links_expiring(task, now)
        self.notices.publish(event, alerts.attributes(task, event))
        record(task, lambda task: task.with_announcements(links_expiring_announced_at=now), tasks=self.tasks)


def restart(task: Task, *, tasks: Tasks, executions: Executions, now: datetime) -> bool:
    """Starts the next run of it. Whether it did: not if somebody else does so at the same moment.

    The run before it, should it still be alive, ends at its next step. The next poll is put off for longer each time,
    and every poll that succeeds sets it anew. So a task that no execution gets on with does not fill the dead-letter
    queue. Raises TryLater, and then nothing is recorded.
    """
    run = replace(task, executions=task.executions + 1)
    executions.start(run, wait_seconds=1)
    try:
        tasks.save(
            replace(run, copying_until=None).with_polling(next_poll_at=now + schedule.restart_wait(task.executions))
        )
    except Stale:  # by the new run itself, or by whoever started it, too
        return False
    return True


def _loses_links_soon(task: Task, now: datetime, soon: timedelta) -> bool:
    """Not so while it has only just been made: a cover's link may live for one hour from the beginning."""
    dies_at, made_at = task.links_die_at, task.succeeded_at or task.updated_at
    return dies_at is not None and dies_at - now < soon and now - made_at >= schedule.OVERDUE_AFTER


def _loses_video_soon(task: Task, now: datetime, soon: timedelta) -> bool:
    """A file beside the video, whose link may die within an hour, or be dead for days, is no cause for an alarm."""
    deaths = (asset.expires_at for asset in task.assets if asset.name == "video" and asset.open and asset.expires_at)
    return any(dies_at - now < soon for dies_at in deaths)


def _links_die_at(task: Task) -> datetime:
    """Of a task without links, when they would if it had just been made when it was last polled."""
    return task.links_die_at or (task.succeeded_at or task.updated_at) + LINK_LIFE
