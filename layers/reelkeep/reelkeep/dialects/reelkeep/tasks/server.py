"""Tasks, as they are served to clients: submitted, listed, shown, cancelled."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Reply, Show, Submit
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.grammar.query import Moment, Number, Parameter, Words
from reelkeep.dialects.reelkeep.server import failure_body, located, query
from reelkeep.domain import ids
from reelkeep.domain.errors import wrong
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Filter, Listing, Page
from reelkeep.domain.task import Adoption, Creation, Request, State, Task

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep.tasks import wire

_LARGEST_PAGE = 100
_FROM = Moment("created_from", "Created at this time or later.")
_TO = Moment("created_to", "Created at this time or earlier.")
_IDS = Words("task_id", f"With one of these ids, {_LARGEST_PAGE} at most.", form="^[0-9a-f]{32}$")
_STATES = Words("state", "In one of these states.", among=tuple(State))
_MODELS = Words("model", "For one of these models.")
_RESOLUTIONS = Words("resolution", "In one of these resolutions, as they were asked for.")
_TEMPLATES = Words("template", "With one of these templates.")
_LIMIT = Number(
    "limit", "How many tasks a page holds; fewer if they are very long.", usual=20, least=1, most=_LARGEST_PAGE
)
_CURSOR = Parameter("cursor", "The `next_cursor` of the page before.")
_LISTING = (_FROM, _TO, _IDS, _STATES, _MODELS, _RESOLUTIONS, _TEMPLATES, _LIMIT, _CURSOR)


# --- what clients ask ---


def _asked(http: Http) -> Request:
    from reelkeep.dialects.reelkeep.tasks.wire import asked

    return asked(http.json())


def _listing(http: Http) -> Listing:
    asked = query(http, *_LISTING)
    task_ids = _IDS.read(asked)
    if len(task_ids) > _LARGEST_PAGE:
        raise wrong(_IDS.name, f"is given more than {_LARGEST_PAGE} times")
    return Listing(
        filter=Filter(
            created_from=_FROM.read(asked),
            created_to=_TO.read(asked),
            task_ids=task_ids,
            states=tuple(map(State, _STATES.read(asked))),
            models=_MODELS.read(asked),
            resolutions=_RESOLUTIONS.read(asked),
            templates=_TEMPLATES.read(asked),
        ),
        size=_LIMIT.read(asked),
        cursor=_read_cursor(asked.one(_CURSOR.name)),
    )


def _cursor(task_id: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(task_id)).decode().rstrip("=")


def _read_cursor(text: str) -> str:
    if not text:
        return ""
    try:
        task_id = base64.urlsafe_b64decode(text + "==").hex()
    except ValueError:
        task_id = ""
    if not ids.is_task_id(task_id) or _cursor(task_id) != text:
        raise wrong(_CURSOR.name, "is not one that a listing gave out")
    return task_id


# --- what they are answered ---


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    found: wire.TaskPage = {
        "tasks": [_task(task, _creations(task, links)) for task in page],
        "next_cursor": _cursor(page.next_cursor) if page.next_cursor else None,
    }
    return Reply(body=found)


def _task(task: Task, creations: list[wire.Creation]) -> wire.Task:
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
        "last_error": task.last_error or None,
        "adopted": _adopted(task, task.adopted) if task.adopted else None,
        "adopted_as": task.adopted_as or None,
        "possible_repeat": task.possible_repeat or None,
        "creations": creations,
    }


def _without_data(source: str) -> str:
    """The client knows what its data URIs hold, and megabytes do not fit an answer."""
    return source.split(",")[0] + ",..." if source.startswith("data:") else source


def _creations(task: Task, links: Links) -> list[wire.Creation]:
    """What is in the archive, once the task has ended: a client that sees creations may take them for all."""
    return [_creation(creation, links) for creation in task.creations] if task.state.terminal else []


def _creation(creation: Creation, links: Links) -> wire.Creation:
    kept = {asset.name: asset.archived for asset in creation.assets if asset.archived}
    files: list[wire.File] = [
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
        "missing": [
            {"name": asset.name, "reason": asset.lost or asset.last_error, "given_up": bool(asset.lost)}
            for asset in creation.assets
            if not asset.archived
        ],
    }


def _adopted(task: Task, adoption: Adoption) -> wire.Adopted:
    return {
        "at": rfc3339(adoption.at),
        "provider_task_id": task.provider_task_id,
        "lost_task": adoption.lost_task or None,
    }


_ALL, _ONE = "/tasks", "/tasks/{task_id}"
ROUTES: tuple[AnyRoute, ...] = (
    Submit(
        method="POST",
        path=_ALL,
        operation="submitTask",
        summary="Submit a task",
        details="The task is recorded before the provider is called, and followed to its end whatever happens then. "
        "What is refused with 4xx is not generated, and not paid for.",
        body="NewTask",
        reply="Task",
        parse=_asked,
        render=lambda task: located(f"/tasks/{task.id}", _task(task, [])),
    ),
    List(
        method="GET",
        path=_ALL,
        operation="listTasks",
        summary="List tasks, newest first",
        details="A task is listed if it fits every filter. A filter that is repeated admits any of its values. Pages "
        "stay as they are while new tasks arrive.",
        parameters=_LISTING,
        reply="TaskPage",
        parse=_listing,
        render=_listed,
    ),
    Show(
        method="GET",
        path=_ONE,
        operation="showTask",
        summary="Show a task",
        details="A task whose state is `success` has every video in the archive, and names each other file that is "
        "not there as `missing`, with the reason.",
        reply="Task",
        render=lambda task, links: Reply(body=_task(task, _creations(task, links))),
    ),
    Cancel(
        method="POST",
        path=f"{_ONE}/cancel",
        operation="cancelTask",
        summary="Cancel a task",
        details="Possible until the provider has begun to work on it.",
        reply="Task",
        render=lambda task: Reply(body=_task(task, [])),
    ),
)
