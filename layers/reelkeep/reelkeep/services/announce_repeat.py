"""Announce a possible repeat: tell an owner that a request may have been repeated by an SDK. Both tasks are made."""

from __future__ import annotations

from datetime import datetime

from reelkeep.domain.notices.notice import possible_repeat, possible_repeat_attributes
from reelkeep.domain.task import Task
from reelkeep.ports.notices import Notices


def announced_repeat(task: Task, now: datetime, *, notices: Notices) -> Task:
    """The task as it is to be recorded after that; the same one if there is nothing to announce."""
    if not task.possible_repeat or task.announcements.possible_repeat_announced_at:
        return task
    notices.publish(possible_repeat(task, now), possible_repeat_attributes(task))
    return task.with_announcements(possible_repeat_announced_at=now)
