"""OpenAI's Videos, as they are served to clients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from reelkeep.dialects.dialect import Content, Http, List, Operation, Remove, Show, Submit, submission_of
from reelkeep.dialects.families import openai
from reelkeep.dialects.families.openai import Status
from reelkeep.dialects.families.query import Number, Parameter, Query, Word
from reelkeep.dialects.families.resolution import pixels
from reelkeep.dialects.openai_videos import LARGEST_PAGE, MODELS, NAME, PATH
from reelkeep.dialects.replies import Shape, Url, View, always, shows, unix
from reelkeep.domain import ids
from reelkeep.domain.errors import InvalidRequest, NotFound
from reelkeep.domain.listing import Listing
from reelkeep.domain.task import Request
from reelkeep.domain.upstream import Upstream

_AFTER = Parameter("after", "The id of the last video before the page.")
_LIMIT = Number("limit", "Videos a page.", usual=20, least=1, most=LARGEST_PAGE)
_ORDER = Word("order", "By when they were created.", among=("desc", "asc"))
_VARIANT = Word(
    "variant", "The film or its cover; there is no spritesheet.", among=("video", "thumbnail", "spritesheet")
)


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


def _usual(request: Request) -> tuple[str, str, str]:
    """Seconds, resolution and ratio of what most models make if nothing else is said; clients compute with them."""
    return ("4", "720p", "9:16") if request.model.startswith("sora") else ("5", "720p", "16:9")


def _seconds(view: View) -> str:
    seconds = view.fact("duration") or view.request.duration
    return str(round(seconds)) if seconds else _usual(view.request)[0]


def _size(view: View) -> str:
    """As it was asked for, and as is usual where nothing was; once it is made, as it is."""
    width, height, request = view.fact("width"), view.fact("height"), view.request
    if width and height:
        return f"{width}x{height}"
    said = view.sent(NAME).get("size")
    if isinstance(said, str) and "x" in said:
        return said
    _, resolution, ratio = _usual(request)
    ratio = request.aspect_ratio if ":" in request.aspect_ratio else ratio
    return pixels(request.resolution or resolution, ratio) or request.resolution


class Failure(Shape):
    code: str = shows("task.failure", write=openai.code_of)
    message: str = shows("task.failure", write=openai.message_of)


class Links(Shape):
    url: Url = shows(lambda view: view.file("video"), says="Permanent; needs no key.")


class Video(Shape):
    id: str = shows("task.id")
    object: Literal["video"] = always("video")
    model: str = shows("request.model")
    status: Status = shows(openai.status)
    progress: int = shows(lambda view: openai.PROGRESS.get(view.task.state, 0), minimum=0, maximum=100)
    created_at: int = shows("task.created_at", write=unix, says="Seconds since 1970.")
    completed_at: int | None = shows("task.finished_at", write=unix, says="Seconds since 1970.")
    expires_at: None = always(None, says="Never.")
    prompt: str | None = shows("request.prompt", None)
    remixed_from_video_id: None = always(None)
    seconds: str = shows(_seconds)
    size: str = shows(_size, says="As it was asked for, or as is usual; once completed, as it is.")
    error: Failure | None = shows(lambda view: Failure.of(view) if view.task.failure else None)
    metadata: Links = shows(lambda view: Links.of(view) if view.file("video") else None, optional=True)


class VideoList(Shape):
    object: Literal["list"] = always("list")
    data: list[Video] = shows(lambda views: [*map(Video.of, views.tasks)])
    first_id: str | None = shows(lambda views: views.tasks[0].task.id if views.tasks else None)
    last_id: str | None = shows(lambda views: views.tasks[-1].task.id if views.tasks else None)
    has_more: bool = shows(lambda views: bool(views.page.next_cursor))


class Happened(Shape):
    id: str = shows("task.id")


class Event(Shape):
    """As OpenAI posts it to webhooks. Source: the types of its Python SDK, and `client.webhooks.unwrap`."""

    id: str = shows(lambda view: f"evt_{view.task.id}_{view.task.state}")
    object: Literal["event"] = always("event")
    created_at: int = shows("ended_at", write=unix)
    type: str = shows(lambda view: f"video.{openai.status(view)}")
    data: Happened = shows(Happened.of)


class Model(Shape):  # of a pair of names: a model's, and its provider's
    id: str = shows(lambda pair: pair[0])
    object: Literal["model"] = always("model")
    created: int = always(0, says="Not known: 0.")
    owned_by: str = shows(lambda pair: pair[1], says="The provider that serves it.")


_PATTERN = re.compile(r"[*?\[]")  # of many models; none of them is known by name


def _named(upstreams: Iterable[Upstream]) -> Iterator[tuple[str, str]]:
    """Each model that the configuration names, with the first provider that serves it."""
    pairs = [(model, each.name) for each in upstreams for model in (*each.models, each.default_model)]
    owners = {model: name for model, name in reversed(pairs) if model and not _PATTERN.search(model)}
    yield from sorted(owners.items(), key=pairs.index)


class ModelList(Shape):
    """The models that are known by name."""

    object: Literal["list"] = always("list")
    data: list[Model] = shows(lambda upstreams: [*map(Model.of, _named(upstreams))])


class Deleted(Shape):
    id: str = shows("task.id")
    object: Literal["video.deleted"] = always("video.deleted")
    deleted: Literal[True] = always(True)


_SOONEST, _USUAL = 1.0, 5.0  # seconds


def _patience(view: View) -> dict[str, str]:
    """When a client should ask again. OpenAI's clients obey it, and the one for Python keeps the first for the whole
    wait: so even the first is one that they may come back after each time."""
    task = view.task
    if task.state.terminal:
        return {}
    wait = _SOONEST if task.is_generated else task.eta.ask_every if task.eta else _USUAL
    return {"openai-poll-after-ms": str(int(wait * 1000))}


class _Server(openai.Server):
    name = NAME
    prefixes = ("/v1/",)  # also the paths of OpenAI's that are not served, for their errors' sake
    known: Mapping[str, str] = {
        "task_id": "video_id",
        "duration": "seconds",
        "resolution": "size",
        "aspect_ratio": "size",
        "images": "input_reference",
        "kind": "input_reference",
    }
    routes = (
        Submit(
            PATH,
            "submitOpenaiVideo",
            Video,
            form="Form",
            parse=submission_of(NAME, sent=openai.sent),
            headers=_patience,
        ),
        Show(f"{PATH}/{{task_id}}", "showOpenaiVideo", Video, headers=_patience, event=Event),
        List(PATH, "listOpenaiVideos", VideoList, parameters=(_AFTER, _LIMIT, _ORDER), parse=_listing),
        Remove(f"{PATH}/{{task_id}}", "deleteOpenaiVideo", Deleted),
        Content(f"{PATH}/{{task_id}}/content", "downloadOpenaiVideo", parameters=(_VARIANT,), parse=_variant),
        Operation(MODELS, "listModels", ModelList),
    )


dialect = _Server()
