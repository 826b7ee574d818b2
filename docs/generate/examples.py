"""Tasks as they are on their way and at their end: what the documents' examples are rendered of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reelkeep.domain.task import ArchivedFile, Asset, Creation, Request, State, Task

ADDRESS = "https://reelkeep.example.com"  # stands for the stack's own, which puts its own in the place of it
_ID = "019b91f8d40000112233445566778899"
_AT = datetime(2026, 1, 6, 8, tzinfo=UTC)


def link(kept: ArchivedFile) -> str:
    return f"{ADDRESS}/files/Zm9yIGV2ZXIgYW5kIGEgZGF5/{_ID}/{kept.key.rpartition('/')[2]}"


def queueing(request: Request) -> Task:
    return Task(
        id=_ID,
        owner="alice",
        key_id="0123456789abcdef",
        provider="vidu",
        provider_task_id="885000000000000777",
        request=request,
        created_at=_AT,
        updated_at=_AT + timedelta(seconds=2),
        next_look_at=_AT + timedelta(seconds=7),
        deadline=_AT + timedelta(hours=2),
        state=State.QUEUEING,
    )


def finished(request: Request) -> Task:
    names = {"video": "video/mp4", "cover": "image/jpeg"}
    if request.last_frame:
        names["last-frame"] = "image/png"
    assets = tuple(Asset(name=name, archived=_kept(name, kind)) for name, kind in names.items())
    ended = queueing(request).advanced(State.SUCCESS, _AT + timedelta(seconds=55), seed=20_231_234, tokens=108_900)
    return replace(ended, creations=(Creation(id=f"{_ID}-1", assets=assets),), credits=20)


def _kept(name: str, content_type: str) -> ArchivedFile:
    key = f"tasks/2026/01/06/{_ID}/1-{name}.{content_type.rpartition('/')[2]}"
    kept = ArchivedFile(key=key, bytes=81_920, sha256="9f86d081884c7d65" * 4, content_type=content_type)
    return replace(kept, duration=5.042, fps=24.0, width=1280, height=720) if name == "video" else kept
