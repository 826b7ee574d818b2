"""Subscriptions, as they are served to clients: who gets notices of an owner's tasks, of which of them, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation
from reelkeep.dialects.replies import Moment, Shape, rfc3339, shows
from reelkeep.domain.notices.notice import News
from reelkeep.domain.notices.subscription import (
    Channel,
    Filter,
    Status,
    SubscriptionRequest,
    SubscriptionUpdate,
    SubscriptionView,
)
from reelkeep.domain.task import State

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep.subscriptions.wire import SubscriptionFilter

_LARGEST_BODY = 65_536  # bytes; no filter that SNS takes comes near


# --- what clients ask ---


def _new(http: Http) -> SubscriptionRequest:
    from reelkeep.dialects.reelkeep.subscriptions.wire import NewSubscription
    from reelkeep.dialects.values import read

    body = read(NewSubscription, http.json(_LARGEST_BODY))
    return SubscriptionRequest(body.protocol, body.endpoint, _filter(body.filter.model_dump()))


def _change(http: Http) -> SubscriptionUpdate:
    from reelkeep.dialects.reelkeep.subscriptions.wire import SubscriptionChange
    from reelkeep.dialects.values import read

    said = read(SubscriptionChange, http.json(_LARGEST_BODY)).model_dump(exclude_unset=True)
    chosen = _filter(said["filter"]) if "filter" in said else None
    return SubscriptionUpdate(_id(http), chosen, said.get("active"))


def _filter(chosen: dict[str, list[Any]]) -> Filter:
    once = {name: tuple(dict.fromkeys(values)) for name, values in chosen.items()}
    events = once.get("states", ())
    news = tuple(each for each in events if isinstance(each, News))
    states = tuple(each for each in events if isinstance(each, State))
    return Filter(**{**once, "states": states, "news": news})


def _id(http: Http) -> str:
    return http.variables["subscription_id"]


# --- what they are answered ---


def _chosen(shown: SubscriptionView) -> dict[str, list[str]]:
    names, chosen = ("states", "providers", "models", "kinds", "tags"), shown.subscription.filter
    lists = {name: getattr(chosen, name) for name in names} | {"states": (*chosen.states, *chosen.news)}
    return {name: list(values) for name, values in lists.items() if values}


class Subscription(Shape):
    """The subscription."""

    id: str = shows("subscription.id")
    protocol: Channel = shows("subscription.protocol")
    endpoint: str = shows("subscription.endpoint")
    filter: SubscriptionFilter = shows(_chosen)
    active: bool = shows("subscription.active", says="False while it is paused.")
    status: Status = shows(
        "status",
        says="`pending` until whoever reads at the endpoint confirms it; `gone` if it was ended there, or not "
        "confirmed within two days: delete it then. A listing does not check whether one is gone.",
    )
    created_at: Moment = shows("subscription.created_at", write=rfc3339)
    updated_at: Moment = shows("subscription.updated_at", write=rfc3339)


class SubscriptionList(Shape):
    """All of them."""

    subscriptions: list[Subscription] = shows(lambda found: [*map(Subscription.of, found)])


_ALL, _ONE = "/subscriptions", "/subscriptions/{subscription_id}"
_NEW: Any = {"status": 201, "headers": lambda shown: {"location": f"/subscriptions/{shown.subscription.id}"}}
ROUTES: tuple[AnyRoute, ...] = (
    Operation(_ALL, "subscribe", Subscription, method="POST", body="NewSubscription", parse=_new, **_NEW),
    Operation(_ALL, "listSubscriptions", SubscriptionList),
    Operation(_ONE, "showSubscription", Subscription, parse=_id),
    Operation(_ONE, "changeSubscription", Subscription, method="PATCH", body="SubscriptionChange", parse=_change),
    Operation(_ONE, "unsubscribe", method="DELETE", parse=_id, status=204),
)
