"""The bodies of OpenAI's Videos: what clients send, what they get."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from reelkeep.dialects.families import openai_wire
from reelkeep.dialects.translate import Body
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json


class Submission(openai_wire.Submission):
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
