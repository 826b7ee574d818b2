"""What clients send about subscriptions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from reelkeep.dialects.reelkeep.wire import Body, Name, Tag, optional
from reelkeep.domain.notices.notice import News
from reelkeep.domain.notices.subscription import MAX_COMBINATIONS, Channel
from reelkeep.domain.task import Kind, State

End = Literal[State.SUCCESS, State.FAILED, State.CANCELLED, State.EXPIRED, News.DIFFERS, News.BUDGET]


def _any_of(meaning: str) -> Any:
    return Field([], min_length=1, max_length=MAX_COMBINATIONS, description=meaning)


class SubscriptionFilter(Body):
    """A task fits if, of each field that is given, it has one of the values. Every task fits an empty filter.

    The numbers of the values of all fields, multiplied, must not be more than 150: that is what SNS takes.
    """

    states: list[End] = _any_of(
        "How the task ended; or `differs`, for the event of a success whose video is not what was ordered, or "
        "`budget`, for warnings of your budgets."
    )
    providers: list[Name] = _any_of("Which provider served it.")
    models: list[Name] = _any_of("One that ends in `*` stands for every model that begins so.")
    kinds: list[Kind] = _any_of("What was asked for.")
    tags: list[Tag] = _any_of("What the task was tagged with, when it was submitted.")


class NewSubscription(Body):
    protocol: Channel = Field(description="Whoever runs this service decides which of them it allows.")
    endpoint: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="An https URL, the ARN of a queue or of a function in the same region, or an e-mail address. "
        "It can be subscribed once."
    )
    filter: SubscriptionFilter = Field(default_factory=SubscriptionFilter)


class SubscriptionChange(Body):
    filter: SubscriptionFilter = optional(says="Instead of the whole filter that it has.")
    active: StrictBool = optional(says="False pauses it, true resumes it.")
