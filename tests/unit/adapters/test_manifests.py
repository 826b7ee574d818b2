"""Manifests of the first format are read in the words of this one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reelkeep.adapters.s3 import manifests
from reelkeep.domain.task import (
    Announcements,
    ArchivedFile,
    Asset,
    Creation,
    Dispatch,
    DispatchStatus,
    Kind,
    Polling,
    Request,
    State,
    Task,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
AT = NOON.isoformat()
FILE: dict[str, Any] = {
    "key": "tasks/2026/11/21/t/1-video.mp4",
    "bytes": 7,
    "sha256": "ab",
    "content_type": "video/mp4",
}
FIRST_FORMAT: dict[str, Any] = {
    "id": "t",
    "owner": "alice",
    "key_id": "k",
    "provider": "vidu",
    "provider_task_id": "885",
    "request": {"dialect": "reelkeep", "kind": "text2video"},
    "created_at": AT,
    "updated_at": AT,
    "deadline": (NOON + timedelta(hours=2)).isoformat(),
    "state": "success",
    "submission": "placed",
    "placing_at": AT,
    "looks": 5,
    "setbacks": 1,
    "absences": 2,
    "next_look_at": AT,
    "woken_at": AT,
    "runs": 3,
    "trouble": "video: 503",
    "promised": True,
    "told_at": AT,
    "warned_at": AT,
    "creations": [{"id": "t-1", "assets": [{"name": "video", "kept": FILE}, {"name": "cover", "lost": "404"}]}],
    "version": 9,
}
TASK = Task(
    id="t",
    owner="alice",
    key_id="k",
    provider="vidu",
    provider_task_id="885",
    request=Request(dialect="reelkeep", kind=Kind.TEXT2VIDEO),
    created_at=NOON,
    updated_at=NOON,
    deadline=NOON + timedelta(hours=2),
    state=State.SUCCESS,
    dispatch=Dispatch(status=DispatchStatus.ACCEPTED, started_at=NOON),
    polling=Polling(polls=5, consecutive_errors=1, consecutive_not_found=2, next_poll_at=NOON, called_back_at=NOON),
    announcements=Announcements(acknowledged_to_client=True, announced_at=NOON, links_expiring_announced_at=NOON),
    executions=3,
    last_error="video: 503",
    creations=(
        Creation(
            id="t-1",
            assets=(
                Asset(name="video", archived=ArchivedFile(**FILE)),
                Asset(name="cover", lost="404"),
            ),
        ),
    ),
    version=9,
)


@pytest.mark.parametrize("mark", [{}, {"manifest": 1}])
def test_a_manifest_of_the_first_format_is_read_whole(mark: dict[str, int]) -> None:
    assert manifests.read(json.dumps({**FIRST_FORMAT, **mark}).encode()) == TASK


def test_a_manifest_is_written_in_this_format_and_read_as_it_was() -> None:
    written = manifests.write(TASK)
    assert json.loads(written)["manifest"] == 2
    assert manifests.read(written) == TASK
    assert manifests.read(written).extra == {}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"manifest": 3}', b'{"creations": 7}', b'{"creations": [7]}']
)
def test_what_is_no_manifest_is_refused_as_such(content: bytes) -> None:
    with pytest.raises(manifests.NoManifest):
        manifests.read(content)
