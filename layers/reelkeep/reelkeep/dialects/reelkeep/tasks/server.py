"""Tasks, as they are served to clients: submitted, listed, shown, labelled, cancelled, hidden."""

from __future__ import annotations

from typing import Any, NamedTuple

from reelkeep.dialects.dialect import AnyRoute, Cancel, Http, List, Operation, Show, Submit
from reelkeep.dialects.families.query import (
    Cursor,
    Flag,
    Number,
    Parameter,
    Search,
    Time,
    Word,
    Words,
    filter_of,
    states,
)
from reelkeep.dialects.reelkeep.money.server import Cost
from reelkeep.dialects.reelkeep.server import Failure, query
from reelkeep.dialects.replies import Moment, Shape, Url, View, rfc3339, shows
from reelkeep.domain.delivered import differences
from reelkeep.domain.errors import wrong
from reelkeep.domain.keys import is_owner
from reelkeep.domain.listing import EVERY_OWNER, MOST_OWNERS, Listing
from reelkeep.domain.money import as_number
from reelkeep.domain.tags import Labels
from reelkeep.domain.task import ArchivedFile, FailureClass, Kind, Priority, Request, State

_LARGEST_PAGE = 100
_IDS = Words("task_id", f"With one of these ids, {_LARGEST_PAGE} at most.", form="^[0-9a-f]{32}$", fills="task_ids")
_LIMIT = Number(
    "limit", "How many tasks a page holds; fewer if they are very long.", usual=20, least=1, most=_LARGEST_PAGE
)
_CURSOR = Cursor("cursor", "The `next_cursor` of the page before.")
_OWNER = Parameter(
    "owner",
    "Of another owner, or with `*` of all. The key needs the scope `operate`, too. With more than "
    f"{MOST_OWNERS} owners, `*` needs `unfinished=true`.",
)
_NEWEST, _OLDEST = "newest", "oldest"
_ORDER = Word("order", "What comes first.", among=(_NEWEST, _OLDEST))
_LISTING = (
    Time("created_from", "Created at this time or later.", fills="created_from"),
    Time("created_to", "Created at this time or earlier.", fills="created_to"),
    _IDS,
    states("state", "In one of these states.", {state: state.value for state in State}),
    Words("model", "For one of these models.", fills="models"),
    Words("provider", "At one of these providers.", fills="providers"),
    Words("kind", "Of one of these kinds.", among=tuple(Kind), fills="kinds"),
    Words("tag", "With one of these tags.", fills="tags"),
    Flag("starred", "Whether it is starred.", fills="starred"),
    Flag("differs", "Whether what was delivered is not what was ordered, or claimed.", fills="differs"),
    Flag("unfinished", "Whether it is still to end.", fills="unfinished"),
    Words("failure", "Ended for one of these reasons.", among=tuple(FailureClass), fills="failures"),
    Search("q", "With all of these words in its prompt, in any case, also as parts of words.", fills="words"),
    Flag("hidden", "True shows what is hidden, and nothing else.", usual=False, fills="hidden"),
    Words("resolution", "In one of these resolutions, as they were asked for.", fills="resolutions"),
    Words("template", "With one of these templates.", fills="templates"),
    _OWNER,
    _ORDER,
    _LIMIT,
    _CURSOR,
)


# --- what clients ask ---


def _asked(http: Http) -> Request:
    from reelkeep.dialects.reelkeep.tasks.wire import asked

    return asked(http.json())


def listing(http: Http) -> Listing:
    asked = query(http, *_LISTING)
    chosen = filter_of(asked, _LISTING)
    if len(chosen.task_ids) > _LARGEST_PAGE:
        raise wrong(_IDS.name, f"is given more than {_LARGEST_PAGE} times")
    owner = _OWNER.read(asked)
    if owner not in ("", EVERY_OWNER) and not is_owner(owner):
        raise wrong(_OWNER.name, f"must be an owner's name, or {EVERY_OWNER}")
    return Listing(
        owner=owner,
        filter=chosen,
        size=_LIMIT.read(asked),
        cursor=_CURSOR.read(asked),
        oldest_first=_ORDER.read(asked) == _OLDEST,
    )


def _id(http: Http) -> str:
    return http.variables["task_id"]


def _labels(http: Http) -> Labels:
    from reelkeep.dialects.reelkeep.tasks.wire import TaskChange
    from reelkeep.dialects.values import read

    said: dict[str, Any] = read(TaskChange, http.json()).model_dump(exclude_unset=True)
    tags = tuple(dict.fromkeys(said["tags"])) if "tags" in said else None
    return Labels(_id(http), tags, said.get("starred"))


# --- what they are answered ---


class _NamedFile(NamedTuple):
    name: str
    url: str
    file: ArchivedFile


