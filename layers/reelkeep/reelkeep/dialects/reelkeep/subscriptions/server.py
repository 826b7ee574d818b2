"""Subscriptions, as they are served to clients: who gets notices of an owner's tasks, of which of them, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelkeep.dialects.dialect import AnyRoute, Http, Operation, Reply
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.reelkeep.server import gone, located, nothing
from reelkeep.domain.errors import Conflict, LimitReached
from reelkeep.domain.notices.subscription import Filter, SubscriptionRequest, SubscriptionUpdate, SubscriptionView

if TYPE_CHECKING:  # with pydantic, which some functions do not load
    from reelkeep.dialects.reelkeep.subscriptions import wire

_LARGEST_BODY = 65_536  # bytes; no filter that SNS takes comes near


# --- what clients ask ---


def _new(http: Http) -> SubscriptionRequest:
    from reelkeep.dialects.reelkeep.subscriptions.wire import NewSubscription
    from reelkeep.dialects.translate import read

    body = read(NewSubscription, http.json(_LARGEST_BODY))
    return SubscriptionRequest(body.protocol, body.endpoint, _filter(body.filter.model_dump()))


def _change(http: Http) -> SubscriptionUpdate:
    from reelkeep.dialects.reelkeep.subscriptions.wire import SubscriptionChange
    from reelkeep.dialects.translate import read

    said = read(SubscriptionChange, http.json(_LARGEST_BODY)).model_dump(exclude_unset=True)
    chosen = _filter(said["filter"]) if "filter" in said else None
    return SubscriptionUpdate(_id(http), chosen, said.get("active"))


def _filter(chosen: dict[str, list[Any]]) -> Filter:
    return Filter(**{name: tuple(dict.fromkeys(values)) for name, values in chosen.items()})


def _id(http: Http) -> str:
    return http.variables["subscription_id"]


# --- what they are answered ---


def _subscription(shown: SubscriptionView) -> wire.Subscription:
    found = shown.subscription
    chosen = {name: getattr(found.filter, name) for name in ("states", "providers", "models", "kinds", "tags")}
    return {
        "id": found.id,
        "protocol": found.protocol,
        "endpoint": found.endpoint,
        "filter": {name: list(values) for name, values in chosen.items() if values},  # type: ignore[typeddict-item]
        "active": found.active,
        "status": shown.status,
        "created_at": rfc3339(found.created_at),
        "updated_at": rfc3339(found.updated_at),
    }


_ALL, _ONE = "/subscriptions", "/subscriptions/{subscription_id}"
ROUTES: tuple[AnyRoute, ...] = (
    Operation(
        method="POST",
        path=_ALL,
        operation="subscribe",
        summary="Subscribe to notices",
        details="Notices of your own tasks, and of no others, whatever the filter says. Each is a CloudEvent; "
        "`/asyncapi.json` describes them. They come by Amazon SNS, which first asks an e-mail address, a URL, or a "
        "queue of another account to confirm. A new or changed filter takes up to 15 minutes to hold everywhere.",
        body="NewSubscription",
        reply="Subscription",
        errors=(LimitReached, Conflict),
        parse=_new,
        render=lambda shown: located(f"/subscriptions/{shown.subscription.id}", _subscription(shown)),
    ),
    Operation(
        method="GET",
        path=_ALL,
        operation="listSubscriptions",
        summary="List your subscriptions, oldest first",
        details="Does not check whether one was ended at its endpoint.",
        reply="SubscriptionList",
        parse=nothing,
        render=lambda found: Reply(body={"subscriptions": [*map(_subscription, found)]}),
    ),
    Operation(
        method="GET",
        path=_ONE,
        operation="showSubscription",
        summary="Show a subscription",
        details="Checks whether it is confirmed by now, or was ended at its endpoint.",
        reply="Subscription",
        errors=(Conflict,),
        parse=_id,
        render=lambda shown: Reply(body=_subscription(shown)),
    ),
    Operation(
        method="PATCH",
        path=_ONE,
        operation="changeSubscription",
        summary="Change a subscription's filter, pause it, or resume it",
        details="Notices of the time in which it is paused are not sent later. SNS takes up to 15 minutes to follow.",
        body="SubscriptionChange",
        reply="Subscription",
        errors=(LimitReached, Conflict),
        parse=_change,
        render=lambda shown: Reply(body=_subscription(shown)),
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        operation="unsubscribe",
        summary="End a subscription",
        details="A second time changes nothing.",
        parse=_id,
        render=gone,
    ),
)
