"""What the OpenAPI document says of webhooks and deliveries, beyond the bodies."""

from __future__ import annotations

from collections.abc import Mapping

from reelkeep.dialects.reelkeep.openapi import EXAMPLE_TASK, answer, in_path, located, problems, takes
from reelkeep.domain.notices.webhooks import CALLBACKS, MOST
from reelkeep.domain.wire import Json

USUAL_PAGE, LARGEST_PAGE = 20, 100

_ID = "wh_019aa6f1b2c80123456789abcdef0123"
_DELIVERY_ID = "dl_019aa6f1b2c90123456789abcdef0123"
_EXAMPLE: dict[str, Json] = {
    "id": _ID,
    "url": "https://example.com/hooks/reelkeep",
    "events": ["success", "failed", "cancelled", "expired"],
    "body": "event",
    "description": "",
    "active": True,
    "paused_because": None,
    "created_at": "2026-11-21T12:00:00Z",
    "rotated_at": None,
    "failing_since": None,
}
_EXAMPLE_WITH_SECRET = {**_EXAMPLE, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfpZ0g8L0U="}
_EXAMPLE_DELIVERY: dict[str, Json] = {
    "id": _DELIVERY_ID,
    "event": "success",
    "task_id": EXAMPLE_TASK,
    "url": "https://example.com/hooks/reelkeep",
    "outcome": "delivered",
    "created_at": "2026-11-21T12:01:17Z",
    "next_attempt_at": None,
    "attempts": [{"at": "2026-11-21T12:01:18Z", "status": 204, "error": None, "milliseconds": 86}],
}
_EXAMPLE_SENT = {
    **_EXAMPLE_DELIVERY,
    "content_type": "application/cloudevents+json",
    "body": f'{{"specversion": "1.0", "id": "{EXAMPLE_TASK}.success", "type": "reelkeep.task.success"}}',
}
_EXAMPLE_WAITING = {**_EXAMPLE_SENT, "outcome": "waiting", "next_attempt_at": "2026-11-21T12:05:00Z"}

_OF_ONE = [in_path("webhook_id", _ID, f"The webhook's id, or `{CALLBACKS}`.")]
_OF_ONE_DELIVERY = [*_OF_ONE, in_path("delivery_id", _DELIVERY_ID, "The delivery's id.")]
_PAGING = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many deliveries a page holds.",
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": USUAL_PAGE},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "The `next_cursor` of the page before.",
        "schema": {"type": "string"},
    },
]


def _answers(status: int, meaning: str, schema: str, example: Json, *names: str, **more: Json) -> dict[str, Json]:
    return {str(status): answer(meaning, schema, example, **more), **_problems(*names)}


def _problems(*names: str) -> dict[str, Json]:
    return problems(*names, "method-not-allowed")


_ABOUT_CALLBACKS = (
    f"`{CALLBACKS}` is the webhook of every `callback_url`: its secret and its deliveries are managed like another's."
)
CREATE: Mapping[str, Json] = {
    "operationId": "createWebhook",
    "summary": "Create a webhook",
    "description": (
        f"Every message is signed as Standard Webhooks has it, and tried again for about a day until the answer is "
        f"2xx. There can be {MOST} of them."
    ),
    "requestBody": takes("NewWebhook", example={"url": "https://example.com/hooks/reelkeep"}),
    "responses": _answers(
        201,
        "The webhook, with its secret.",
        "WebhookWithSecret",
        _EXAMPLE_WITH_SECRET,
        "invalid-request",
        "body-too-large",
        headers=located("webhook", f"/webhooks/{_ID}"),
    ),
}
LIST: Mapping[str, Json] = {
    "operationId": "listWebhooks",
    "summary": "List the webhooks",
    "description": f"Without `{CALLBACKS}`, which everybody has.",
    "responses": _answers(200, "All of them, oldest first.", "Webhooks", {"webhooks": [_EXAMPLE]}),
}
SHOW: Mapping[str, Json] = {
    "operationId": "showWebhook",
    "summary": "Show a webhook",
    "description": _ABOUT_CALLBACKS,
    "parameters": _OF_ONE,
    "responses": _answers(200, "The webhook.", "Webhook", _EXAMPLE, "not-found"),
}
CHANGE: Mapping[str, Json] = {
    "operationId": "changeWebhook",
    "summary": "Change, pause or resume a webhook",
    "description": "What is left out stays as it is.",
    "parameters": _OF_ONE,
    "requestBody": takes("WebhookChange", example={"active": True}),
    "responses": _answers(200, "The webhook.", "Webhook", _EXAMPLE, "invalid-request", "not-found", "body-too-large"),
}
DELETE: Mapping[str, Json] = {
    "operationId": "deleteWebhook",
    "summary": "Delete a webhook",
    "description": "What was still to be sent to it is not sent.",
    "parameters": _OF_ONE,
    "responses": {"204": {"description": "It is gone."}, **_problems("not-found")},
}
ROTATE: Mapping[str, Json] = {
    "operationId": "rotateWebhookSecret",
    "summary": "Get another secret",
    "description": f"The one before signs along for 24 hours. {_ABOUT_CALLBACKS}",
    "parameters": _OF_ONE,
    "responses": _answers(
        200, "The webhook, with its secret.", "WebhookWithSecret", _EXAMPLE_WITH_SECRET, "not-found"
    ),
}
TEST: Mapping[str, Json] = {
    "operationId": "sendTestEvent",
    "summary": "Send a test event",
    "description": "At once, and signed as any other; `GET` the delivery to see what became of it.",
    "parameters": _OF_ONE,
    "responses": _answers(
        202,
        "What is being sent.",
        "SentDelivery",
        {**_EXAMPLE_WAITING, "event": "test", "task_id": None, "attempts": []},
        "invalid-request",
        "not-found",
    ),
}
LIST_DELIVERIES: Mapping[str, Json] = {
    "operationId": "listDeliveries",
    "summary": "List what was sent, newest first",
    "description": f"Of the last 30 days. {_ABOUT_CALLBACKS}",
    "parameters": [*_OF_ONE, *_PAGING],
    "responses": _answers(
        200,
        "One page.",
        "Deliveries",
        {"deliveries": [_EXAMPLE_DELIVERY], "next_cursor": None},
        "invalid-request",
        "not-found",
    ),
}
SHOW_DELIVERY: Mapping[str, Json] = {
    "operationId": "showDelivery",
    "summary": "Show what was sent",
    "description": "With every attempt, and what came back.",
    "parameters": _OF_ONE_DELIVERY,
    "responses": _answers(200, "The delivery, with its body.", "SentDelivery", _EXAMPLE_SENT, "not-found"),
}
REPLAY: Mapping[str, Json] = {
    "operationId": "replayDelivery",
    "summary": "Send it again",
    "description": "At once, under the same `webhook-id`, with the same body.",
    "parameters": _OF_ONE_DELIVERY,
    "responses": _answers(
        202, "What is being sent.", "SentDelivery", _EXAMPLE_WAITING, "invalid-request", "not-found"
    ),
}
