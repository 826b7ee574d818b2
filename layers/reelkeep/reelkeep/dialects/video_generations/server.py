"""POST and GET /v1/video/generations, as their server speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from reelkeep.dialects.dialect import AnyRoute, Reply, Show, Submit
from reelkeep.dialects.grammar import openai_words, video_openapi, video_request
from reelkeep.dialects.grammar.described import EXAMPLE_ID, TEXT, record, words
from reelkeep.dialects.grammar.moments import unix
from reelkeep.dialects.video_generations import NAME, PATH
from reelkeep.domain.links import Links
from reelkeep.domain.task import FailureClass, State, Task
from reelkeep.domain.wire import Json

_SCHEMAS = "VideoGenerations"
_CODES = {  # in a task's body a whole number, in the body of a refusal a word: so the page has it
    FailureClass.POLICY: 400,
    FailureClass.INPUT: 400,
    FailureClass.CREDIT: 402,
    FailureClass.CANCELLED: 409,
    FailureClass.EXPIRED: 408,
    FailureClass.DEADLINE: 408,
    FailureClass.THROTTLED: 429,
}


class _Server(openai_words.Server):
    name = NAME
    prefixes: tuple[str, ...] = ("/v1/video/",)
    spelled: Mapping[str, str] = {"resolution": "size"}

    @property
    def routes(self) -> tuple[AnyRoute, ...]:
        parse = partial(video_request.asked, NAME)
        return (
            Submit(method="POST", path=PATH, description=_SUBMIT, parse=parse, render=_submitted),
            Show(method="GET", path=f"{PATH}/{{task_id}}", description=_SHOW, render=_shown),
        )

    @property
    def schemas(self) -> Mapping[str, Any]:
        return {f"{_SCHEMAS}{name}": schema for name, schema in _BODIES.items()}


dialect = _Server()


def _submitted(task: Task) -> Reply:
    """What the page documents, and the fields that new-api has added to it since."""
    return Reply(
        body={
            "id": task.id,
            "task_id": task.id,
            "object": "video",
            "model": task.request.model,
            "status": openai_words.STATUSES[task.state],
            "progress": 0,
            "created_at": unix(task.created_at),
        }
    )


def _shown(task: Task, links: Links) -> Reply:
    shown: dict[str, Json] = {"task_id": task.id, "status": openai_words.STATUSES[task.state]}
    if task.state is State.SUCCESS:
        shown |= _result(task, links)
    if task.failure:
        words = openai_words.code_of(task.failure), openai_words.message_of(task.failure)
        shown["error"] = {"code": _CODES.get(task.failure.reason, 500), "message": ": ".join(words)}
    return Reply(body=shown)


def _result(task: Task, links: Links) -> dict[str, Json]:
    """Of the first video; what is not known of it is left out."""
    creation = task.creations[0]
    video = creation.asset("video")
    kept = video.kept if video else None
    facts = openai_words.facts(creation)
    metadata = {
        "duration": facts["duration"] and round(facts["duration"], 3),
        "fps": facts["fps"] and round(facts["fps"]),
        "width": facts["width"],
        "height": facts["height"],
        "seed": task.request.seed if task.seed is None else task.seed,
    }
    return {
        **({"url": links(kept), "format": kept.key.rpartition(".")[2]} if kept else {}),
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }


# --- the document ---

_BODIES: Mapping[str, Json] = {
    "Error": video_openapi.ERROR,
    "Submission": video_openapi.asked(
        {"model": "viduq3-pro", "prompt": "A paper boat on a pond at dawn", "duration": 5, "size": "1280x720"}
    ),
    "Submitted": record(
        {
            "id": TEXT,
            "task_id": TEXT,
            "object": {"const": "video"},
            "model": TEXT,
            "status": words("queued", "in_progress"),
            "progress": {"const": 0},
            "created_at": {"type": "integer", "description": "Unix time, in seconds."},
        }
    ),
    "Task": record(
        {
            "task_id": TEXT,
            "status": words("queued", "in_progress", "completed", "failed"),
            "url": {**TEXT, "format": "uri", "description": "Permanent; needs no key."},
            "format": {**TEXT, "description": "As in mp4."},
            "metadata": record(
                {
                    "duration": {"type": "number", "description": "In seconds."},
                    "fps": {"type": "integer"},
                    "width": {"type": "integer"},
                    "height": {"type": "integer"},
                    "seed": {"type": "integer"},
                },
                required=(),
            ),
            "error": record({"code": {"type": "integer"}, "message": TEXT}),
        },
        required=("task_id", "status"),
    ),
}
_describe = partial(video_openapi.operation, _SCHEMAS)
_SUBMIT = _describe(
    "submitVideoGeneration",
    "Submit a task",
    "Submitted",
    {**video_openapi.EXAMPLE_TASK, "task_id": EXAMPLE_ID, "status": "queued", "progress": 0},
    asked={"application/json": "Submission", "multipart/form-data": "Submission"},
    description="What it is made of follows from what there is: words alone, or pictures too.",
)
_SHOW = _describe(
    "showVideoGeneration",
    "Show a task",
    "Task",
    {
        "task_id": EXAMPLE_ID,
        "status": "completed",
        "url": video_openapi.LINK,
        "format": "mp4",
        "metadata": {"duration": 5.042, "fps": 24, "width": 1280, "height": 720, "seed": 20231234},
    },
    description="The link to the file is there once it is completed, and stays.",
)
