"""The bodies of OpenAI's Videos: what clients send, what they get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.families import openai_wire
from reelkeep.dialects.families.openai_wire import Error as Error
from reelkeep.dialects.families.openai_wire import Moment, Status
from reelkeep.dialects.translate import Body
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json


class Submission(openai_wire.Submission):
    model_config = ConfigDict(json_schema_extra={"examples": [openai_wire.EXAMPLE | {"seconds": "5"}]})

    @classmethod
    def express(cls, request: Request) -> dict[str, Json]:
        """With the same said in OpenAI's own words, which some of a gateway's channels pass on as they are."""
        body = super().express(request)
        seconds = {"seconds": str(request.duration)} if request.duration else {}
        return {**body, **seconds, **({"input_reference": body["image"]} if "image" in body else {})}


class Form(Submission):
    """The same; names may have brackets, as in `metadata[seed]` and `images[]`."""

    input_reference: bytes | None = Field(None, description="A picture, as a file.")  # type: ignore[assignment]


BODIES: Mapping[Kind, type[Body]] = dict.fromkeys(openai_wire.IMAGES, Submission)

# --- what is answered ---


class Failure(TypedDict):
    code: str
    message: str


class Links(TypedDict):
    url: Annotated[str, Field(description="Permanent; needs no key.", json_schema_extra={"format": "uri"})]


class Video(TypedDict):
    id: str
    object: Literal["video"]
    model: str
    status: Status
    progress: Annotated[int, Field(ge=0, le=100)]
    created_at: Moment
    completed_at: Moment | None
    expires_at: Annotated[None, Field(description="Never.")]
    prompt: str | None
    remixed_from_video_id: None
    seconds: str
    size: Annotated[str, Field(description="As it was asked for, or as is usual; once completed, as it is.")]
    error: Failure | None
    metadata: NotRequired[Links]


class VideoList(TypedDict):
    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Model(TypedDict):
    id: str
    object: Literal["model"]
    created: Annotated[int, Field(description="Not known: 0.")]
    owned_by: Annotated[str, Field(description="The provider that serves it.")]


class ModelList(TypedDict):
    """The models that are known by name."""

    object: Literal["list"]
    data: list[Model]


class Deleted(TypedDict):
    id: str
    object: Literal["video.deleted"]
    deleted: Literal[True]
