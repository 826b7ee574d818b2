"""OpenAI's Videos, as they are served to clients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Content, Http, List, Operation, Remove, Reply, Show, Submit
from reelkeep.dialects.families import openai
from reelkeep.dialects.families.resolution import pixels
from reelkeep.dialects.grammar.moments import unix
from reelkeep.dialects.grammar.query import Number, Query, Word
from reelkeep.dialects.openai_videos import LARGEST_PAGE, MODELS, NAME, PATH
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, NotFound
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.task import Creation, Request, State, Task
from reelkeep.domain.upstream import Upstream
from reelkeep.domain.wire import Json

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.openai_videos import wire

_AFTER = Word("after", "The id of the last video before the page.")
_LIMIT = Number("limit", "Videos a page.", usual=20, least=1, most=LARGEST_PAGE)
_ORDER = Word("order", "By when they were created.", among=("desc", "asc"))
_VARIANT = Word(
    "variant", "The film or its cover; there is no spritesheet.", among=("video", "thumbnail", "spritesheet")
)
_ONE = f"{PATH}/{{task_id}}"


class _Server(openai.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/v1/",)  # also the paths of OpenAI's that are not served, for their errors' sake
    spelled: Mapping[str, str] = {
        "task_id": "video_id",
        "duration": "seconds",
        "resolution": "size",
        "aspect_ratio": "size",
        "images": "input_reference",
        "kind": "input_reference",
    }

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return _ROUTES


dialect = _Server()


def _asked(http: Http) -> Request:
    from reelkeep.dialects.openai_videos.wire import Submission
    from reelkeep.dialects.translate import asked

    return asked(Submission, NAME, openai.sent(http))


def _listing(http: Http) -> Listing:
    query = Query(http.query)
    after = _AFTER.read(query)
    if after and not ids.is_task_id(after):
        raise InvalidRequest("after must be the id of a video", field="after")
    return Listing(size=_LIMIT.read(query), cursor=after, oldest_first=_ORDER.read(query) == "asc")


def _variant(http: Http) -> str:
    variant = _VARIANT.read(Query(http.query))
    if variant == "spritesheet":
        raise NotFound("no spritesheet is made of a video here", field="variant")
    return "cover" if variant == "thumbnail" else variant


# --- answers ---


def _shown(task: Task, links: Links | None = None) -> Reply:
    return Reply(body=_video(task, links), headers=_patience(task))


def _listed(page: Page, links: Links, _: Listing) -> Reply:
    videos = [_video(task, links) for task in page]
    ends = (
        {"first_id": videos[0]["id"], "last_id": videos[-1]["id"]} if videos else {"first_id": None, "last_id": None}
    )
    return Reply(body={"object": "list", "data": videos, **ends, "has_more": bool(page.next_cursor)})


def _event(task: Task, _: Links) -> Json:
    """As OpenAI posts it to webhooks. Source: the types of its Python SDK, and `client.webhooks.unwrap`."""
    return {
        "id": f"evt_{task.id}_{task.state}",
        "object": "event",
        "created_at": unix(task.finished_at or task.updated_at),
        "type": f"video.{openai.STATUSES[task.state]}",
        "data": {"id": task.id},
    }


def _video(task: Task, links: Links | None) -> wire.Video:
    request, failure = task.request, task.failure
    creation = task.creations[0] if task.state is State.SUCCESS else Creation(id="")
    facts = openai.facts(creation)
    seconds = facts["duration"] or request.duration
    width, height = facts["width"], facts["height"]
    video: wire.Video = {
        "id": task.id,
        "object": "video",
        "model": request.model,
        "status": openai.STATUSES[task.state],
        "progress": openai.PROGRESS.get(task.state, 0),
        "created_at": unix(task.created_at),
        "completed_at": unix(task.finished_at) if task.finished_at else None,
        "expires_at": None,  # never
        "prompt": request.prompt or None,
        "remixed_from_video_id": None,
        "seconds": str(round(seconds)) if seconds else _usual(request)[0],
        "size": f"{width}x{height}" if width and height else _size(request),
        "error": {"code": openai.code_of(failure), "message": openai.message_of(failure)} if failure else None,
    }
    made = creation.asset("video")
    if made and made.archived and links:
        video["metadata"] = {"url": links(made.archived)}
    return video


def _size(request: Request) -> str:
    """As it was asked for, and as is usual where nothing was."""
    said = request.body.get("size") if request.dialect == NAME else None
    if isinstance(said, str) and "x" in said:
        return said
    _, resolution, ratio = _usual(request)
    ratio = request.aspect_ratio if ":" in request.aspect_ratio else ratio
    return pixels(request.resolution or resolution, ratio) or request.resolution


def _usual(request: Request) -> tuple[str, str, str]:
    """Seconds, resolution and ratio of what most models make if nothing else is said; clients compute with them."""
    return ("4", "720p", "9:16") if request.model.startswith("sora") else ("5", "720p", "16:9")


_PATTERN = re.compile(r"[*?\[]")  # of many models; none of them is known by name


def _models(upstreams: Iterable[Upstream]) -> Reply:
    """Each model that the configuration names, with the first provider that serves it."""
    owners: dict[str, str] = {}
    for upstream in upstreams:
        for model in (*upstream.models, upstream.default_model):
            if model and not _PATTERN.search(model):
                owners.setdefault(model, upstream.name)
    data = [{"id": model, "object": "model", "created": 0, "owned_by": owner} for model, owner in owners.items()]
    return Reply(body={"object": "list", "data": data})


_SOONEST, _LATEST, _OFF_PEAK = timedelta(seconds=1), timedelta(seconds=5), timedelta(seconds=30)


def _patience(task: Task) -> dict[str, str]:
    """When a client should ask again. OpenAI's clients obey it, and the one for Python keeps the first for the whole
    wait: so even the first is one that they may come back after each time."""
    if task.state.terminal:
        return {}
    # Before our own poll there is nothing new.
    wait = (task.polling.next_poll_at or task.updated_at) - task.updated_at
    latest = _OFF_PEAK if task.request.off_peak else _LATEST
    return {"openai-poll-after-ms": str(max(_SOONEST, min(wait, latest)) // timedelta(milliseconds=1))}


_ROUTES: tuple[AnyRoute, ...] = (
    Submit(
        method="POST",
        path=PATH,
        operation="submitOpenaiVideo",
        summary="Create a video",
        details="What it is made of follows from what there is: words alone, or pictures too.",
        body="Submission",
        form="Form",
        reply="Video",
        parse=_asked,
        render=_shown,
    ),
    Show(
        method="GET",
        path=_ONE,
        operation="showOpenaiVideo",
        summary="Retrieve a video",
        details="The link to the file stays.",
        reply="Video",
        render=_shown,
        event=_event,
    ),
    List(
        method="GET",
        path=PATH,
        operation="listOpenaiVideos",
        summary="List videos",
        details="Every task of yours is a video here, in whatever format it came in.",
        parameters=(_AFTER, _LIMIT, _ORDER),
        reply="VideoList",
        parse=_listing,
        render=_listed,
    ),
    Remove(
        method="DELETE",
        path=_ONE,
        operation="deleteOpenaiVideo",
        summary="Delete a video",
        details="What has not begun is cancelled; what has ended is listed no more, and the archive keeps it.",
        reply="Deleted",
        render=lambda task: Reply(body={"id": task.id, "object": "video.deleted", "deleted": True}),
    ),
    Content(
        method="GET",
        path=f"{_ONE}/content",
        operation="downloadOpenaiVideo",
        summary="Download a video",
        details="Leads to the file in the archive, once the video is completed.",
        parameters=(_VARIANT,),
        parse=_variant,
    ),
    Operation(
        method="GET",
        path=MODELS,
        operation="listModels",
        summary="List the models",
        details="Those that the configuration of the providers names; others may be served as well.",
        reply="ModelList",
        parse=lambda _: None,
        render=_models,
    ),
)
