"""New-api's video generations, as they are served to clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reelkeep.dialects.dialect import AnyRoute, Http, Reply, Show, Submit
from reelkeep.dialects.families import openai
from reelkeep.dialects.grammar.moments import unix
from reelkeep.dialects.video_generations import NAME, PATH
from reelkeep.domain.links import Links
from reelkeep.domain.task import FailureClass, Request, State, Task

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.video_generations import wire

_CODES = {  # in a task's body a whole number, in the body of a refusal a word: so the page has it
    FailureClass.POLICY: 400,
    FailureClass.INPUT: 400,
    FailureClass.CREDIT: 402,
    FailureClass.CANCELLED: 409,
    FailureClass.EXPIRED: 408,
    FailureClass.DEADLINE: 408,
    FailureClass.THROTTLED: 429,
}
_ENVELOPE_STATUSES: Mapping[State, wire.EnvelopeStatus] = {
    State.CREATED: "SUBMITTED",
    State.QUEUEING: "QUEUED",
    State.PROCESSING: "IN_PROGRESS",
    State.ARCHIVING: "IN_PROGRESS",
    State.SUCCESS: "SUCCESS",
}


class _Server(openai.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/v1/video/",)
    spelled: Mapping[str, str] = {"resolution": "size", "aspect_ratio": "size", "kind": "images"}

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        return _ROUTES


dialect = _Server()


def _asked(http: Http) -> Request:
    from reelkeep.dialects.translate import asked
    from reelkeep.dialects.video_generations.wire import Submission

    return asked(Submission, NAME, openai.sent(http))


def _submitted(task: Task) -> Reply:
    submitted: wire.Submitted = {
        "id": task.id,
        "task_id": task.id,
        "object": "video",
        "model": task.request.model,
        "status": openai.STATUSES[task.state],
        "progress": 0,
        "created_at": unix(task.created_at),
    }
    return Reply(body=submitted)


def _shown(task: Task, links: Links) -> Reply:
    video = task.creations[0].asset("video") if task.state is State.SUCCESS else None
    kept = video.archived if video else None
    url, failure = links(kept) if kept else "", task.failure
    message = f"{openai.code_of(failure)}: {openai.message_of(failure)}" if failure else ""
    shown: wire.Task = {
        "task_id": task.id,
        "status": openai.STATUSES[task.state],
        "code": "success",
        "message": "",
        "data": _enveloped(task, url, message),
    }
    if kept:
        shown |= {"url": url, "format": kept.key.rpartition(".")[2]}
    if task.state is State.SUCCESS:
        shown["metadata"] = _metadata(task)
    if failure:
        shown["error"] = {"code": _CODES.get(failure.reason, 500), "message": message}
    return Reply(body=shown)


def _metadata(task: Task) -> wire.Metadata:
    """Of the first video."""
    facts = openai.facts(task.creations[0])
    metadata = {
        "duration": facts["duration"] and round(facts["duration"], 3),
        "fps": facts["fps"] and round(facts["fps"]),
        "width": facts["width"],
        "height": facts["height"],
        "seed": task.request.seed if task.seed is None else task.seed,
    }
    return {name: value for name, value in metadata.items() if value is not None}  # type: ignore[return-value]


def _enveloped(task: Task, url: str, failure: str) -> wire.Enveloped:
    begun = task.state not in (State.CREATED, State.QUEUEING)
    progress = 100 if task.state.terminal else openai.PROGRESS.get(task.state, 0)
    return {
        "task_id": task.id,
        "status": _ENVELOPE_STATUSES.get(task.state, "FAILURE"),
        "fail_reason": failure,
        "result_url": url,
        "submit_time": unix(task.created_at),
        "start_time": unix(task.created_at) if begun else 0,
        "finish_time": unix(task.finished_at) if task.finished_at else 0,
        "progress": f"{progress}%",
    }


_ROUTES: tuple[AnyRoute, ...] = (
    Submit(
        method="POST",
        path=PATH,
        operation="submitVideoGeneration",
        summary="Submit a task",
        details="What it is made of follows from what there is: words alone, or pictures too.",
        body="Submission",
        form="Submission",
        reply="Submitted",
        parse=_asked,
        render=_submitted,
    ),
    Show(
        method="GET",
        path=f"{PATH}/{{task_id}}",
        operation="showVideoGeneration",
        summary="Show a task",
        details="The link to the file is there once it is completed, and stays. The same stands in `data` as well, "
        "in the envelope that new-api's releases answer with.",
        reply="Task",
        render=_shown,
    ),
)