class File(Shape):
    name: str = shows("name", says="video, cover, watermarked, moderation-1, last-frame, …")
    url: Url = shows("url", says="Permanent.")
    bytes: int = shows("file.bytes")
    sha256: str | None = shows("file.sha256", None, says="Hexadecimal, as sha256sum prints it.")
    crc32: str | None = shows("file.crc32", None, says="Hexadecimal; instead of sha256 for a file beyond 64 MiB.")
    content_type: str = shows("file.content_type")


class Video(Shape):
    duration: float | None = shows(lambda view: view.fact("duration"), says="In seconds.")
    fps: float | None = shows(lambda view: view.fact("fps"))
    width: int | None = shows(lambda view: view.fact("width"), says="In pixels.")
    height: int | None = shows(lambda view: view.fact("height"), says="In pixels.")
    codec: str | None = shows(lambda view: view.measured("codec"), None, says="h264, hevc, …")
    sound: bool | None = shows(lambda view: view.measured("sound"), says="Whether it has a track of sound.")


def _files(view: View) -> list[dict[str, Any]]:
    assets = ((asset.name, asset.archived) for asset in view.creation.assets)
    return [File.of(_NamedFile(name, view.files[name], file)) for name, file in assets if file]


class MissingFile(Shape):
    name: str = shows("name")
    reason: str = shows(lambda asset: asset.lost or asset.last_error)
    given_up: bool = shows(
        "lost", write=bool, says="If not, it is fetched later, and announced by `reelkeep.task.updated`."
    )


def _missing(view: View) -> list[dict[str, Any]]:
    return [MissingFile.of(asset) for asset in view.creation.assets if not asset.archived]


class Creation(Shape):
    """One result. Everything it links to is in the archive, checked, and stays."""

    id: str = shows("creation.id", says="The provider's.")
    url: Url | None = shows(lambda view: view.files.get("video"))
    cover_url: Url | None = shows(lambda view: view.files.get("cover"))
    watermarked_url: Url | None = shows(lambda view: view.files.get("watermarked"))
    last_frame_url: Url | None = shows(lambda view: view.files.get("last-frame"))
    moderation_urls: list[Url] = shows(lambda view: [view.files[name] for name in view.files if "moderation" in name])
    video: Video = shows(Video.of)
    files: list[File] = shows(_files)
    missing: list[MissingFile] = shows(_missing, says="What the provider made and is not in the archive.")


def _without_data(source: str) -> str:
    """The client knows what its data URIs hold, and megabytes do not fit an answer."""
    return source.split(",")[0] + ",..." if source.startswith("data:") else source


def _creations(view: View) -> list[dict[str, Any]]:
    """What is in the archive, once the task has ended: a client that sees creations may take them for all."""
    made = view.task.creations if view.links and view.task.state.terminal else ()
    return [Creation.of(View(view.task, view.links, each)) for each in made]


class Difference(Shape):
    creation: str = shows("creation")
    what: str = shows("what", says="duration, resolution, size, aspect_ratio, audio or codec.")
    ordered: str | None = shows("ordered", None, says="Null if it is as it was ordered, or nothing was said of it.")
    claimed: str | None = shows("claimed", None, says="The provider's word; null if the file bears it out.")
    delivered: str = shows("delivered", says="What the archived video is.")


class Adopted(Shape):
    """Why there is a task that nobody submitted here."""

    at: Moment = shows("task.adopted.at", write=rfc3339)
    provider_task_id: str = shows("task.provider_task_id")
    lost_task: str | None = shows(
        "task.adopted.lost_task", None, says="The task that was given up before its outcome was known."
    )


class Place(Shape):
    """In the line of those that wait for the same provider."""

    position: int = shows("position", says="1 is next.")
    expected_start: Moment = shows(
        "expected_start", write=rfc3339, says="If the tasks before it take their usual time."
    )
    at_least: bool = shows(
        "at_least",
        says="Whether the position is only the smallest that it can be, and the start the earliest. "
        "Of very many tasks in line not all are counted.",
    )


class Eta(Shape):
    """When the task is expected to end at its provider, from what others like it took; then files are archived."""

    p50: Moment = shows("p50", write=rfc3339, says="It is as likely to end sooner as later.")
    p90: Moment = shows("p90", write=rfc3339, says="Nine tasks of ten end sooner.")


