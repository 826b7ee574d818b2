"""OpenAI's Videos, both ways: the shape that most clients of video models know.

Source: OpenAI's reference and its own clients (openai-python 3.52.0). What gateways such as new-api have added to
that is taken too, and the link to a finished video is where they put it: in `metadata.url`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Content, Http, List, Remove, Reply, Show, Submit
from reelkeep.dialects.grammar import lenient, openai_words, video_openapi, video_request
from reelkeep.dialects.grammar.described import TEXT, array, record, whole, words
from reelkeep.dialects.grammar.gateway import Gateway, listed
from reelkeep.dialects.grammar.query import Query
from reelkeep.dialects.grammar.sizes import pixels
from reelkeep.domain import ids
from reelkeep.domain.errors import ClientError, InvalidRequest, NotFound
from reelkeep.domain.links import Links
from reelkeep.domain.listing import Listing, Page
from reelkeep.domain.observation import ListedPage
from reelkeep.domain.task import Failure, Request, State, Task
from reelkeep.domain.wire import Answer, Call, Json

_NAME = "openai_videos"
_PATH = "/v1/videos"
_SCHEMAS = "OpenaiVideos"
_LARGEST_PAGE = 100
_SPELLED = {"task_id": "video_id", "duration": "seconds", "resolution": "size", "images": "input_reference"}
_PROGRESS = {State.PROCESSING: 50, State.ARCHIVING: 95, State.SUCCESS: 100}
_VARIANTS = {"": "video", "video": "video", "thumbnail": "cover"}
_LONGEST = timedelta(hours=24)  # that a video may take
_SOONEST, _LATEST = timedelta(milliseconds=500), timedelta(seconds=30)  # that we ask a client to come back after


class _Server:
    name = _NAME
    prefixes: tuple[str, ...] = ("/v1/",)  # also the paths of OpenAI's that are not served, for their errors' sake

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        one = f"{_PATH}/{{task_id}}"
        parse = partial(video_request.asked, _NAME)
        return (
            Submit(method="POST", path=_PATH, description=_SUBMIT, parse=parse, render=_created),
            Show(method="GET", path=one, description=_SHOW, render=_retrieved),
            List(method="GET", path=_PATH, description=_LIST, parse=_listing, render=_listed),
            Remove(method="DELETE", path=one, description=_REMOVE, render=_removed),
            Content(method="GET", path=f"{one}/content", description=_CONTENT, parse=_variant),
        )

    def render_error(self, error: ClientError, http: Http) -> Reply:  # noqa: ARG002
        return openai_words.refusal(error, _SPELLED)

    def render_fault(self, known: str = "") -> Reply:
        return openai_words.fault(known)

    @property
    def schemas(self) -> Mapping[str, Any]:
        return {f"{_SCHEMAS}{name}": schema for name, schema in _BODIES.items()}


dialect = _Server()


def _created(task: Task) -> Reply:
    return Reply(body=_video(task, ""), headers=_patience(task))


def _retrieved(task: Task, links: Links) -> Reply:
    return Reply(body=_video(task, _link(task, links)), headers=_patience(task))


def _removed(task: Task) -> Reply:
    return Reply(body={"id": task.id, "object": "video.deleted", "deleted": True})


def _listing(http: Http) -> Listing:
    query = Query(http.query)
    after, order, size = query.one("after"), query.one("order"), query.number("limit", 20)
    if after and not ids.is_task_id(after):
        raise InvalidRequest("after must be the id of a video", field="after")
    if not 1 <= size <= _LARGEST_PAGE:
        raise InvalidRequest(f"limit must be from 1 to {_LARGEST_PAGE}", field="limit")
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
        "created_at": _unix(task.created_at),
        "completed_at": _unix(task.finished_at) if task.finished_at else None,
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
    said = request.body.get("size") if request.dialect == _NAME else None
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


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


# --- the document ---

_EXAMPLE: Json = {
    **video_openapi.EXAMPLE_TASK,
    "status": "completed",
    "progress": 100,
    "completed_at": 1_767_686_477,
    "expires_at": None,
    "prompt": "A paper boat on a pond at dawn",
    "remixed_from_video_id": None,
    "seconds": "5",
    "size": "1280x720",
    "error": None,
    "metadata": {"url": video_openapi.LINK},
}
_QUEUED = {name: value for name, value in _EXAMPLE.items() if name != "metadata"} | {
    "status": "queued",
    "progress": 0,
    "completed_at": None,
}
_MOMENT = video_openapi.nullable({"type": "integer", "description": "Unix time, in seconds."})
_BODIES: Mapping[str, Json] = {
    "Error": video_openapi.ERROR,
    "Create": video_openapi.asked(
        {"model": "viduq3-pro", "prompt": "A paper boat on a pond at dawn", "seconds": "5", "size": "1280x720"},
        seconds=video_openapi.SECONDS,
        input_reference={
            "anyOf": [video_openapi.IMAGE, record({"image_url": TEXT}), record({"file_id": TEXT})],
            "description": "The first frame.",
        },
    ),
    "Form": record(
        {
            "model": TEXT,
            "prompt": TEXT,
            "seconds": TEXT,
            "size": TEXT,
            "input_reference": {**TEXT, "format": "binary", "description": "A picture, as a file or as a link."},
            "images[]": array(TEXT),
            "metadata[resolution]": {**TEXT, "description": "And whatever else metadata may hold, named so."},
        },
        required=("prompt",),
        examples=[{"model": "viduq3-pro", "prompt": "A paper boat on a pond at dawn", "seconds": "5"}],
    ),
    "Video": record(
        {
            "id": TEXT,
            "object": {"const": "video"},
            "model": TEXT,
            "status": words("queued", "in_progress", "completed", "failed"),
            "progress": whole(0, 100),
            "created_at": {"type": "integer"},
            "completed_at": _MOMENT,
            "expires_at": {"type": "null", "description": "Never."},
            "prompt": video_openapi.nullable(TEXT),
            "remixed_from_video_id": {"type": "null"},
            "seconds": TEXT,
            "size": {**TEXT, "description": "As it was asked for; once completed, as it is."},
            "error": video_openapi.nullable(record({"code": TEXT, "message": TEXT})),
            "metadata": record({"url": {**TEXT, "format": "uri", "description": "Permanent; needs no key."}}),
        },
        required=_QUEUED,
    ),
    "VideoList": record(
        {
            "object": {"const": "list"},
            "data": array({"$ref": f"#/components/schemas/{_SCHEMAS}Video"}),
            "first_id": video_openapi.nullable(TEXT),
            "last_id": video_openapi.nullable(TEXT),
            "has_more": {"type": "boolean"},
        }
    ),
    "Deleted": record({"id": TEXT, "object": {"const": "video.deleted"}, "deleted": {"const": True}}),
}
_describe = partial(video_openapi.operation, _SCHEMAS)
_SUBMIT = _describe(
    "Create a video",
    "Video",
    _QUEUED,
    asked={"multipart/form-data": "Form", "application/json": "Create"},
    description="The header `openai-poll-after-ms` says when to look.",
)
_SHOW = _describe("Retrieve a video", "Video", _EXAMPLE, description="The link to the file stays.")
_LIST = _describe(
    "List videos",
    "VideoList",
    {"object": "list", "data": [_EXAMPLE], "first_id": _EXAMPLE["id"], "last_id": _EXAMPLE["id"], "has_more": False},
    parameters=[
        {"name": "after", "in": "query", "schema": TEXT, "description": "The id of the last video before the page."},
        {"name": "limit", "in": "query", "schema": whole(1, _LARGEST_PAGE, default=20)},
        {"name": "order", "in": "query", "schema": words("asc", "desc", default="desc")},
    ],
)
_REMOVE = _describe(
    "Delete a video",
    "Deleted",
    {"id": _EXAMPLE["id"], "object": "video.deleted", "deleted": True},
    description="What has not begun is cancelled; what has ended is listed no more, and the archive keeps it.",
)
_CONTENT: Mapping[str, Json] = {
    "summary": "Download a video",
    "parameters": [
        {"name": "variant", "in": "query", "schema": words("video", "thumbnail", "spritesheet", default="video")}
    ],
    "responses": {
        "302": {
            "description": "The file is at its permanent link.",
            "headers": {"Location": {"schema": {**TEXT, "format": "uri"}, "example": video_openapi.LINK}},
        },
        **video_openapi.refusals(_SCHEMAS),
    },
}

# --- the client ---


class _Client(Gateway):
    name = _NAME
    path = _PATH

    def write(self, request: Request) -> dict[str, Json]:
        """With the same said in OpenAI's own words, which some of a gateway's channels pass on as they are."""
        body = super().write(request)
        more = {"seconds": str(request.duration)} if request.duration else {}
        return {**body, **more, **({"input_reference": body["image"]} if "image" in body else {})}

    def list_successes(self, since: datetime, page: str) -> Call | None:  # noqa: ARG002  it has no filter by time
        query = (("limit", str(_LARGEST_PAGE)), ("order", "desc"), *([("after", page)] if page else []))
        return Call(method="GET", path=_PATH, query=query)

    def read_successes(self, answer: Answer, since: datetime, page: str) -> ListedPage | None:  # noqa: ARG002
        """Newest first, so older pages than a video may take are not asked for. Gateways have no list."""
        if answer.status in (404, 405):
            return ListedPage(())
        said = lenient.fields(answer.json())
        items = said.get("data")
        if answer.status != 200 or not isinstance(items, list):
            return None
        read = listed(items, since, _NAME)
        oldest = lenient.fields(items[-1]) if items else {}
        created_at = lenient.moment(oldest.get("created_at"))
        if said.get("has_more") is True and (created_at is None or created_at >= since - _LONGEST):
            return replace(read, next_page=lenient.identifier(oldest.get("id")))
        return read


upstream = _Client()
