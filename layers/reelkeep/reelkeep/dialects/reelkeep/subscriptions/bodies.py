"""The JSON bodies of subscriptions: what a client sends, and what it gets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.reelkeep.bodies import Moment, Name, Tag, described
from reelkeep.domain.notices.subscription import MOST_COMBINATIONS, Protocol, Status
from reelkeep.domain.task import Kind, State
from reelkeep.domain.wire import Json

_STRICT = ConfigDict(defer_build=True, extra="forbid", frozen=True, hide_input_in_errors=True)
End = Literal[State.SUCCESS, State.FAILED, State.CANCELLED, State.EXPIRED]

# --- what a client sends ---


def _any_of(meaning: str, **more: Any) -> Any:
    return Field([], min_length=1, max_length=MOST_COMBINATIONS, description=meaning, **more)


class SubscriptionFilter(BaseModel):
    """A task fits if, of each field that is given, it has one of the values. Every task fits an empty filter.

    The numbers of the values of all fields, multiplied, must not be more than 150: that is what SNS takes.
    """

    model_config = _STRICT

    states: list[End] = _any_of("How the task ended.")
    providers: list[Name] = _any_of("Which provider served it.")
    models: list[Name] = _any_of("One that ends in `*` stands for every model that begins so.")
    kinds: list[Kind] = _any_of("What was asked for.")
    tags: list[Tag] = _any_of("What the task was tagged with, when it was submitted.")


class NewSubscription(BaseModel):
    model_config = _STRICT | ConfigDict(
        json_schema_extra={
            "examples": [
                {"protocol": "email", "endpoint": "alice@example.com", "filter": {"states": ["failed", "expired"]}},
                {
                    "protocol": "sqs",
                    "endpoint": "arn:aws:sqs:eu-west-1:123456789012:films",
                    "filter": {"states": ["success"], "models": ["viduq2*"], "tags": ["campaign-7"]},
                },
            ]
        }
    )

    protocol: Protocol = Field(description="Whoever runs this service decides which of them it allows.")
    endpoint: StrictStr = Field(
        min_length=1,
        max_length=2048,
        description="An https URL, the ARN of a queue or of a function in the same region, or an e-mail address. "
        "It can be subscribed once.",
    )
    filter: SubscriptionFilter = Field(default_factory=SubscriptionFilter)


class SubscriptionChange(BaseModel):
    model_config = _STRICT | ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    filter: SubscriptionFilter | None = Field(None, description="Instead of the whole filter that it has.")
    active: StrictBool | None = Field(None, description="False pauses it, true resumes it.")


# --- what it gets ---


class ShownSubscription(TypedDict):
    id: str
    protocol: Protocol
    endpoint: str
    filter: SubscriptionFilter
    active: Annotated[bool, Field(description="False while it is paused.")]
    status: Annotated[
        Status,
        Field(
            description="`pending` until whoever reads at the endpoint confirms it; `gone` if it was ended there, or "
            "not confirmed within two days: delete it then. A listing does not look whether one is gone."
        ),
    ]
    created_at: Moment
    updated_at: Moment


class SubscriptionList(TypedDict):
    subscriptions: list[ShownSubscription]


def schemas() -> dict[str, Json]:
    return described([NewSubscription, SubscriptionChange], [ShownSubscription, SubscriptionList])
