"""What clients send to have a task made, one model a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import ConfigDict, Field, StrictBool

from reelkeep.dialects.reelkeep import NAME
from reelkeep.dialects.reelkeep.wire import Body, Name, Tag, optional
from reelkeep.dialects.values import Film, Image, Url, Whole, formed, read
from reelkeep.domain import tags
from reelkeep.domain.errors import Missing, wrong
from reelkeep.domain.task import Kind, Priority, Request
from reelkeep.domain.wire import Json

Prompt = Annotated[str, Field(min_length=1, max_length=5000)]
Ratio = Annotated[
    str,
    formed(
        r"^([1-9][0-9]{0,3}:[1-9][0-9]{0,3}|auto|adaptive)$",
        "must be two whole numbers, as in 16:9, or a word that the provider knows (auto, adaptive)",
    ),
]
Seconds = Annotated[int, Whole(1, 600)]


class Submission(Body):
    kind: Kind
    model: Name = optional(says="Decides which provider serves the task, unless `provider` does.")
    provider: Name = optional(says="The provider to use, by name.")
    priority: Priority = optional(
        says="Which of your tasks goes first while they wait for room at the provider: `high`, `normal` (as "
        "without this field), then `low`. Owners take turns whatever their tasks' priorities are.",
        examples=["high"],
    )
    payload: str = optional(max_length=1_048_576, says="Comes back with the task, unchanged.")
    tags: list[Tag] = optional(
        max_length=tags.MOST, says="To find it again, and for subscriptions to filter by.", examples=[["campaign-7"]]
    )
    callback_url: Url = optional(
        says="Gets a message at each change of the task's state, signed with the secret of the webhook `callbacks`.",
        examples=["https://example.com/hooks/reelkeep"],
    )


class TaskChange(Body):
    tags: list[Tag] = optional(
        max_length=tags.MOST, says="Instead of all that it has; subscriptions filter by them from then on."
    )
    starred: StrictBool = optional()


class Generation(Submission):
    """What is made from words and pictures."""

    prompt: Prompt = optional()
    duration: Seconds = optional(says="In seconds.")
    resolution: Name = optional(examples=["720p"])
    aspect_ratio: Ratio = optional(examples=["16:9"])
    seed: Annotated[int, Whole(0, 2**32 - 1)] = optional(
        says="The same seed gives a similar video. At random if absent."
    )
    audio: StrictBool = optional(says="Whether the video has sound.")
    off_peak: StrictBool = Field(False, description="Cheaper; finished within 48 hours.")


class Text2Video(Generation):
    kind: Literal[Kind.TEXT2VIDEO]
    prompt: Prompt


class Img2Video(Generation):
    kind: Literal[Kind.IMG2VIDEO]
    images: list[Image] = Field(
        min_length=1,
        max_length=1,
        description="The first frame: a URL, a data: URI, or `reelkeep:<task>/<file>`, such as `…/last-frame`.",
    )


class Reference2Video(Generation):
    kind: Literal[Kind.REFERENCE2VIDEO]
    images: list[Image] = Field(min_length=1, max_length=7, description="What the video shows.")


class StartEnd2Video(Generation):
    kind: Literal[Kind.START_END2VIDEO]
    images: list[Image] = Field(min_length=2, max_length=2, description="The first frame and the last.")


class Template2Video(Generation):
    kind: Literal[Kind.TEMPLATE2VIDEO]
    template: Name
    images: list[Image] = Field(min_length=1, max_length=7)


class Multiframe(Generation):
    kind: Literal[Kind.MULTIFRAME]
    images: list[Image] = Field(min_length=2, max_length=10, description="The frames that the video goes through.")


_ONE_SOURCE: dict[str, Json] = {  # not by oneOf: generators of clients would take that for two types
    "if": {"required": ["video_url"]},
    "then": {"not": {"required": ["creation_id"]}},
    "else": {"required": ["creation_id"]},
}


class Extend(Generation):
    model_config = ConfigDict(json_schema_extra=_ONE_SOURCE)

    kind: Literal[Kind.EXTEND]
    video_url: Film = optional(says="Or `reelkeep:` and the id of a task of yours, for its video.")
    creation_id: Name = optional(says="An earlier creation, instead of `video_url`.")
    images: list[Image] = optional(max_length=1, says="The last frame.")


class Upscale(Submission):
    model_config = ConfigDict(json_schema_extra=_ONE_SOURCE)

    kind: Literal[Kind.UPSCALE]
    video_url: Film = optional(says="Or `reelkeep:` and the id of a task of yours, for its video.")
    creation_id: Name = optional(says="An earlier creation, instead of `video_url`.")
    resolution: Name = optional(examples=["4K"])
    duration: Seconds = optional(says="In seconds, for providers that want to know.")


class LipSync(Submission):
    kind: Literal[Kind.LIP_SYNC]
    video_url: Film
    prompt: Prompt = Field(description="What is said.")


NewTask = Annotated[
    Text2Video
    | Img2Video
    | Reference2Video
    | StartEnd2Video
    | Template2Video
    | Multiframe
    | Extend
    | Upscale
    | LipSync,
    Field(discriminator="kind"),
]
_BODIES: tuple[type[Submission], ...] = get_args(get_args(NewTask)[0])
KINDS = {str(kind): body for body in _BODIES for kind in get_args(body.model_fields["kind"].annotation)}


def asked(sent: Mapping[str, Json]) -> Request:
    """The request that a body stands for. Raises InvalidRequest. Only the model of its own kind is built."""
    kinds = f"must be one of {', '.join(KINDS)}"
    if "kind" not in sent:
        message = f"is required; it {kinds}"
        raise Missing(f"kind {message}", field="kind", wrong=(("kind", message),))
    kind = sent["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise wrong("kind", kinds)
    said = read(KINDS[kind], sent).model_dump(exclude_unset=True)
    if KINDS[kind] in (Extend, Upscale) and ("video_url" in said) is ("creation_id" in said):
        raise wrong("video_url", "or creation_id is required, and only one of them")
    said |= {"images": tuple(said.get("images", ())), "tags": tuple(dict.fromkeys(said.get("tags", ())))}
    return Request(dialect=NAME, body=sent, **said)
