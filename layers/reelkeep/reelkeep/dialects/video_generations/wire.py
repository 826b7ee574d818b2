"""The bodies of new-api's video generations: what clients send, what they get."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.families.openai_wire import BODIES as BODIES
from reelkeep.dialects.families.openai_wire import Error as Error
from reelkeep.dialects.families.openai_wire import Moment, Status
from reelkeep.dialects.families.openai_wire import Submission as Submission


class Submitted(TypedDict):
    """What the page documents, and the fields that new-api has added to it since."""

    id: str
    task_id: str
    object: Literal["video"]
    model: str
    status: Status
    progress: Literal[0]
    created_at: Moment


class Failure(TypedDict):
    code: int
    message: str


class Metadata(TypedDict):
    """What is not known is left out."""

    duration: NotRequired[Annotated[float, Field(description="In seconds.")]]
    fps: NotRequired[int]
    width: NotRequired[int]
    height: NotRequired[int]
    seed: NotRequired[int]


EnvelopeStatus = Literal["SUBMITTED", "QUEUED", "IN_PROGRESS", "SUCCESS", "FAILURE"]


class Enveloped(TypedDict):
    """The task as new-api's releases have it. Moments are 0 until they come."""

    task_id: str
    status: EnvelopeStatus
    fail_reason: str
    result_url: str
    submit_time: Moment
    start_time: Moment
    finish_time: Moment
    progress: Annotated[str, Field(description="In percent, as in 50%.")]


class Task(TypedDict):
    """What the page documents; beside it the envelope that new-api's releases answer with."""

    task_id: str
    status: Status
    url: NotRequired[
        Annotated[str, Field(description="Permanent; needs no key.", json_schema_extra={"format": "uri"})]
    ]
    format: NotRequired[Annotated[str, Field(description="As in mp4.")]]
    metadata: NotRequired[Metadata]
    error: NotRequired[Failure]
    code: Literal["success"]
    message: Literal[""]
    data: Enveloped
