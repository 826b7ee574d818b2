"""How subscriptions are asked for, and shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from reelkeep.dialects.dialect import Http, Reply
from reelkeep.dialects.grammar.moments import rfc3339
from reelkeep.dialects.reelkeep.bodies import Body, read
from reelkeep.dialects.reelkeep.operations import gone, made, nothing, operations
from reelkeep.dialects.reelkeep.subscriptions import bodies, openapi
from reelkeep.domain.notices.subscription import Change, Filter, Shown, Subscription, Wish
from reelkeep.domain.wire import Json

_LARGEST_BODY = 65_536  # bytes; no filter that SNS takes comes near

# --- what a client sends ---


def _wish(http: Http) -> Wish:
    body = _read(bodies.NewSubscription, http)
    return Wish(body.protocol, body.endpoint, _filter(body.filter))


def _change(http: Http) -> Change:
    body = _read(bodies.SubscriptionChange, http)
    return Change(_id(http), _filter(body.filter) if body.filter else None, body.active)


def _read(kind: type[Body], http: Http) -> Body:
    return read(kind, http.json(_LARGEST_BODY), "a subscription", "filter")


def _filter(body: bodies.SubscriptionFilter) -> Filter:
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


def _made(shown: Shown) -> Reply:
    return made(f"/subscriptions/{shown.subscription.id}", _body(shown))


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
        "created_at": rfc3339(found.created_at),
        "updated_at": rfc3339(found.updated_at),
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


_ALL, _ONE = "/subscriptions", "/subscriptions/{subscription_id}"
ROUTES = operations(
    ("POST", _ALL, openapi.SUBSCRIBE, "subscribe", _wish, _made),
    ("GET", _ALL, openapi.LIST, "list_subscriptions", nothing, _listed),
    ("GET", _ONE, openapi.SHOW, "show_subscription", _id, _shown),
    ("PATCH", _ONE, openapi.CHANGE, "change_subscription", _change, _shown),
    ("DELETE", _ONE, openapi.UNSUBSCRIBE, "unsubscribe", _id, gone),
)
