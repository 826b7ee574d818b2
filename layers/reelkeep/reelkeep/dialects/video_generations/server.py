"""New-api's video generations, as they are served to clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from reelkeep.dialects.dialect import Show, Submit, submission_of
from reelkeep.dialects.families import openai
from reelkeep.dialects.families.openai import Status
from reelkeep.dialects.replies import Shape, Url, View, always, shows, unix, words
from reelkeep.dialects.video_generations import NAME, PATH
from reelkeep.domain.task import FailureClass, State

_CODES = {  # in a task's body a whole number, in the body of a refusal a word: so the page has it
    FailureClass.POLICY: 400,
    FailureClass.INPUT: 400,
    FailureClass.CREDIT: 402,
    FailureClass.CANCELLED: 409,
    FailureClass.EXPIRED: 408,
    FailureClass.DEADLINE: 408,
    FailureClass.THROTTLED: 429,
}
EnvelopeStatus = Literal["SUBMITTED", "QUEUED", "IN_PROGRESS", "SUCCESS", "FAILURE"]
_STATUSES = words("SUBMITTED QUEUED IN_PROGRESS IN_PROGRESS SUCCESS FAILURE FAILURE FAILURE")


def _why(view: View) -> str:
    failure = view.task.failure
    return f"{openai.code_of(failure)}: {openai.message_of(failure)}" if failure else ""


def _started(view: View) -> int:
    return 0 if view.task.state in (State.CREATED, State.QUEUEING) else unix(view.task.created_at)


def _progress(view: View) -> str:
    return f"{100 if view.task.state.terminal else openai.PROGRESS.get(view.task.state, 0)}%"


def _rounded(name: str, digits: int | None = None) -> Any:
    return lambda view: view.fact(name) and round(view.fact(name), digits)


def _format(view: View) -> str | None:
    video = view.creation.asset("video")
    return video.archived.key.rpartition(".")[2] if video and video.archived else None


class Submitted(Shape):
    """What the page documents, and the fields that new-api has added to it since."""

    id: str = shows("task.id")
    task_id: str = shows("task.id")
    object: Literal["video"] = always("video")
    model: str = shows("request.model")
    status: Status = shows(openai.status)
    progress: Literal[0] = always(0)
    created_at: int = shows("task.created_at", write=unix, says="Seconds since 1970.")


class Failure(Shape):
    code: int = shows(lambda view: _CODES.get(view.task.failure.reason, 500))
    message: str = shows(_why)


class Metadata(Shape):
    """What is not known is left out."""

    duration: float = shows(_rounded("duration", 3), optional=True, says="In seconds.")
    fps: int = shows(_rounded("fps"), optional=True)
    width: int = shows(_rounded("width"), optional=True)
    height: int = shows(_rounded("height"), optional=True)
    seed: int = shows("seed", optional=True)


class Enveloped(Shape):
    """The task as new-api's releases have it. Moments are 0 until they come."""

    task_id: str = shows("task.id")
    status: EnvelopeStatus = shows(lambda view: _STATUSES[view.task.state])
    fail_reason: str = shows(_why)
    result_url: str = shows(lambda view: view.file("video"))
    submit_time: int = shows("task.created_at", write=unix, says="Seconds since 1970.")
    start_time: int = shows(_started, says="Seconds since 1970.")
    finish_time: int = shows("task.finished_at", 0, write=unix, says="Seconds since 1970.")
    progress: str = shows(_progress, says="In percent, as in 50%.")


class Task(Shape):
    """What the page documents; beside it the envelope that new-api's releases answer with."""

    task_id: str = shows("task.id")
    status: Status = shows(openai.status)
    url: Url = shows(lambda view: view.files.get("video"), optional=True, says="Permanent; needs no key.")
    format: str = shows(_format, optional=True, says="As in mp4.")
    metadata: Metadata = shows(lambda view: Metadata.of(view) if view.succeeded else None, optional=True)
    error: Failure = shows(lambda view: Failure.of(view) if view.task.failure else None, optional=True)
    code: Literal["success"] = always("success")
    message: Literal[""] = always("")
    data: Enveloped = shows(Enveloped.of)


class _Server(openai.Server):
    name = NAME
    prefixes = ("/v1/video/",)
    known: Mapping[str, str] = {"resolution": "size", "aspect_ratio": "size", "kind": "images"}
    routes = (
        Submit(
            PATH, "submitVideoGeneration", Submitted, form="Submission", parse=submission_of(NAME, sent=openai.sent)
        ),
        Show(f"{PATH}/{{task_id}}", "showVideoGeneration", Task),
    )


dialect = _Server()
