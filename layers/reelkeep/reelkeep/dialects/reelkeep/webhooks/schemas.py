"""The JSON schemas of webhooks and deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelkeep.dialects.grammar.described import FLAG, array, nullable, record, words
from reelkeep.dialects.reelkeep.webhooks.wishes import LONGEST_DESCRIPTION, LONGEST_URL, URL
from reelkeep.domain.notices.webhooks import TOLD, USUALLY_TOLD, Form, Outcome, Pause
from reelkeep.domain.wire import Json


def _named(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Mapping[str, Json] = {"type": "string"}
_MOMENT: Mapping[str, Json] = {"type": "string", "format": "date-time"}
_NO_MOMENT = nullable(_MOMENT)
_STATES: Mapping[str, Json] = {
    "type": "array",
    "items": _named("WebhookEvent"),
    "minItems": 1,
    "uniqueItems": True,
    "description": "The states of a task whose coming is told.",
}
_WISHES: Mapping[str, Json] = {
    "url": {
        "type": "string",
        "pattern": URL,
        "maxLength": LONGEST_URL,
        "description": "https, and on the public internet.",
        "examples": ["https://example.com/hooks/reelkeep"],
    },
    "events": _STATES,
    "body": _named("WebhookBody"),
    "description": {**_TEXT, "maxLength": LONGEST_DESCRIPTION, "description": "Yours, for yourself."},
    "active": {**FLAG, "description": "Whether it is told; what comes while it is not is held."},
}
_USUALLY: Mapping[str, str] = {  # in words: from a `default`, clients are generated that always send it
    "events": f"If absent: {', '.join(USUALLY_TOLD)}.",
    "body": f"`{Form.EVENT}` if absent.",
    "active": "True if absent.",
}
_WEBHOOK: Mapping[str, Json] = {
    "id": _TEXT,
    "url": {**nullable(_TEXT), "description": "Null for `callbacks`: each task has its own."},
    "events": _STATES,
    "body": _named("WebhookBody"),
    "description": _TEXT,
    "active": {"type": "boolean"},
    "paused_because": nullable(_named("WebhookPause")),
    "created_at": _NO_MOMENT,
    "rotated_at": {**_NO_MOMENT, "description": "When its secret was last superseded."},
    "failing_since": {**_NO_MOMENT, "description": "Nothing has arrived since."},
}
_SECRET: Mapping[str, Json] = {
    "type": "string",
    "pattern": "^whsec_[A-Za-z0-9+/]{43}=$",
    "description": "As Standard Webhooks has it. It is shown this once.",
}
_DELIVERY: Mapping[str, Json] = {
    "id": {"type": "string", "description": "The `webhook-id` of every attempt."},
    "event": {"type": "string", "description": "The task's state, or `test`."},
    "task_id": nullable(_TEXT),
    "url": {"type": "string", "description": "Without its query."},
    "outcome": _named("DeliveryOutcome"),
    "created_at": _MOMENT,
    "next_attempt_at": _NO_MOMENT,
    "attempts": array(_named("DeliveryAttempt")),
}
_ATTEMPT: Mapping[str, Json] = {
    "at": _MOMENT,
    "status": nullable({"type": "integer"}),
    "error": {**nullable(_TEXT), "description": "Why there was no answer."},
    "milliseconds": {"type": "integer"},
}
_SENT: Mapping[str, Json] = {**_DELIVERY, "content_type": _TEXT, "body": _TEXT}
SCHEMAS: dict[str, Any] = {
    "NewWebhook": {
        "type": "object",
        "properties": {
            **_WISHES,
            **{
                name: {**_WISHES[name], "description": f"{_WISHES[name].get('description', '')} {usual}".lstrip()}
                for name, usual in _USUALLY.items()
            },
        },
        "required": ["url"],
        "additionalProperties": False,
    },
    "WebhookChange": {"type": "object", "properties": dict(_WISHES), "additionalProperties": False},
    "WebhookEvent": words(*(state.value for state in TOLD), description="A state whose coming is told."),
    "WebhookBody": words(
        *(form.value for form in Form),
        description="`event` is a CloudEvent; `dialect` is what the task's dialect shows of it, or posts (OpenAI).",
    ),
    "WebhookPause": words(*(pause.value for pause in Pause), description="Why it is not told."),
    "Webhook": record(_WEBHOOK),
    "WebhookWithSecret": record({**_WEBHOOK, "secret": _SECRET}),
    "Webhooks": record({"webhooks": array(_named("Webhook"))}),
    "DeliveryOutcome": words(*(outcome.value for outcome in Outcome)),
    "DeliveryAttempt": record(_ATTEMPT),
    "Delivery": record(_DELIVERY),
    "SentDelivery": record(_SENT),
    "Deliveries": record({"deliveries": array(_named("Delivery")), "next_cursor": nullable(_TEXT)}),
}