class Task(Shape):
    """The task."""

    id: str = shows("task.id")
    owner: str = shows("task.owner", says="Whose it is.")
    state: State = shows("task.state", says="In this order; the last four are final.")
    kind: Kind = shows("request.kind")
    provider: str = shows("task.provider")
    provider_task_id: str | None = shows("task.provider_task_id", None, says="The provider's own, once it has one.")
    model: str | None = shows("request.model", None)
    prompt: str | None = shows("request.prompt", None)
    images: list[str] = shows(
        lambda view: [*map(_without_data, view.request.images)], says="Of a data URI only its beginning is shown."
    )
    video_url: str | None = shows("request.video_url", None, write=_without_data)
    creation_id: str | None = shows("request.creation_id", None)
    template: str | None = shows("request.template", None)
    duration: int | None = shows("request.duration")
    resolution: str | None = shows("request.resolution", None)
    aspect_ratio: str | None = shows("request.aspect_ratio", None)
    seed: int | None = shows("seed", says="The one that was used, once it is known.")
    audio: bool | None = shows("request.audio")
    off_peak: bool = shows("request.off_peak")
    payload: str | None = shows("request.payload", None, says="A listing leaves out what is very long.")
    priority: Priority = shows("request.priority")
    waiting: Place | None = shows(
        "task.place",
        write=Place.of,
        says="Shown with a single task that waits for room at its provider, and has cost nothing so far.",
    )
    eta: Eta | None = shows(
        "task.eta",
        write=Eta.of,
        says="As expected at this moment; later from moment to moment if the task is late. Null once the provider is "
        "done, and for a task in line whose place is not shown.",
    )
    tags: list[str] = shows("request.tags", write=list)
    starred: bool = shows("task.starred")
    hidden_at: Moment | None = shows("task.removed_at", write=rfc3339, says="`restore` undoes it for 30 days.")
    created_at: Moment = shows("task.created_at", write=rfc3339)
    updated_at: Moment = shows("task.updated_at", write=rfc3339)
    started_at: Moment | None = shows(
        "task.processing_at",
        write=rfc3339,
        says="When the provider was first seen to work on it; null if it was not seen at work.",
    )
    ready_at: Moment | None = shows(
        "task.succeeded_at", write=rfc3339, says="When the provider was seen to be done, with success."
    )
    finished_at: Moment | None = shows(
        "task.finished_at", write=rfc3339, says="Of a success: when its files were in the archive."
    )
    deadline: Moment = shows(
        "task.deadline", write=rfc3339, says="Without a result by then, the task ends as expired."
    )
    credits: float | None = shows("task.credits", write=as_number, says="What the provider charged.")
    cost: Cost = shows("task", write=Cost.of, says="What the task costs, as far as it is known.")
    failure: Failure | None = shows("task.failure", write=Failure.of)
    last_error: str | None = shows(
        "task.last_error", None, says="What delays the task, or one of its files, at present."
    )
    adopted: Adopted | None = shows(
        lambda view: Adopted.of(view) if view.task.adopted else None, says="For what the provider made without us."
    )
    adopted_as: str | None = shows("task.adopted_as", None, says="The task that holds what came of it after all.")
    possible_repeat: str | None = shows(
        "task.possible_repeat",
        None,
        says="The task of the same request shortly before, which an SDK may have repeated by itself.",
    )
    creations: list[Creation] = shows(_creations, says="Empty until the task has ended.")
    differs: list[Difference] = shows(
        lambda view: [*map(Difference.of, differences(view.task))] if view.task.state.terminal else [],
        says="Where a video is not what was ordered, or what the provider claims: a reason to ask for a refund.",
    )


class ErasedTask(Shape):
    """What stays of the task."""

    id: str = shows("task.id")
    state: State = shows("task.state", says="In which it had ended.")
    provider: str = shows("task.provider")
    provider_task_id: str | None = shows("task.provider_task_id", None, says="Under which the provider may know it.")
    created_at: Moment = shows("task.created_at", write=rfc3339)
    erased_at: Moment | None = shows("task.erased_at", write=rfc3339)


class TaskPage(Shape):
    tasks: list[Task] = shows(lambda views: [*map(Task.of, views.tasks)])
    next_cursor: str | None = shows(
        "page.next_cursor",
        None,
        write=_CURSOR.write,
        says="Of the page after this one; null on the last. One request reads only so much: a page that few tasks "
        "match may have a cursor and few tasks, or none.",
    )


_ALL, _ONE = "/tasks", "/tasks/{task_id}"
_NEW: Any = {"status": 201, "headers": lambda view: {"location": f"/tasks/{view.task.id}"}}
ROUTES: tuple[AnyRoute, ...] = (
    Submit(_ALL, "submitTask", Task, body="NewTask", parse=_asked, **_NEW),
    List(_ALL, "listTasks", TaskPage, parameters=_LISTING, parse=listing, shows_eta=True),
    Show(_ONE, "showTask", Task, shows_place=True),
    Cancel(f"{_ONE}/cancel", "cancelTask", Task),
    Operation(_ONE, "changeTask", Task, method="PATCH", body="TaskChange", parse=_labels),
    Operation(_ONE, "hideTask", Task, method="DELETE", parse=_id),
    Operation(f"{_ONE}/restore", "restoreTask", Task, method="POST", parse=_id),
    Operation(f"{_ONE}/revoke-links", "revokeTaskLinks", Task, method="POST", parse=_id),
    Operation(f"{_ONE}/erase", "eraseTask", ErasedTask, method="POST", parse=_id),
)
