"""Webhooks and their deliveries: what a client sends, and what it is shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool
from typing_extensions import TypeAliasType, TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.reelkeep.wire import Body, Moment, optional
from reelkeep.dialects.translate import Said, Url
from reelkeep.domain.notices.webhooks import ANNOUNCED_STATES, DEFAULT_STATES, BodyFormat, Outcome, PauseReason
from reelkeep.domain.task import State

# --- what is sent ---

WebhookEvent = TypeAliasType(
    "WebhookEvent",
    Annotated[
        Literal[
            State.PROCESSING, State.ARCHIVING, State.SUCCESS, State.FAILED, State.CANCELLED, State.EXPIRED
        ],  # those of `ANNOUNCED_STATES`
        Field(description="A state that a task can come into."),
    ],
)


def _each_once(events: list[State]) -> list[State]:
    if len(set(events)) < len(events):
        raise ValueError
    return events


Events = Annotated[
    list[WebhookEvent],
    Field(
        min_length=1,
        description="The states of a task that are announced when it comes into them.",
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_each_once),
    Said(f"must hold some of {', '.join(ANNOUNCED_STATES)}, each once"),
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
    model_config = ConfigDict(json_schema_extra={"examples": [{"active": True}]})

    url: ShortUrl = optional()
    events: Events = optional()
    body: BodyFormat = optional()
    description: Annotated[str, Field(max_length=256)] = optional(description="Yours, for yourself.")
    active: StrictBool = optional(description=_ACTIVE)


class NewWebhook(WebhookChange):
    model_config = ConfigDict(json_schema_extra={"examples": [{"url": "https://example.com/hooks/reelkeep"}]})

    url: ShortUrl
    events: Events = optional(
        description=f"The states of a task that are announced. If absent: {', '.join(DEFAULT_STATES)}."
    )
    body: BodyFormat = optional(description=f"`{BodyFormat.EVENT}` if absent.")
    active: StrictBool = optional(description=f"{_ACTIVE} True if absent.")


# --- what is answered ---


class Webhook(TypedDict):
    """The webhook."""

    id: str
    url: Annotated[str | None, Field(description="Null for `callbacks`: each task has its own.")]
    events: Events
    body: BodyFormat
    description: str
    active: bool
    paused_because: PauseReason | None
    created_at: Moment | None
    rotated_at: Annotated[Moment | None, Field(description="When its secret was last superseded.")]
    failing_since: Annotated[Moment | None, Field(description="Nothing has arrived since.")]


class WebhookWithSecret(Webhook):
    """The webhook, with its secret."""

    secret: Annotated[
        str,
        Field(
            pattern="^whsec_[A-Za-z0-9+/]{43}=$",
            description="As Standard Webhooks has it. It is shown this once.",
        ),
    ]


class Webhooks(TypedDict):
    """All of them, oldest first."""

    webhooks: list[Webhook]


class DeliveryAttempt(TypedDict):
    at: Moment
    status: int | None
    error: Annotated[str | None, Field(description="Why there was no answer.")]
    milliseconds: int


class Delivery(TypedDict):
    """One message to one webhook."""

    id: Annotated[str, Field(description="The `webhook-id` of every attempt.")]
    event: Annotated[str, Field(description="The task's state, `updated` if a file came later, or `test`.")]
    task_id: str | None
    url: Annotated[str, Field(description="Without its query.")]
    outcome: Outcome
    created_at: Moment
    next_attempt_at: Moment | None
    attempts: list[DeliveryAttempt]


class SentDelivery(Delivery):
    """The delivery, with its body."""

    content_type: str
    body: str


class Deliveries(TypedDict):
    """One page."""

    deliveries: list[Delivery]
    next_cursor: str | None
