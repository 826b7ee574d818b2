"""What a client may send to have a task made: one model a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from reelkeep.dialects.reelkeep import bodies
from reelkeep.dialects.reelkeep.bodies import Image, Name, Prompt, Ratio, Seconds, Seed, Tag, Url
from reelkeep.dialects.reelkeep.problems import InvalidFields, wrong
from reelkeep.domain import tags
from reelkeep.domain.task import Kind, Request
from reelkeep.domain.wire import Json


def _example(kind: Kind, **fields: Json) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [{"kind": kind.value, **fields}]})


class Submission(BaseModel):
    model_config = ConfigDict(
        defer_build=True, extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=()
    )
    of: ClassVar[Kind]

    kind: StrictStr
    model: Name = Field("", description="Decides which provider serves the task, unless `provider` does.")
    provider: Name = Field("", description="The provider to use, by name.")
    payload: StrictStr = Field("", max_length=1_048_576, description="Comes back with the task, unchanged.")
    tags: list[Tag] = Field(
        [], max_length=tags.MOST, description="For subscriptions to filter by.", examples=[["campaign-7"]]
    )
    callback_url: Url = Field(
        "",
        description="Is told of each change of the task's state, signed with the secret of the webhook `callbacks`.",
        examples=["https://example.com/hooks/reelkeep"],
    )


class Generation(Submission):
    """What is made from words and pictures."""

    prompt: Prompt = ""
    duration: Seconds | None = Field(None, description="In seconds.")
    resolution: Name = Field("", examples=["720p"])
    aspect_ratio: Ratio = Field("", examples=["16:9"])
    seed: Seed | None = Field(None, description="The same seed gives a similar video. At random if absent.")
    audio: StrictBool | None = Field(None, description="Whether the video has sound.")
    off_peak: StrictBool = Field(False, description="Cheaper; finished within 48 hours.")


class Text2Video(Generation):
    of = Kind.TEXT2VIDEO
    model_config = _example(of, model="viduq3-pro", prompt="A paper boat on a pond at dawn", duration=5)

    prompt: Prompt


class Img2Video(Generation):
    of = Kind.IMG2VIDEO
    model_config = _example(of, model="viduq2-pro", images=["https://example.com/boat.png"], resolution="720p")

    images: list[Image] = Field(min_length=1, max_length=1, description="The first frame.")


class Reference2Video(Generation):
    of = Kind.REFERENCE2VIDEO
    model_config = _example(of, model="viduq2", prompt="The boat at dusk", images=["https://example.com/boat.png"])

    images: list[Image] = Field(min_length=1, max_length=7, description="What the video shows.")


class StartEnd2Video(Generation):
    of = Kind.START_END2VIDEO
    model_config = _example(
        of, model="viduq2-pro", images=["https://example.com/first.png", "https://example.com/last.png"]
    )

    images: list[Image] = Field(min_length=2, max_length=2, description="The first frame and the last.")


class Template2Video(Generation):
    of = Kind.TEMPLATE2VIDEO
    model_config = _example(of, template="hugging", images=["https://example.com/two.png"])

    template: Name
    images: list[Image] = Field(min_length=1, max_length=7)


class Multiframe(Generation):
    of = Kind.MULTIFRAME
    model_config = _example(
        of, model="viduq2-turbo", images=[f"https://example.com/{number}.png" for number in (1, 2, 3)]
    )

    images: list[Image] = Field(min_length=2, max_length=10, description="The frames that the video goes through.")


_ONE_SOURCE: dict[str, Json] = {"oneOf": [{"required": ["video_url"]}, {"required": ["creation_id"]}]}


class Extend(Generation):
    of = Kind.EXTEND
    model_config = ConfigDict(
        json_schema_extra=_ONE_SOURCE
        | {"examples": [{"kind": of.value, "model": "viduq2-pro", "video_url": "https://example.com/boat.mp4"}]}
    )

    video_url: Url = ""
    creation_id: Name = Field("", description="An earlier creation, instead of `video_url`.")
    images: list[Image] = Field([], max_length=1, description="The last frame.")


class Upscale(Submission):
    of = Kind.UPSCALE
    model_config = ConfigDict(
        json_schema_extra=_ONE_SOURCE
        | {"examples": [{"kind": of.value, "creation_id": "885000000000000777", "resolution": "4K"}]}
    )

    video_url: Url = ""
    creation_id: Name = Field("", description="An earlier creation, instead of `video_url`.")
    resolution: Name = Field("", examples=["4K"])
    duration: Seconds | None = Field(None, description="In seconds, for providers that want to know.")


class LipSync(Submission):
    of = Kind.LIP_SYNC
    model_config = _example(of, video_url="https://example.com/talk.mp4", prompt="Good morning, everyone")

    video_url: Url
    prompt: Prompt = Field(description="What is said.")


KINDS: dict[str, type[Submission]] = {
    body.of.value: body
    for body in (
        Text2Video, Img2Video, Reference2Video, StartEnd2Video, Template2Video, Multiframe, Extend, Upscale,
        LipSync,
    )
}  # fmt: skip


def read(body: Mapping[str, Json]) -> Request:
    """The request that a body stands for. Raises InvalidFields."""
    kinds = f"must be one of {', '.join(KINDS)}"
    if "kind" not in body:
        raise InvalidFields([("kind", f"is required; it {kinds}")], missing=True)
    kind = body["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise wrong("kind", kinds)
    said = bodies.read(KINDS[kind], body, kind).model_dump(exclude_unset=True)
    if KINDS[kind] in (Extend, Upscale) and ("video_url" in said) is ("creation_id" in said):
        raise wrong("video_url", "or creation_id is required, and only one of them")
    said |= {"images": tuple(said.get("images", ())), "tags": tags.check(said.get("tags", ()), "tags")}
    return Request(dialect="reelkeep", body=body, **said | {"kind": Kind(kind)})
