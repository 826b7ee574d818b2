"""What the OpenAPI document says of subscriptions, beyond the bodies."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.reelkeep.openapi import answer, in_path, located, problems, takes
from reelkeep.domain.wire import Json

_ID = "019aa6f1b2c80123456789abcdef0456"
_EXAMPLE: dict[str, Json] = {
    "id": _ID,
    "protocol": "email",
    "endpoint": "alice@example.com",
    "filter": {"states": ["failed", "expired"]},
    "active": True,
    "status": "pending",
    "created_at": "2026-11-21T12:00:00.200000Z",
    "updated_at": "2026-11-21T12:00:00.200000Z",
}
_OF_ONE = [in_path("subscription_id", _ID, "The subscription's id.")]

SUBSCRIBE: Mapping[str, Json] = {
    "operationId": "subscribe",
    "summary": "Subscribe to notices",
    "description": (
        "Notices of your own tasks, and of no others, whatever the filter says. Each is a CloudEvent; "
        "`/asyncapi.json` describes them. They come by Amazon SNS, which first asks an e-mail address, a URL, or a "
        "queue of another account to confirm. A new or changed filter takes up to 15 minutes to hold everywhere."
    ),
    "requestBody": takes("NewSubscription"),
    "responses": {
        "201": answer(
            "The subscription.",
            "ShownSubscription",
            _EXAMPLE,
            headers=located("subscription", f"/subscriptions/{_ID}"),
        ),
        **problems("invalid-request", "limit-reached", "conflict", "body-too-large"),
    },
}
LIST: Mapping[str, Json] = {
    "operationId": "listSubscriptions",
    "summary": "List your subscriptions, oldest first",
    "description": "Does not look whether one was ended at its endpoint.",
    "responses": {
        "200": answer("All of them.", "SubscriptionList", {"subscriptions": [_EXAMPLE]}),
        **problems(),
    },
}
SHOW: Mapping[str, Json] = {
    "operationId": "showSubscription",
    "summary": "Show a subscription",
    "description": "Looks whether it is confirmed by now, or was ended at its endpoint.",
    "parameters": _OF_ONE,
    "responses": {
        "200": answer("The subscription.", "ShownSubscription", _EXAMPLE),
        **problems("not-found", "conflict"),
    },
}
CHANGE: Mapping[str, Json] = {
    "operationId": "changeSubscription",
    "summary": "Change a subscription's filter, pause it, or resume it",
    "description": "What happens while it is paused is not made up for. SNS takes up to 15 minutes to follow.",
    "parameters": _OF_ONE,
    "requestBody": takes("SubscriptionChange"),
    "responses": {
        "200": answer("The subscription.", "ShownSubscription", {**_EXAMPLE, "active": False}),
        **problems("invalid-request", "limit-reached", "not-found", "conflict", "body-too-large"),
    },
}
UNSUBSCRIBE: Mapping[str, Json] = {
    "operationId": "unsubscribe",
    "summary": "End a subscription",
    "description": "A second time changes nothing.",
    "parameters": _OF_ONE,
    "responses": {"204": {"description": "It is ended."}, **problems("not-found")},
}
