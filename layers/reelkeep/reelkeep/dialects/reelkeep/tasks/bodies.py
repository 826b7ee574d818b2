"""The JSON bodies of tasks, as a client gets them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.reelkeep.bodies import Failure, Moment, Problem, described
from reelkeep.dialects.reelkeep.tasks.submissions import KINDS, AnySubmission
from reelkeep.domain.task import Kind, State
from reelkeep.domain.wire import Json

Link = Annotated[str, Field(json_schema_extra={"format": "uri"}, description="Permanent.")]


class File(TypedDict):
    name: Annotated[str, Field(description="video, cover, watermarked, moderation-1, last-frame, …")]
    url: Link
    bytes: int
    sha256: Annotated[str | None, Field(description="Hexadecimal, as sha256sum prints it.")]
    crc32: Annotated[str | None, Field(description="Hexadecimal; instead of sha256 for a file beyond 64 MiB.")]
    content_type: str


class Video(TypedDict):
    duration: Annotated[float | None, Field(description="In seconds.")]
    fps: float | None
    width: Annotated[int | None, Field(description="In pixels.")]
    height: Annotated[int | None, Field(description="In pixels.")]


class Creation(TypedDict):
    """One result. Everything it links to is in the archive, checked, and stays."""

    id: Annotated[str, Field(description="The provider's.")]
    url: Link | None
    cover_url: Link | None
    watermarked_url: Link | None
    last_frame_url: Link | None
    moderation_urls: list[Link]
    video: Video
    files: list[File]


class Adopted(TypedDict):
    """Why there is a task that nobody submitted here."""

    at: Moment
    provider_task_id: str
    lost_task: Annotated[str | None, Field(description="The task that was given up before its outcome was known.")]


class Task(TypedDict):
    id: str
    state: Annotated[State, Field(description="In this order; the last four are final.")]
    kind: Kind
    provider: str
    model: str | None
    prompt: str | None
    images: Annotated[list[str], Field(description="Of a data URI only its beginning is shown.")]
    video_url: str | None
    creation_id: str | None
    template: str | None
    duration: int | None
    resolution: str | None
    aspect_ratio: str | None
    seed: Annotated[int | None, Field(description="The one that was used, once it is known.")]
    audio: bool | None
    off_peak: bool
    payload: Annotated[str | None, Field(description="A listing leaves out what is very long.")]
    tags: list[str]
    created_at: Moment
    updated_at: Moment
    finished_at: Moment | None
    deadline: Annotated[Moment, Field(description="Without a result by then, the task ends as expired.")]
    credits: Annotated[int | None, Field(description="What the provider charged.")]
    failure: Failure | None
    last_error: Annotated[str | None, Field(description="What delays the task, or one of its files, at present.")]
    adopted: Annotated[Adopted | None, Field(description="For what the provider made without us.")]
    adopted_as: Annotated[str | None, Field(description="The task that holds what came of it after all.")]
    possible_repeat: Annotated[
        str | None,
        Field(description="The task of the same request shortly before, which an SDK may have repeated by itself."),
    ]
    creations: Annotated[list[Creation], Field(description="Empty until the task has ended.")]


class TaskPage(TypedDict):
    tasks: list[Task]
    next_cursor: Annotated[str | None, Field(description="Of the page after this one; null on the last.")]


def schemas() -> dict[str, Json]:
    """The JSON schemas of all that is sent and received of tasks, by name."""
    return described(KINDS.values(), [Task, TaskPage, Problem], unions={"NewTask": AnySubmission})
