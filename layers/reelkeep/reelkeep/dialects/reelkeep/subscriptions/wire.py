"""Subscriptions: what a client sends, and what it is shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects.reelkeep.wire import Body, Moment, Name, Tag, optional
from reelkeep.domain.notices.subscription import MAX_COMBINATIONS, Channel, Status
from reelkeep.domain.task import Kind, State

# --- what is sent ---

End = Literal[State.SUCCESS, State.FAILED, State.CANCELLED, State.EXPIRED]


def _any_of(meaning: str) -> Any:
    return Field([], min_length=1, max_length=MAX_COMBINATIONS, description=meaning)


class SubscriptionFilter(Body):
    """A task fits if, of each field that is given, it has one of the values. Every task fits an empty filter.

    The numbers of the values of all fields, multiplied, must not be more than 150: that is what SNS takes.
    """

    states: list[End] = _any_of("How the task ended.")
    providers: list[Name] = _any_of("Which provider served it.")
    models: list[Name] = _any_of("One that ends in `*` stands for every model that begins so.")
    kinds: list[Kind] = _any_of("What was asked for.")
    tags: list[Tag] = _any_of("What the task was tagged with, when it was submitted.")


class NewSubscription(Body):
    model_config = ConfigDict(
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

    protocol: Channel = Field(description="Whoever runs this service decides which of them it allows.")
    endpoint: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="An https URL, the ARN of a queue or of a function in the same region, or an e-mail address. "
        "It can be subscribed once.",
    )
    filter: SubscriptionFilter = Field(default_factory=SubscriptionFilter)


class SubscriptionChange(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    filter: SubscriptionFilter = optional(description="Instead of the whole filter that it has.")
    active: StrictBool = optional(description="False pauses it, true resumes it.")


# --- what is answered ---


class Subscription(TypedDict):
    """The subscription."""

    id: str
    protocol: Channel
    endpoint: str
    filter: SubscriptionFilter
    active: Annotated[bool, Field(description="False while it is paused.")]
    status: Annotated[
        Status,
        Field(
            description="`pending` until whoever reads at the endpoint confirms it; `gone` if it was ended there, or "
            "not confirmed within two days: delete it then. A listing does not check whether one is gone."
        ),
    ]
    created_at: Moment
    updated_at: Moment


class SubscriptionList(TypedDict):
    """All of them."""

    subscriptions: list[Subscription]
