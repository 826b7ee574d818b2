"""The native API's subscriptions: who is told of an owner's tasks, of which of them, and how."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from reelkeep.dialects import reelkeep_bodies as bodies
from reelkeep.dialects import reelkeep_subscriptions_openapi as openapi
from reelkeep.dialects.dialect import Http, Operation, Reply
from reelkeep.domain.notices.subscription import (
    MOST_COMBINATIONS,
    Change,
    Filter,
    Protocol,
    Shown,
    Status,
    Subscription,
    Wish,
)
from reelkeep.domain.task import Kind, State
from reelkeep.domain.wire import Json

_LARGEST_BODY = 65_536  # bytes; no filter that SNS takes comes near
_STRICT = ConfigDict(defer_build=True, extra="forbid", frozen=True, hide_input_in_errors=True)

Body = TypeVar("Body", bound=BaseModel)
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
    providers: list[bodies.Name] = _any_of("Which provider served it.")
    models: list[bodies.Name] = _any_of("One that ends in `*` stands for every model that begins so.")
    kinds: list[Kind] = _any_of("What was asked for.")
    tags: list[bodies.Tag] = _any_of("What the task was tagged with, when it was submitted.")


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


def _wish(http: Http) -> Wish:
    body = _read(NewSubscription, http)
    return Wish(body.protocol, body.endpoint, _filter(body.filter))


def _change(http: Http) -> Change:
    body = _read(SubscriptionChange, http)
    return Change(_id(http), _filter(body.filter) if body.filter else None, body.active)


def _read(kind: type[Body], http: Http) -> Body:
    """Raises InvalidFields, naming every field that is wrong."""
    sent = http.json(_LARGEST_BODY)
    filter = sent.get("filter")
    inner = [(f"filter.{name}", value) for name, value in filter.items()] if isinstance(filter, dict) else []
    if nulls := [
        (name, "must not be null: leave it out") for name, value in [*sent.items(), *inner] if value is None
    ]:
        raise bodies.InvalidFields(nulls)
    try:
        return kind.model_validate(sent)
    except ValidationError as error:
        raise bodies.refusal("a subscription", error) from error


def _filter(body: SubscriptionFilter) -> Filter:
    return Filter(
        states=_once(body.states),
        providers=_once(body.providers),
        models=_once(body.models),
        kinds=_once(body.kinds),
        tags=_once(body.tags),
    )


Value = TypeVar("Value")


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(values))


def _id(http: Http) -> str:
    return http.variables["subscription_id"]


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
    created_at: bodies.Moment
    updated_at: bodies.Moment


class SubscriptionList(TypedDict):
    subscriptions: list[ShownSubscription]


def schemas() -> dict[str, Json]:
    return bodies.described([NewSubscription, SubscriptionChange], [ShownSubscription, SubscriptionList])


def _made(shown: Shown) -> Reply:
    return Reply(status=201, body=_body(shown), headers={"location": f"/subscriptions/{shown.subscription.id}"})


def _shown(shown: Shown) -> Reply:
    return Reply(body=_body(shown))


def _listed(found: Iterable[Shown]) -> Reply:
    return Reply(body={"subscriptions": [_body(shown) for shown in found]})


def _body(shown: Shown) -> dict[str, Json]:
    found = shown.subscription
    return {
        "id": found.id,
        "protocol": found.protocol,
        "endpoint": found.endpoint,
        "filter": _fields(found),
        "active": found.active,
        "status": shown.status,
        "created_at": bodies.moment(found.created_at),
        "updated_at": bodies.moment(found.updated_at),
    }


def _fields(found: Subscription) -> dict[str, Json]:
    wanted = found.filter
    fields = {
        "states": wanted.states,
        "providers": wanted.providers,
        "models": wanted.models,
        "kinds": wanted.kinds,
        "tags": wanted.tags,
    }
    return {name: list(values) for name, values in fields.items() if values}


_ONE = "/subscriptions/{subscription_id}"
ROUTES = (
    Operation(
        method="POST",
        path="/subscriptions",
        description=openapi.SUBSCRIBE,
        service="subscribe",
        parse=_wish,
        render=_made,
    ),
    Operation(
        method="GET",
        path="/subscriptions",
        description=openapi.LIST,
        service="list_subscriptions",
        parse=lambda _: None,
        render=_listed,
    ),
    Operation(
        method="GET",
        path=_ONE,
        description=openapi.SHOW,
        service="show_subscription",
        parse=_id,
        render=_shown,
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        description=openapi.CHANGE,
        service="change_subscription",
        parse=_change,
        render=_shown,
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        description=openapi.UNSUBSCRIBE,
        service="unsubscribe",
        parse=_id,
        render=lambda _: Reply(status=204),
    ),
)
