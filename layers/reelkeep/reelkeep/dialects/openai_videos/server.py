"""OpenAI's Videos, as they are served to clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Content, Http, List, Remove, Reply, Show, Submit
from reelkeep.dialects.grammar import openai_words, video_request
from reelkeep.dialects.grammar.moments import unix
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.grammar.sizes import pixels
from reelkeep.dialects.openai_videos import LARGEST_PAGE, NAME, PATH, openapi
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, NotFound
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Failure, Request, State, Task
from reelkeep.domain.wire import Json

_PROGRESS = {State.PROCESSING: 50, State.ARCHIVING: 95, State.SUCCESS: 100}
_VARIANTS = {"": "video", "video": "video", "thumbnail": "cover"}
_SOONEST, _LATEST = timedelta(milliseconds=500), timedelta(seconds=30)  # that we ask a client to come back after


class _Server(openai_words.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/v1/",)  # also the paths of OpenAI's that are not served, for their errors' sake

    schemas: Mapping[str, Any] = openapi.SCHEMAS
    spelled: Mapping[str, str] = {
        "task_id": "video_id",
        "duration": "seconds",
        "resolution": "size",
        "images": "input_reference",
    }

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        one = f"{PATH}/{{task_id}}"
        parse = partial(video_request.asked, NAME)
        return (
            Submit(method="POST", path=PATH, description=openapi.SUBMIT, parse=parse, render=_created),
            Show(method="GET", path=one, description=openapi.SHOW, render=_retrieved, event=_event),
            List(method="GET", path=PATH, description=openapi.LIST, parse=_listing, render=_listed),
            Remove(method="DELETE", path=one, description=openapi.REMOVE, render=_removed),
            Content(method="GET", path=f"{one}/content", description=openapi.CONTENT, parse=_variant),
        )


dialect = _Server()


def _created(task: Task) -> Reply:
    return Reply(body=_video(task, ""), headers=_patience(task))


def _retrieved(task: Task, links: Links) -> Reply:
    return Reply(body=_video(task, _link(task, links)), headers=_patience(task))


def _event(task: Task) -> Json:
    """As OpenAI posts it to webhooks. Source: the types of its Python SDK, and `client.webhooks.unwrap`."""
    status = openai_words.STATUSES[task.state]
    return {
        "id": f"evt_{task.id}_{task.state}",
        "object": "event",
        "created_at": unix(task.finished_at or task.updated_at),
        "type": f"video.{status}",
        "data": {"id": task.id},
    }


def _removed(task: Task) -> Reply:
    return Reply(body={"id": task.id, "object": "video.deleted", "deleted": True})


def _listing(http: Http) -> Listing:
    query = Query(http.query)
    after, order, size = query.one("after"), query.one("order"), query.number("limit", 20)
    if after and not ids.is_task_id(after):
        raise InvalidRequest("after must be the id of a video", field="after")
    if not 1 <= size <= LARGEST_PAGE:
        raise InvalidRequest(f"limit must be from 1 to {LARGEST_PAGE}", field="limit")
    if order not in ("", "asc", "desc"):
        raise InvalidRequest("order must be asc or desc", field="order")
    return Listing(size=size, cursor=after, oldest_first=order == "asc")


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    videos = [_video(task, _link(task, links)) for task in page]
    first, last = (videos[0]["id"], videos[-1]["id"]) if videos else (None, None)
    listed = {
        "object": "list",
        "data": videos,
        "first_id": first,
        "last_id": last,
        "has_more": bool(page.next_cursor),
    }
    return Reply(body=listed)


def _variant(http: Http) -> str:
    variant = Query(http.query).one("variant")
    if variant == "spritesheet":
        raise NotFound("no spritesheet is made of a video here", field="variant")
    if variant not in _VARIANTS:
        raise InvalidRequest("variant must be video, thumbnail or spritesheet", field="variant")
    return _VARIANTS[variant]


def _video(task: Task, url: str) -> dict[str, Json]:
    request, failure = task.request, task.failure
    facts = openai_words.facts(task.creations[0]) if task.state is State.SUCCESS else {}
    seconds = facts.get("duration") or request.duration
    width, height = facts.get("width"), facts.get("height")
    return {
        "id": task.id,
        "object": "video",
        "model": request.model,
        "status": openai_words.STATUSES[task.state],
        "progress": _PROGRESS.get(task.state, 0),
        "created_at": unix(task.created_at),
        "completed_at": unix(task.finished_at) if task.finished_at else None,
        "expires_at": None,  # never
        "prompt": request.prompt or None,
        "remixed_from_video_id": None,
        "seconds": str(round(seconds)) if seconds else "",
        "size": f"{width}x{height}" if width and height else _size(request),
        "error": _error(failure) if failure else None,
        **({"metadata": {"url": url}} if url else {}),
    }


def _error(failure: Failure) -> Json:
    return {"code": openai_words.code_of(failure), "message": openai_words.message_of(failure)}


def _size(request: Request) -> str:
    """As it was asked for, which is not always known in pixels."""
    said = request.body.get("size") if request.dialect == NAME else None
    asked = said if isinstance(said, str) else ""
    return asked if "x" in asked else pixels(request.resolution, request.aspect_ratio) or asked


def _link(task: Task, links: Links) -> str:
    """To the video, once all is kept: a client that sees it takes it for the whole of the result."""
    video = task.creations[0].asset("video") if task.state is State.SUCCESS else None
    return links(video.kept) if video and video.kept else ""


def _patience(task: Task) -> dict[str, str]:
    """Milliseconds to our own next look, before which there is nothing new to see; OpenAI's clients obey it."""
    if task.state.terminal:
        return {}
    wait = (task.next_look_at or task.updated_at) - task.updated_at
    return {"openai-poll-after-ms": str(max(_SOONEST, min(wait, _LATEST)) // timedelta(milliseconds=1))}
