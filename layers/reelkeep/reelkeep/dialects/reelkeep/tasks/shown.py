"""A task, as its client sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import Reply
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.reelkeep.operations import made
from reelkeep.dialects.reelkeep.refusals import failure_body
from reelkeep.dialects.reelkeep.tasks import listing
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Adoption, Creation, Task

if TYPE_CHECKING:  # with pydantic, for which a query need not wait
    from reelkeep.dialects.reelkeep.tasks import bodies

_LARGEST_ANSWER = 2 * 1024 * 1024  # of a listing; a function may answer 6 MB, and quoting makes it grow


def created(task: Task) -> Reply:
    return made(f"/tasks/{task.id}", _task(task, []))


def shown(task: Task, links: Links) -> Reply:
    return Reply(body=_task(task, _creations(task, links)))


def cancelled(task: Task) -> Reply:
    return Reply(body=_task(task, []))


def listed(page: Page, links: Links, _: Listing) -> Reply:
    """As much of the page as fits an answer; the rest comes under the cursor."""
    tasks: list[bodies.Task] = []
    size = 0
    for task in page:
        body = _task(task, _creations(task, links))
        size += len(json.dumps(body))
        if tasks and size > _LARGEST_ANSWER:
            break
        tasks.append(body)
    last = page.next_cursor if len(tasks) == len(page.tasks) else tasks[-1]["id"]
    found: bodies.TaskPage = {"tasks": tasks, "next_cursor": listing.cursor(last) if last else None}
    return Reply(body=found)


def _task(task: Task, creations: list[bodies.Creation]) -> bodies.Task:
    request = task.request
    return {
        "id": task.id,
        "state": task.state,
        "kind": request.kind,
        "provider": task.provider,
        "model": request.model or None,
        "prompt": request.prompt or None,
        "images": [_without_data(image) for image in request.images],
        "video_url": _without_data(request.video_url) or None,
        "creation_id": request.creation_id or None,
        "template": request.template or None,
        "duration": request.duration,
        "resolution": request.resolution or None,
        "aspect_ratio": request.aspect_ratio or None,
        "seed": request.seed if task.seed is None else task.seed,
        "audio": request.audio,
        "off_peak": request.off_peak,
        "payload": request.payload or None,
        "tags": list(request.tags),
        "created_at": rfc3339(task.created_at),
        "updated_at": rfc3339(task.updated_at),
        "finished_at": rfc3339(task.finished_at) if task.finished_at else None,
        "deadline": rfc3339(task.deadline),
        "credits": task.credits,
        "failure": failure_body(task.failure) if task.failure else None,
        "last_error": task.trouble or None,
        "adopted": _adopted(task, task.adopted) if task.adopted else None,
        "adopted_as": task.adopted_as or None,
        "possible_repeat": task.possible_repeat or None,
        "creations": creations,
    }


def _without_data(source: str) -> str:
    """The client knows what its data URIs hold, and megabytes do not fit an answer."""
    return source.split(",")[0] + ",..." if source.startswith("data:") else source


def _creations(task: Task, links: Links) -> list[bodies.Creation]:
    """What is in the archive, once the task has ended: a client that sees creations may take them for all."""
    return [_creation(creation, links) for creation in task.creations] if task.state.terminal else []


def _creation(creation: Creation, links: Links) -> bodies.Creation:
    kept = {asset.name: asset.archived for asset in creation.assets if asset.archived}
    files: list[bodies.File] = [
        {
            "name": name,
            "url": links(file),
            "bytes": file.bytes,
            "sha256": file.sha256 or None,
            "crc32": file.crc32 or None,
            "content_type": file.content_type,
        }
        for name, file in kept.items()
    ]
    urls = {file["name"]: file["url"] for file in files}
    measured = kept.get("video", creation)  # rather than claimed
    return {
        "id": creation.id,
        "url": urls.get("video"),
        "cover_url": urls.get("cover"),
        "watermarked_url": urls.get("watermarked"),
        "last_frame_url": urls.get("last-frame"),
        "moderation_urls": [url for name, url in urls.items() if name.startswith("moderation")],
        "video": {
            "duration": creation.duration if measured.duration is None else measured.duration,
            "fps": creation.fps if measured.fps is None else measured.fps,
            "width": creation.width if measured.width is None else measured.width,
            "height": creation.height if measured.height is None else measured.height,
        },
        "files": files,
    }


def _adopted(task: Task, adoption: Adoption) -> bodies.Adopted:
    return {
        "at": rfc3339(adoption.at),
        "provider_task_id": task.provider_task_id,
        "lost_task": adoption.lost_task or None,
    }
