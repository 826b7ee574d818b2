"""Sweep: start the next run of every unfinished task whose execution does not poll any more, and tell operators what
is in danger."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reelkeep.domain import schedule
from reelkeep.domain.errors import Stale, TryLater
from reelkeep.domain.ids import SHARDS
from reelkeep.domain.notices import alerts
from reelkeep.domain.task import Task
from reelkeep.ports.notices import Notices
from reelkeep.ports.platform import Clock, SecondsLeft
from reelkeep.ports.tasks import Due, Executions, Tasks
from reelkeep.services.record import record

MOST = 10_000  # tasks that one invocation remembers and restarts, with some 45 ms for each
_CHUNK = 100  # tasks that are in memory as a whole
_READING_RESERVE = 120.0  # seconds of the function's time from which on no further tasks are looked for
_RESERVE = 60.0  # seconds of it for alerts
_LAST_RESERVE = 15.0


@dataclass(frozen=True, slots=True)
class Swept:
    unfinished: int
    restarted: int
    links_expiring_soon: int  # tasks about to lose a link to a video that is not archived
    left: int = 0  # for the next time: there was no more time, or no execution could be started
    handed_on: int = 0  # shards, to invocations of their own: there was too much for one


@dataclass(frozen=True, slots=True)
class Sweep:
    """Restarts what nobody works on; what is nearest to losing its links goes first.

    It reads keys and times of all, remembers a bounded number of them, and holds whole tasks by the hundred. If there
    is more to do than one invocation can do, each shard gets one of its own. Operators are notified once of a task
    that loses a link within `soon`.
    """

    tasks: Tasks
    executions: Executions
    notices: Notices
    soon: timedelta
    clock: Clock
    most: int = MOST

    def __call__(
        self,
        *,
        seconds_left: SecondsLeft,
        hand_on: Callable[[str], None],
        everything: bool = False,
        shards: str = SHARDS,
    ) -> Swept:
        """`hand_on` has one shard swept by another invocation. With `everything`, also tasks that are not overdue are
        restarted: after a restart of the local cloud.

        Raises TryLater in the end if no execution could be started at all.
        """
        now = self.clock()
        seen = _Seen(now, self.soon, everything=everything, most=self.most)
        is_whole = seen.read((due for shard in shards for due in self.tasks.due(shard)), seconds_left)
        if len(shards) > 1 and (seen.overdue > self.most or not is_whole):
            for shard in shards:
                hand_on(shard)
            return Swept(seen.unfinished, restarted=0, links_expiring_soon=0, handed_on=len(shards))
        restarted, done, fault = self._restart(seen, seconds_left)
        videos = self._warn(seen, seconds_left)  # after everything that saves them
        if fault and not done:
            raise fault
        return Swept(seen.unfinished, restarted, videos, left=seen.overdue - done)

    def _restart(self, seen: _Seen, seconds_left: SecondsLeft) -> tuple[int, int, TryLater | None]:
        """How many were restarted, how many are settled, and why one could not be restarted."""
        restarted, done, fault = 0, 0, None
        for task in self._whole(seen.most_urgent()):
            if seconds_left() < _RESERVE:
                break
            if not (seen.everything or seen.now >= schedule.overdue_at(task)):
                done += 1
                continue
            try:
                restarted += restart(task, tasks=self.tasks, executions=self.executions, now=seen.now)
                done += 1
            except TryLater as error:  # the others must not wait for it
                fault = error
        return restarted, done, fault

    def _warn(self, seen: _Seen, seconds_left: SecondsLeft) -> int:
        """How many lose a video's link soon."""
        videos = 0
        for task in self._whole(seen.expiring):
            if seconds_left() < _LAST_RESERVE:
                break
            if not _loses_links_soon(task, seen.now, self.soon):
                continue
            videos += _loses_video_soon(task, seen.now, self.soon)
            if task.announcements.links_expiring_announced_at is None:
                self._announce(task, seen.now)
        return videos

    def _announce(self, task: Task, now: datetime) -> None:
        event = alerts.links_expiring(task, now)
        self.notices.publish(event, alerts.attributes(task, event))
        record(task, lambda task: task.with_announcements(links_expiring_announced_at=now), tasks=self.tasks)

    def _whole(self, task_ids: Sequence[str]) -> Iterator[Task]:
        for first in range(0, len(task_ids), _CHUNK):
            yield from (task for task in self.tasks.get_all(task_ids[first : first + _CHUNK]) if task.unfinished)


@dataclass(slots=True)
class _Seen:
    """What was read of unfinished tasks. It remembers the most urgent ones only."""

    now: datetime
    soon: timedelta
    everything: bool
    most: int
    unfinished: int = 0
    overdue: int = 0
    expiring: list[str] = field(default_factory=list)
    _urgent: list[tuple[float, str]] = field(default_factory=list)  # a heap, with the least urgent one on top

    def read(self, found: Iterable[Due], seconds_left: SecondsLeft) -> bool:
        """Whether there was time for all of them."""
        for due in found:
            self.unfinished += 1
            if self.unfinished % _CHUNK == 0 and seconds_left() < _READING_RESERVE:
                return False
            if due.links_die_at - self.now < self.soon and len(self.expiring) < self.most:
                self.expiring.append(due.task_id)
            if self.everything or self.now >= due.overdue_at:
                self.overdue += 1
                push = heapq.heappush if len(self._urgent) < self.most else heapq.heappushpop
                push(self._urgent, (-due.links_die_at.timestamp(), due.task_id))
        return True

    def most_urgent(self) -> list[str]:
        return [task_id for _, task_id in sorted(self._urgent, key=lambda each: (-each[0], each[1]))]


def restart(task: Task, *, tasks: Tasks, executions: Executions, now: datetime) -> bool:
    """Starts the next run of it. Whether it did: not if somebody else does so at the same moment.

    The run before it, should it still be alive, ends at its next step. The next poll is put off for longer each time,
    and every poll that succeeds sets it anew. So a task that no execution gets on with does not fill the dead-letter
    queue. Raises TryLater, and then nothing is recorded.
    """
    run = replace(task, executions=task.executions + 1)
    executions.start(run, wait_seconds=1)
    restarts = task.polling.restarts
    try:
        tasks.save(
            replace(run, copying_until=None).with_polling(
                restarts=restarts + 1, next_poll_at=now + schedule.restart_wait(restarts)
            )
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
