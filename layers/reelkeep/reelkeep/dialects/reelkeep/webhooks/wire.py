"""What clients send about webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool
from typing_extensions import TypeAliasType

from reelkeep.dialects.reelkeep.wire import Body, optional
from reelkeep.dialects.values import ErrorSentence, Url
from reelkeep.domain.notices.notice import News
from reelkeep.domain.notices.webhooks import ANNOUNCED_STATES, DEFAULT_STATES, BodyFormat
from reelkeep.domain.task import State

WebhookEvent = TypeAliasType(
    "WebhookEvent",
    Annotated[
        Literal[
            State.PROCESSING,
            State.ARCHIVING,
            State.SUCCESS,
            State.FAILED,
            State.CANCELLED,
            State.EXPIRED,
            News.DIFFERS,
            News.BUDGET,
        ],  # those of `ANNOUNCED_STATES`, and all of News
        Field(
            description="A state that a task can come into; `differs`: it succeeded, and a video is not what was "
            "ordered; or `budget`: your money for a day or a month is used to 50, 80 or 100 %."
        ),
    ],
)


def _each_once(events: list[State | News]) -> list[State | News]:
    if len(set(events)) < len(events):
        raise ValueError
    return events


Events = Annotated[
    list[WebhookEvent],
    Field(
        min_length=1,
        description="What is announced: the states of a task when it comes into them, and other news of it.",
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_each_once),
    ErrorSentence(f"must have some of {', '.join([*ANNOUNCED_STATES, *News])}, each once"),
]
ShortUrl = Annotated[
    Url,
    Field(
        max_length=2048,
        description="https, and on the public internet.",
        examples=["https://example.com/hooks/reelkeep"],
    ),
]
_ACTIVE = "Whether messages are sent; while they are not, they are held."


class WebhookChange(Body):
    url: ShortUrl = optional()
    events: Events = optional()
    body: BodyFormat = optional()
    description: Annotated[str, Field(max_length=256)] = optional(says="Yours, for yourself.")
    active: StrictBool = optional(says=_ACTIVE)


class NewWebhook(WebhookChange):
    url: ShortUrl
    events: Events = optional(
        says=f"The states of a task that are announced. If absent: {', '.join(DEFAULT_STATES)}."
    )
    body: BodyFormat = optional(says=f"`{BodyFormat.EVENT}` if absent.")
    active: StrictBool = optional(says=f"{_ACTIVE} True if absent.")
