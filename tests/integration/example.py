"""A task as any other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reelkeep.domain import ids
from reelkeep.domain.task import Announcements, Kind, Request, State, Task

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_task(seconds: float = 0, *, owner: str = "alice", state: State = State.CREATED, model: str = "viduq2") -> Task:
    now = NOON + timedelta(seconds=seconds)
    return Task(
        id=ids.new_task_id(now),
        owner=owner,
        key_id="key-1",
        provider="vidu",
        request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO, model=model, resolution="720p"),
        created_at=now,
        updated_at=now,
        deadline=now + timedelta(hours=2),
        state=state,
        announcements=Announcements(announced_at=now if state.terminal else None),
    )
