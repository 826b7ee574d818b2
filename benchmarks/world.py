"""What the functions find: keys, tasks, secrets, the files of a creation. Every function has a table of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from local.simulator.media.picture import draw
from local.simulator.media.video import write_video
from reelkeep.adapters import documents
from reelkeep.adapters.dynamodb.task_record import to_item
from reelkeep.domain.ids import new_task_id
from reelkeep.domain.keys import hash_of
from reelkeep.domain.limits import NO_LIMITS, Limits
from reelkeep.domain.notices.circuit_breaker import CircuitBreaker
from reelkeep.domain.notices.webhooks import CALLBACKS, Delivery
from reelkeep.domain.owner_settings import OwnerSettings
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

_ROOT: Final = Path(__file__).parents[1]

PROVIDER: Final = "upstream"
CALLER: Final = "ark"  # who calls in the sample event, with the token that its key makes
PROVIDER_TASK_ID: Final = "885000000000000001"
PROVIDERS_SECRET: Final = "providers"
LINK_SECRET: Final = "link"
WEBHOOK_SECRET: Final = "webhook"
LISTED: Final = 20  # tasks in a listing

_REQUEST = Request(
    dialect="vidu_ent_v2",
    kind=Kind.TEXT2VIDEO,
    model="viduq2",
    prompt="a paper boat on a pond",
    duration=4,
    resolution="720p",
    body={"model": "viduq2", "prompt": "a paper boat on a pond", "duration": 4, "resolution": "720p"},
)

Item = Mapping[str, Any]


def items(task_id: str, key: str, address: str) -> dict[str, list[Item]]:
    """By table. `task_id` and `key` are those that the events name, `address` is the provider's."""
    now = datetime.now(UTC)
    processing = _task(task_id, now, state=State.PROCESSING)
    generated = (
        Asset(name="video", source=f"{address}/video.mp4", expires_at=now + timedelta(days=1)),
        Asset(name="cover", source=f"{address}/cover.jpeg", expires_at=now + timedelta(days=1)),
    )
    archiving = _task(
        task_id,
        now,
        state=State.ARCHIVING,
        succeeded_at=now,
        creations=(Creation(id=PROVIDER_TASK_ID, assets=generated, duration=4.0),),
    )
    ages = [timedelta(minutes=number) for number in range(1, LISTED + 1)]
    listed = [_finished(now - age) for age in ages]
    unfinished = [_task(new_task_id(now - age), now - age, state=State.PROCESSING) for age in ages]
    return {
        "submit": [_key_item(key)],
        "limited": [_key_item(key, Limits(tasks_at_once=1_000_000, videos_a_day=1_000_000))],
        "query": [_key_item(key), *map(_item, listed)],
        "manage": [_key_item(key)],
        "poll": [_item(processing)],
        "provider_callback": [_item(replace(processing, provider=CALLER))],
        "finalize": [_item(archiving)],
        "sweep": list(map(_item, unfinished)),
        "announce": [],
        "deliver": [_delivery_item(address, now), _health_item(address)],
    }


def secrets(address: str) -> dict[str, str]:
    provider = {
        "dialect": "vidu_ent_v2",
        "base_url": address,
        "api_key": "vda_benchmark",
        "models": ["vidu*"],
        "default": True,
        "allow_private": True,
    }
    caller = {"dialect": "volc_ark", "base_url": address, "api_key": "ark-example", "allow_private": True}
    known = json.dumps({PROVIDER: provider, CALLER: caller})
    return {PROVIDERS_SECRET: known, LINK_SECRET: "s" * 64, WEBHOOK_SECRET: "w" * 64}


def files() -> dict[str, bytes]:
    """A video of four seconds and its cover."""
    with tempfile.TemporaryDirectory() as folder:
        video, cover = Path(folder, "video.mp4"), Path(folder, "cover.jpeg")
        picture = draw(640, 360, prompt="a paper boat on a pond", label="benchmark")
        write_video(video, picture, seconds=4, fps=24, audio=False)
        picture.save(cover)
        return {"/video.mp4": video.read_bytes(), "/cover.jpeg": cover.read_bytes()}


def _task(task_id: str, created_at: datetime, **more: Any) -> Task:
    return Task(
        id=task_id,
        owner="owner",
        key_id="019aa0f4c8000000",
        provider=PROVIDER,
        request=_REQUEST,
        created_at=created_at,
        updated_at=created_at,
        deadline=created_at + timedelta(hours=2),
        polling=Polling(next_poll_at=created_at + timedelta(minutes=1)),
        dispatch=Dispatch(status=DispatchStatus.ACCEPTED),
        provider_task_id=PROVIDER_TASK_ID,
        version=3,
        **more,
    )


def _finished(created_at: datetime) -> Task:
    task_id = new_task_id(created_at)
    folder = f"tasks/{created_at:%Y/%m/%d}/{task_id}"
    video = ArchivedFile(
        key=f"{folder}/1-video.mp4",
        bytes=1_000_000,
        sha256="0" * 64,
        content_type="video/mp4",
        duration=4.0,
        fps=24.0,
        width=1280,
        height=720,
    )
    cover = ArchivedFile(key=f"{folder}/1-cover.jpeg", bytes=50_000, sha256="1" * 64, content_type="image/jpeg")
    kept = (Asset(name="video", archived=video), Asset(name="cover", archived=cover))
    return _task(
        task_id,
        created_at,
        state=State.SUCCESS,
        finished_at=created_at,
        announcements=Announcements(announced_at=created_at),
        creations=(Creation(id=PROVIDER_TASK_ID, assets=kept),),
    )


def _item(task: Task) -> Item:
    return to_item(task, write_id="0" * 16)


def _delivery_item(address: str, now: datetime) -> Item:
    """Of a callback that was never tried, under the id that the sample event names."""
    record = json.loads((_ROOT / "events" / "deliver.json").read_text())["Records"][0]
    delivery = Delivery(
        id=json.loads(record["body"])["delivery_id"],
        owner="alice",
        webhook_id=CALLBACKS,
        event=State.PROCESSING,
        task_id=new_task_id(now),
        url=f"{address}/hooks/vidu",
        body=json.dumps({"id": PROVIDER_TASK_ID, "state": "processing", "creations": []}),
        scheme="vidu",
        created_at=now,
    )
    return _document_item(f"deliveries#alice#{CALLBACKS}", delivery.id, delivery)


def _health_item(address: str) -> Item:
    health = CircuitBreaker(id=address, owner="alice", closed=True, version=1)
    return _document_item("receivers#alice", address, health)


def _document_item(pk: str, sk: str, value: Delivery | CircuitBreaker) -> Item:
    return {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "version": {"N": str(value.version)},
        "document": {"S": documents.write(value)},
    }


def _key_item(key: str, limits: Limits = NO_LIMITS) -> Item:
    return {
        "pk": {"S": "keys"},
        "sk": {"S": hash_of(key)},
        "key_id": {"S": "019aa0f4c8000000"},
        "owner": {"S": "owner"},
        "name": {"S": "benchmark"},
        "last_characters": {"S": key[-4:]},
        "created_at": {"S": "2026-11-21T12:00:00+00:00"},
        "last_used_on": {"S": datetime.now(UTC).date().isoformat()},  # else each call were the first of the day
        "settings": {"S": documents.write(OwnerSettings(limits=limits))},
    }
